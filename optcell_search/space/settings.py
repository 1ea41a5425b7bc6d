"""The hyperparameters of every candidate besides those of its cell and its rule."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from .. import registry
from ..hyperparameters import Hyperparameters, choice, integer, real

# The release that made the model around the cell, and its training, a matter of search.
_WHOLE_MODELS = "0.2.0"
_FRONT = {"front": ("serial", "parallel")}


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
    readout: str = choice(
        "last",
        options=("last", "mean", "max", "mean_max", "attention"),
        since=_WHOLE_MODELS,
        doc="what one answer a sequence is read from: the last step, or steps over time",
    )
    front: str = choice(
        "none",
        options=("none", "serial", "parallel"),
        since=_WHOLE_MODELS,
        doc="causal convolutions over time before the recurrence, or beside it",
    )
    front_width: int = integer(
        64, search=(16, 128), valid=(1, 4096), log=True, needs=_FRONT, since=_WHOLE_MODELS,
        doc="features of each convolution",
    )  # fmt: skip
    front_kernel: int = integer(
        8, search=(3, 16), valid=(2, 1024), log=True, needs=_FRONT, since=_WHOLE_MODELS,
        doc="steps that the first convolution sees; each further one sees 5/8, at least 3",
    )  # fmt: skip
    front_depth: int = integer(
        2, search=(1, 3), valid=(1, 16), needs=_FRONT, since=_WHOLE_MODELS,
        doc="convolutions on top of each other",
    )  # fmt: skip
    front_stride: int = integer(
        1, search=(1, 8), valid=(1, 1024), log=True, needs={"front": ("serial",)},
        since=_WHOLE_MODELS,
        doc="steps for which the recurrence gets one output of the first convolution",
    )  # fmt: skip
    relative_to: str = choice(
        "none",
        options=("none", "last"),
        since=_WHOLE_MODELS,
        doc="series that are forecast: as they are, or relative to their last value",
    )
    norm: str = choice(
        "none",
        options=("none", "layer", "batch"),
        since=_WHOLE_MODELS,
        doc="norm before each layer but the first, and before the read-out",
    )
    residual: bool = choice(
        False,
        options=(False, True),
        needs={"num_layers": 2},
        since=_WHOLE_MODELS,
        doc="layers after the first add to what is below them",
    )
    glu: bool = choice(
        False,
        options=(False, True),
        since=_WHOLE_MODELS,
        doc="a gated linear unit behind each layer, nonlinear at each step",
    )
    input_dropout: float = real(
        0.0, search=(0.0, 0.5), valid=(0.0, 1.0), open_high=True, since=_WHOLE_MODELS,
        doc="dropout of what the first layer takes",
    )  # fmt: skip
    readout_dropout: float = real(
        0.0, search=(0.0, 0.5), valid=(0.0, 1.0), open_high=True, since=_WHOLE_MODELS,
        doc="dropout of what the linear read-out takes",
    )  # fmt: skip


def _edge(high: int, low: int) -> Any:
    return choice(
        0,
        options=(0, 1, 3, 5),
        needs={"depth": high, "feedback": (True,)},
        doc=f"side of the filter from stage {high} back to stage {low}, pixels; 0: no such edge",
    )


@dataclass(frozen=True, kw_only=True)
class ConvModel(Hyperparameters):
    """Layout of a convolutional network: arguments of `ConvNet`, and its feedback edges one by one.

    It stands in for `Model` where the cells are convolutional. ``feedback_4_2`` is the edge from
    stage 4 back to stage 2; it exists only where the network has a stage 4, and where ``feedback``
    has not taken all edges away at once: with each edge by itself there or not, networks without
    any would hardly ever be drawn. In a space a key that is not mentioned is fixed at its default.
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
    feedback: bool = choice(
        True,
        options=(True, False),
        since=_WHOLE_MODELS,
        doc="whether there may be feedback edges; false: none at all",
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
        0.0,
        search=(1e-6, 1e-1),
        valid=(0.0, 10.0),
        log=True,
        doc="weight decay of the optimizer; poles, time scales and what rules learn have none",
    )
    pretrain_epochs: int = integer(
        0,
        search=(1, 100),
        valid=(0, 10**6),
        log=True,
        doc="first epochs, out of the budget, on the task's pre-training data",
    )
    schedule: str = choice(
        "constant",
        options=("constant", "cosine", "one_cycle"),
        since=_WHOLE_MODELS,
        doc="how the learning rate changes over the budget of epochs",
    )
    warmup: float = real(
        0.0, search=(0.0, 0.2), valid=(0.0, 1.0), open_high=True,
        needs={"schedule": ("constant", "cosine")}, since=_WHOLE_MODELS,
        doc="share of the budget over which the learning rate rises from 0",
    )  # fmt: skip
    share: float = real(
        1.0, search=(0.1, 1.0), valid=(0.0, 1.0), open_low=True, since=_WHOLE_MODELS,
        doc="share of the budget of epochs with which training, and a schedule with it, ends",
    )  # fmt: skip
    weights: str = choice(
        "last",
        options=("last", "best"),
        since=_WHOLE_MODELS,
        doc="the weights that are kept: of the last epoch, or of the best by validation",
    )
    patience: int = integer(
        0, search=(5, 50), valid=(0, 10**6), log=True, since=_WHOLE_MODELS,
        doc="epochs without a better one after which training ends; 0: never",
    )  # fmt: skip
    averaging: float = real(
        0.0, search=(0.9, 0.999), valid=(0.0, 1.0), open_high=True, since=_WHOLE_MODELS,
        doc="decay a step of the moving average of the weights that is judged; 0: the weights",
    )  # fmt: skip
    label_smoothing: float = real(
        0.0, search=(0.0, 0.2), valid=(0.0, 1.0), open_high=True, since=_WHOLE_MODELS,
        doc="share of a target's probability that is spread over all classes",
    )  # fmt: skip
    class_weights: str = choice(
        "none",
        options=("none", "balanced"),
        since=_WHOLE_MODELS,
        doc="weight of a class in the loss: 1, or in inverse proportion to its examples",
    )
    jitter: float = real(
        0.0, search=(0.0, 0.2), valid=(0.0, 100.0), since=_WHOLE_MODELS,
        doc="augmentation: standard deviation of noise on every input value",
    )  # fmt: skip
    scaling: float = real(
        0.0, search=(0.0, 0.3), valid=(0.0, 100.0), since=_WHOLE_MODELS,
        doc="augmentation: standard deviation of a factor around 1 on every feature",
    )  # fmt: skip
    slicing: float = real(
        0.0, search=(0.0, 0.3), valid=(0.0, 1.0), open_high=True, since=_WHOLE_MODELS,
        doc="augmentation: largest share of a sequence cut off before it is stretched again",
    )  # fmt: skip


def model_settings(cell: str) -> type[Model] | type[ConvModel]:
    """Return what describes the model around a cell, by the cell's registered name."""
    return ConvModel if cell in registry.conv_cells.names() else Model
