"""The sets and recipes that `bench_folds.py` compares."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

SETS = {
    "GunPoint": "ucr:name=GunPoint",
    "ArrowHead": "ucr:name=ArrowHead",
    "ItalyPowerDemand": "ucr:name=ItalyPowerDemand",
    "JapaneseVowels": "ucr:name=JapaneseVowels",
    "BasicMotions": "ucr:name=BasicMotions",
    "MNIST-1D": "mnist1d",
    "digits": "digits",
}

Values = dict[str, Any]


def _common(sequences: int) -> Values:
    """Return what the recipes share, by the size of the training split."""
    batch = 8 if sequences < 200 else 32 if sequences < 2000 else 64
    return {
        "cell": "gru", "rule": "gd", "gd.s": 1.0, "model.hidden_size": 64,
        "training.optimizer": "adamw", "training.lr": 3e-3, "training.batch_size": batch,
    }  # fmt: skip


_CYCLE = {"training.schedule": "one_cycle"}
_BOTH = {**_CYCLE, "model.bidirectional": True, "model.readout": "mean_max",
         "model.readout_dropout": 0.2}  # fmt: skip
_SERIAL = {**_BOTH, "model.front": "serial"}
_PARALLEL = {**_BOTH, "model.front": "parallel"}

# LSTM-FCN as published, as far as the front can say it: three convolutions of kernels 8, 5, 3 read
# by their mean over time, and a small LSTM beside them that reads its last step (the paper turns
# its input about; ours reads it step by step).
_FCN = {**_CYCLE, "cell": "lstm", "model.hidden_size": 8, "model.front": "parallel",
        "model.front_depth": 3, "model.readout_dropout": 0.2}  # fmt: skip

_SMALL = {**_SERIAL, "model.hidden_size": 32, "model.front_width": 32}

# Three convolutions of kernels 8, 5, 3 beside the recurrence or before it.
_THREE = {"model.front_depth": 3}

_SMOOTH = {"training.label_smoothing": 0.1}

RECIPES: dict[str, Callable[[Any], Values]] = {
    "common": _common,
    "both": lambda task: _BOTH,
    "serial": lambda task: _SERIAL,
    "serial batch 4": lambda task: {**_SERIAL, "training.batch_size": 4},
    "parallel depth 3": lambda task: {**_PARALLEL, "model.front_depth": 3},
    "serial depth 3": lambda task: {**_SERIAL, **_THREE},
    "serial 128 depth 3": lambda task: {**_SERIAL, **_THREE, "model.front_width": 128},
    "parallel 128 depth 3": lambda task: {**_PARALLEL, **_THREE, "model.front_width": 128},
    "serial stride 2": lambda task: {**_SERIAL, "model.front_stride": 2},
    "serial stride 4": lambda task: {**_SERIAL, "model.front_stride": 4},
    "serial depth 3 stride 2": lambda task: {**_SERIAL, **_THREE, "model.front_stride": 2},
    "serial depth 3 stride 4": lambda task: {**_SERIAL, **_THREE, "model.front_stride": 4},
    "serial depth 3 stride 8": lambda task: {**_SERIAL, **_THREE, "model.front_stride": 8},
    "serial depth 3 smoothing": lambda task: {**_SERIAL, **_THREE, **_SMOOTH},
    **{
        f"serial depth 3 stride {stride} smoothing": lambda task, stride=stride: {
            **_SERIAL, **_THREE, **_SMOOTH, "model.front_stride": stride,
        }
        for stride in (4, 8, 16, 32)
    },
    "delta depth 3": lambda task: {**_SERIAL, **_THREE, "cell": "delta"},
    "delta depth 3 stride 4": lambda task: {
        **_SERIAL, **_THREE, "cell": "delta", "model.front_stride": 4,
    },
    "hippo depth 3": lambda task: {**_SERIAL, **_THREE, "cell": "hippo"},
    "lstm depth 3": lambda task: {**_SERIAL, **_THREE, "cell": "lstm"},
    "lstm depth 3 stride 4": lambda task: {
        **_SERIAL, **_THREE, "cell": "lstm", "model.front_stride": 4,
    },
    "serial decay 0.1": lambda task: {**_SERIAL, "training.weight_decay": 0.1},
    "serial lr 1e-2": lambda task: {**_SERIAL, "training.lr": 1e-2},
    "serial lr 1e-3": lambda task: {**_SERIAL, "training.lr": 1e-3},
    "serial averaging": lambda task: {**_SERIAL, "training.averaging": 0.98},
    "serial slicing": lambda task: {**_SERIAL, "training.slicing": 0.1},
    "serial slicing 0.3": lambda task: {**_SERIAL, "training.slicing": 0.3},
    "serial jitter": lambda task: {**_SERIAL, "training.jitter": 0.1},
    "serial scaling": lambda task: {**_SERIAL, "training.scaling": 0.1},
    "serial smoothing": lambda task: {**_SERIAL, "training.label_smoothing": 0.1},
    "serial dropout 0.5": lambda task: {**_SERIAL, "model.readout_dropout": 0.5},
    "serial attention": lambda task: {**_SERIAL, "model.readout": "attention"},
    "serial mean": lambda task: {**_SERIAL, "model.readout": "mean"},
    "serial 128 units": lambda task: {**_SERIAL, "model.hidden_size": 128},
    "serial kernel 16": lambda task: {**_SERIAL, "model.front_kernel": 16},
    "serial kernel 4": lambda task: {**_SERIAL, "model.front_kernel": 4},
    "serial batch norm": lambda task: {**_SERIAL, "model.norm": "batch"},
    "lstm-fcn 64": lambda task: _FCN,
    "lstm-fcn 128": lambda task: {**_FCN, "model.front_width": 128},
    "small": lambda task: _SMALL,
    "small none": lambda task: {**_BOTH, "model.hidden_size": 32},
    "small parallel": lambda task: {**_SMALL, "model.front": "parallel"},
    "small depth 3": lambda task: {**_SMALL, "model.front_depth": 3},
    "small batch 4": lambda task: {**_SMALL, "training.batch_size": 4},
    "small lr 1e-3": lambda task: {**_SMALL, "training.lr": 1e-3},
    "small lr 1e-2": lambda task: {**_SMALL, "training.lr": 1e-2},
    "small decay 0.1": lambda task: {**_SMALL, "training.weight_decay": 0.1},
    "small dropout 0.5": lambda task: {**_SMALL, "model.readout_dropout": 0.5},
    "small averaging": lambda task: {**_SMALL, "training.averaging": 0.98},
    "small smoothing": lambda task: {**_SMALL, "training.label_smoothing": 0.1},
    "small jitter": lambda task: {**_SMALL, "training.jitter": 0.1},
    "small slicing": lambda task: {**_SMALL, "training.slicing": 0.1},
    "small slicing 0.3": lambda task: {**_SMALL, "training.slicing": 0.3},
    "small attention": lambda task: {**_SMALL, "model.readout": "attention"},
    "small kernel 16": lambda task: {**_SMALL, "model.front_kernel": 16},
}  # fmt: skip


def compared_with(recipe: str) -> str | None:
    """Return the recipe that another one differs from in one thing; None: in several."""
    if recipe in ("serial", "common"):
        return None
    if recipe.startswith("lstm-fcn"):
        return "parallel depth 3"
    cell, _, rest = recipe.partition(" ")
    if cell in ("delta", "hippo", "lstm"):
        return f"serial {rest}"
    if recipe.startswith("serial depth 3 ") and recipe.endswith(" smoothing"):
        # The longer strides beside one of 8, all smoothed; the others beside what is not.
        longer = recipe.split()[-2] in ("16", "32")
        return "serial depth 3 stride 8 smoothing" if longer else recipe.removesuffix(" smoothing")
    if recipe.startswith("serial depth 3 "):
        return "serial depth 3"
    return "small" if recipe.startswith("small ") else "serial"
