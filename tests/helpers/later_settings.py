"""The settings that came with 0.2 and their defaults, at which nothing differs from 0.1."""

from __future__ import annotations

from typing import Any

MODEL: dict[str, Any] = {
    "readout": "last",
    "front": "none",
    "front_width": 64,
    "front_kernel": 8,
    "front_depth": 2,
    "front_stride": 1,
    "relative_to": "none",
    "norm": "none",
    "residual": False,
    "glu": False,
    "input_dropout": 0.0,
    "readout_dropout": 0.0,
}
TRAINING: dict[str, Any] = {
    "schedule": "constant",
    "warmup": 0.0,
    "share": 1.0,
    "weights": "last",
    "patience": 0,
    "averaging": 0.0,
    "label_smoothing": 0.0,
    "class_weights": "none",
    "jitter": 0.0,
    "scaling": 0.0,
    "slicing": 0.0,
}
ALL = {f"model.{name}": value for name, value in MODEL.items()} | {
    f"training.{name}": value for name, value in TRAINING.items()
}
# Of a model without a front and with one layer.
ABSENT = {
    *(f"model.front_{name}" for name in ("width", "kernel", "depth", "stride")),
    "model.residual",
}
PRESENT = {name: value for name, value in ALL.items() if name not in ABSENT}
