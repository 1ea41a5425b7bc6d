"""The hyperparameters of every candidate besides those of its cell and its rule."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from .. import registry
from ..hyperparameters import Hyperparameters, choice, integer, real


@dataclass(frozen=True, kw_only=True)
class Model(Hyperparameters):
    """Size and layout of the recurrent network: the arguments of `SequenceModel` of the same name.

    In a space a key that is not mentioned is fixed at its default.
    """

    name: ClassVar[str] = "model"

    hidden_size: int = integer(
        64, search=(16, 256), valid=(1, 16384), log=True, doc="hidden units per layer and direction"
    )
    num_layers: int = integer(1, search=(1, 3), valid=(1, 64), doc="stacked recurrent layers")
    dropout: float = real(
        0.0, search=(0.0, 0.5), valid=(0.0, 1.0), open_high=True, doc="dropout between layers"
    )
    bidirectional: bool = choice(
        False, options=(False, True), doc="read the sequence from both ends"
    )
    learn_rule: bool = choice(
        False, options=(False, True), doc="train the rule's coefficients with the weights"
    )


def _edge(high: int, low: int) -> Any:
    return choice(
        0,
        options=(0, 1, 3, 5),
        needs=("depth", high),
        doc=f"side of the filter from stage {high} back to stage {low}, pixels; 0: no such edge",
    )


@dataclass(frozen=True, kw_only=True)
class ConvModel(Hyperparameters):
    """Layout of a convolutional network: arguments of `ConvNet`, and its feedback edges one by one.

    It stands in for `Model` where the cells are convolutional. ``feedback_4_2`` is the edge from
    stage 4 back to stage 2; it exists only where the network has a stage 4. In a space a key that
    is not mentioned is fixed at its default.
    """

    name: ClassVar[str] = "model"

    depth: int = integer(3, search=(3, 6), valid=(1, 6), doc="stages, each half as high and wide")
    channels: int = integer(
        16, search=(8, 64), valid=(1, 4096), log=True, doc="channels of the first stage"
    )
    growth: int = choice(1, options=(1, 2), doc="channels of a stage over those of the one below")
    steps: int = integer(1, search=(1, 8), valid=(1, 1024), doc="steps taken on each frame")
    learn_rule: bool = choice(
        False, options=(False, True), doc="train the rule's coefficients with the weights"
    )
    feedback_2_1: int = _edge(2, 1)
    feedback_3_1: int = _edge(3, 1)
    feedback_3_2: int = _edge(3, 2)
    feedback_4_1: int = _edge(4, 1)
    feedback_4_2: int = _edge(4, 2)
    feedback_4_3: int = _edge(4, 3)
    feedback_5_1: int = _edge(5, 1)
    feedback_5_2: int = _edge(5, 2)
    feedback_5_3: int = _edge(5, 3)
    feedback_5_4: int = _edge(5, 4)
    feedback_6_1: int = _edge(6, 1)
    feedback_6_2: int = _edge(6, 2)
    feedback_6_3: int = _edge(6, 3)
    feedback_6_4: int = _edge(6, 4)
    feedback_6_5: int = _edge(6, 5)


@dataclass(frozen=True, kw_only=True)
class Training(Hyperparameters):
    """How a candidate's weights are trained.

    In a space a key that is not mentioned is fixed at its default. The defaults are those of the
    official MomentumRNN code for MNIST.
    """

    name: ClassVar[str] = "training"

    optimizer: str = choice(
        "rmsprop", options=("rmsprop", "adam", "adamw"), doc="optimizer of the weights"
    )
    lr: float = real(
        1e-3,
        search=(1e-4, 1e-2),
        valid=(0.0, 10.0),
        log=True,
        open_low=True,
        doc="learning rate of the weights",
    )
    batch_size: int = integer(
        128, search=(32, 512), valid=(1, 2**20), log=True, doc="sequences per step"
    )
    clip: float = real(
        1.0,
        search=(0.1, 10.0),
        valid=(0.0, 1e6),
        log=True,
        doc="largest norm of the gradient; 0 never clips",
    )
    weight_decay: float = real(
        0.0, search=(1e-6, 1e-1), valid=(0.0, 10.0), log=True, doc="weight decay of the optimizer"
    )
    pretrain_epochs: int = integer(
        0,
        search=(1, 100),
        valid=(0, 10**6),
        log=True,
        doc="first epochs, out of the budget, on the task's pre-training data",
    )


def model_settings(cell: str) -> type[Model] | type[ConvModel]:
    """Return what describes the model around a cell, by the cell's registered name."""
    return ConvModel if cell in registry.conv_cells.names() else Model
