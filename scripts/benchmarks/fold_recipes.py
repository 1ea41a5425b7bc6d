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
    "mnist1d": "mnist1d",
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

RECIPES: dict[str, Callable[[Any], Values]] = {
    "common": _common,
    "plain": lambda task: {},
    "one_cycle": lambda task: _CYCLE,
    "both mean_max": lambda task: _BOTH,
    "both attention": lambda task: {**_BOTH, "model.readout": "attention"},
    "serial front": lambda task: _SERIAL,
    "parallel front": lambda task: _PARALLEL,
    "serial depth 3": lambda task: {**_SERIAL, "model.front_depth": 3},
    "parallel depth 3": lambda task: {**_PARALLEL, "model.front_depth": 3},
    "parallel depth 3 width 128": lambda task: {
        **_PARALLEL, "model.front_depth": 3, "model.front_width": 128,
    },
    "serial best": lambda task: {**_SERIAL, "training.weights": "best"},
    "serial averaging": lambda task: {**_SERIAL, "training.averaging": 0.99},
    "serial smoothing": lambda task: {**_SERIAL, "training.label_smoothing": 0.1},
    "serial jitter": lambda task: {**_SERIAL, "training.jitter": 0.1},
    "serial slicing": lambda task: {**_SERIAL, "training.slicing": 0.1},
    "serial layer norm": lambda task: {**_SERIAL, "model.norm": "layer"},
}  # fmt: skip
