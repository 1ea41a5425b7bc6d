"""Loggers of other packages that a search can also tell what happens, by short names."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ray import tune

# Name → the package it needs, and the Tune callback that talks to it.
_KNOWN = {
    "mlflow": ("mlflow", "ray.air.integrations.mlflow", "MLflowLoggerCallback"),
    "wandb": ("wandb", "ray.air.integrations.wandb", "WandbLoggerCallback"),
    "tensorboard": ("tensorboardX", "ray.tune.logger", "TBXLoggerCallback"),
}
NAMES = tuple(_KNOWN)


def check(names: Sequence[str]) -> None:
    """Make sure that every callback is known and its package installed.

    Raises:
        ValueError: it is not; the message says which package to install.
    """
    for name in names:
        if name not in _KNOWN:
            raise ValueError(f"unknown callback {name!r}; valid: {', '.join(NAMES)}")
        package = _KNOWN[name][0]
        if importlib.util.find_spec(package) is None:
            raise ValueError(
                f"callback {name}: package {package} is not installed; `pip install {package}`"
            )


def make(names: Sequence[str], run_id: str) -> list[tune.Callback]:
    """Return the callbacks with these names.

    Where they log to, and as whom, they take from their own environment variables, such as
    ``MLFLOW_TRACKING_URI`` and ``WANDB_MODE``; TensorBoard's files lie in the run folder's ``ray``.
    """
    options: dict[str, dict[str, Any]] = {
        "mlflow": {"experiment_name": run_id},
        "wandb": {"project": "optcell-search", "group": run_id},
        "tensorboard": {},
    }
    made = []
    for name in names:
        _, module, kind = _KNOWN[name]
        made.append(getattr(importlib.import_module(module), kind)(**options[name]))
    return made
