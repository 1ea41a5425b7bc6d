"""How the space `auto` becomes one for the data at hand."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from .space import SearchSpace

AUTO = "auto"

_STEPS_AN_EPOCH = 16
_KERNELS_A_SEQUENCE = 4
_STEPS_OF_A_FRONT = 50
_SMALL, _LARGE = 500, 10_000
_WIDEST_OF_SMALL, _NARROWEST_OF_LARGE = 128, 64


@dataclass(frozen=True, kw_only=True)
class DataSizes:
    """What `adapted` goes by.

    Attributes:
        sequences: in the training split.
        steps: of the longest.
        readout: "last" for one answer a sequence, "every" for one a step.
        classes: of a classification, 0 where numbers are predicted.
        symbols: whether a step is the number of a symbol, and symbols are predicted.
        forecast: whether what is predicted is how a series goes on.
        anchored: whether the past of every such series is among the inputs, as numbers.
        by_answers: whether candidates are judged by how many answers are right, and by nothing that
            goes by how sure these are, such as the cross-entropy.
    """

    sequences: int
    steps: int
    readout: Literal["last", "every"]
    classes: int
    symbols: bool
    forecast: bool = False
    anchored: bool = False
    by_answers: bool = False


def adapted(space: SearchSpace, sizes: DataSizes) -> SearchSpace:
    """Return the part of a space that suits data of these sizes.

    Of a hyperparameter's choices those are left that the rule allows, or the nearest where it
    allows none. A range or a single value stays.

    - ``batch_size``: the largest that leaves 16 steps an epoch.
    - ``hidden_size``, ``front_width``: at most 128 below 500 sequences, at least 64 from 10,000 on.
    - ``front_kernel``: at most a quarter of the steps.
    - ``front_stride``: the largest that leaves the recurrence 50 steps, or the one below it. Long
      series are mostly smooth: of sequences stretched to 320 steps a candidate learned more with a
      stride of 4 or 8 than with none, and of those of 1,280 no less with 16 than with 8, in less
      time; of those of 40 steps less with one of 2 (``scripts/benchmarks/results/few.md``).
    - Where every step has a target: nothing is read ahead (one direction) or read together (the
      read-out is that of the step), and no window is cut.
    - Where symbols are predicted: one direction, no front, and no augmentation, which is for
      numbers.
    - Where a series is to be continued: the last step is read, or what attention takes, and
      convolutions stand beside the recurrence or nowhere. A rising series goes on where the past
      never was; behind convolutions and their norm, or in a mean over time, that is lost
      (``scripts/benchmarks/results/forecasts.md``). No window of it is cut, and no factor put on
      it: the values that follow would be others.
    - Where the past of a series is an input: it is forecast as it is, or relative to its last
      value; a rising one had a quarter of the error so, 13 weeks ahead (forecasts.md).
    - ``label_smoothing``: the most below 500 sequences where candidates are judged by answers: more
      of them are right then, and they are less sure (few.md again).
    - Where numbers are predicted: no label smoothing and no class weights.
    """
    data = space.to_dict()
    model, training = data["model"], data["training"]
    _narrow(
        training, "batch_size", lambda size: math.ceil(sizes.sequences / size) >= _STEPS_AN_EPOCH
    )
    if batches := _choices(training["batch_size"]):
        training["batch_size"] = max(batches)
    for name in ("hidden_size", "front_width"):
        if sizes.sequences < _SMALL:
            _narrow(model, name, lambda width: width <= _WIDEST_OF_SMALL)
        if sizes.sequences >= _LARGE:
            _narrow(model, name, lambda width: width >= _NARROWEST_OF_LARGE, nearest=-1)
    _narrow(model, "front_kernel", lambda kernel: kernel <= sizes.steps / _KERNELS_A_SEQUENCE)
    _narrow(model, "front_stride", lambda stride: stride <= sizes.steps / _STEPS_OF_A_FRONT)
    if strides := _choices(model["front_stride"]):
        # The largest comes first: a plain cell takes it, unless the default of 1 is among them.
        model["front_stride"] = {"choices": strides[:-3:-1]}
    if sizes.readout == "every":
        model |= {"bidirectional": False, "readout": "last", "front_stride": 1}
        training["slicing"] = 0.0
    if sizes.symbols:
        model |= {"bidirectional": False, "front": "none", "front_stride": 1}
        training |= {"jitter": 0.0, "scaling": 0.0, "slicing": 0.0}
    if sizes.forecast:
        training |= {"scaling": 0.0, "slicing": 0.0}
        model |= {
            "readout": {"choices": ["last", "attention"]},
            "readout_dropout": {"choices": [0.0, 0.2]},
            "front": {"choices": ["none", "parallel"]},
            "front_stride": 1,
        }
    if sizes.anchored:
        model["relative_to"] = {"choices": ["last", "none"]}
    if sizes.sequences < _SMALL and sizes.by_answers:
        most = max(_choices(training["label_smoothing"]), default=training["label_smoothing"])
        training["label_smoothing"] = most
    if not sizes.classes:
        training |= {"label_smoothing": 0.0, "class_weights": "none"}
    # What is said of a front, say, is passed over where there is none.
    return SearchSpace.from_dict(
        data, where=f"search space {space.name!r} for this data", written=True
    )


def _narrow(
    table: dict[str, Any], name: str, allows: Callable[[Any], bool], nearest: int = 0
) -> None:
    """Leave the choices that are allowed, or where none is the first or the last, the nearest."""
    if choices := _choices(table[name]):
        left = [value for value in choices if allows(value)] or [choices[nearest]]
        table[name] = {"choices": left} if len(left) > 1 else left[0]


def _choices(plain: Any) -> list[Any]:
    return sorted(plain.get("choices", [])) if isinstance(plain, Mapping) else []
