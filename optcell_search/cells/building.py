"""From a cell, a rule and plain data to the model they make: over vectors, or over feature maps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import torch

from ..rules import Rule
from .base import Cell
from .conv import ConvNet, ConvolutionalCell
from .model import Anchor, SequenceModel

AnyModel = SequenceModel | ConvNet

# The switch of all edges, and with an underscore behind it each of them.
_FEEDBACK = "feedback"
_EDGE = f"{_FEEDBACK}_"


def build_model(
    cell: Cell | ConvolutionalCell,
    rule: Rule,
    model: Mapping[str, Any],
    *,
    input_size: int,
    output_size: int,
    readout: Literal["last", "every"] = "last",
    frame: tuple[int, int, int] | None = None,
    symbols: bool = False,
    embedded: Sequence[tuple[int, int]] = (),
    anchors: Sequence[Anchor] = (),
    device: torch.device | str | None = None,
) -> AnyModel:
    """Return the untrained model around a cell.

    Args:
        cell: the cell; its kind decides between `SequenceModel` and `ConvNet`.
        rule: the rule.
        model: the arguments of `SequenceModel`, or those of `ConvNet` with each feedback edge as
            ``feedback_HIGH_LOW``, the side of its filter (0: no edge); ``feedback`` says no more
            than that there may be some.
        input_size: features of a step.
        output_size: features of the output.
        readout: "every" where every step is read out, "last" where a sequence has one answer; then
            the model's own `readout` says of which steps.
        frame: channels, height and width where the features of a step are an image.
        symbols: whether a step is the number of a symbol, and symbols are predicted.
        embedded: (place, levels) of features that are numbers of categories.
        anchors: for each output where the past of its series is found, see `model.Relative`.
        device: of the parameters.

    Raises:
        ValueError: a convolutional cell without a frame, or with one that it cannot halve.
    """
    if isinstance(cell, Cell):
        # Whether every step is read out is the task's to say; how one answer is read, the model's.
        pooled = {"readout": readout} if readout == "every" else {}
        return SequenceModel(
            input_size, output_size, cell=cell, rule=rule, symbols=symbols, embedded=embedded,
            anchors=anchors, device=device, **{**model, **pooled},
        )  # fmt: skip
    if frame is None:
        raise ValueError(
            f"cell {cell.name!r} needs images, and a step of this task is {input_size} numbers; "
            f"valid: a task of images or movies, such as digits:steps=image or stream_digits"
        )
    edges = {
        (int(high), int(low)): side
        for key, side in model.items()
        if key.startswith(_EDGE) and side
        for high, low in [key.removeprefix(_EDGE).split("_")]
    }
    layout = {key: value for key, value in model.items() if not key.startswith(_FEEDBACK)}
    return ConvNet(
        frame, output_size, cell=cell, rule=rule, readout=readout, feedback=edges, device=device,
        **layout,
    )  # fmt: skip
