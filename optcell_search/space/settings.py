"""The hyperparameters of every candidate besides those of its cell and its rule."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

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
