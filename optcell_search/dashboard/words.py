"""Names, numbers and cells in words, the same in every view."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

SYMBOLS = {"mu": "μ", "beta": "β", "eps": "ε", "restart": "F"}
_AXES = {
    "parameters": "parameters",
    "train_seconds": "training time (s)",
    "latency_ms": "latency of one sequence (ms)",
    "loss": "validation loss",
    "train_loss": "training loss",
}
_SHORT = {"hidden_size": "hidden", "num_layers": "layers", "batch_size": "batch"}


def axis(metric: str) -> str:
    """Return what an axis of `metric` is called, with its unit where it has one."""
    return _AXES.get(metric, f"validation {metric.replace('_', ' ')}")


def symbol(hyperparameter: str) -> str:
    """Return the letter that papers use for a rule's hyperparameter, else its name."""
    return SYMBOLS.get(hyperparameter, hyperparameter.replace("_", " "))


def number(value: Any) -> str:
    """Return a value with four significant digits, integers in full: ``0.9722``, ``12,345``."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "–"
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    if float(value).is_integer() and abs(value) < 1e15:
        return f"{int(value):,}"
    return f"{value:.4g}"


def count(amount: int, noun: str) -> str:
    """Return ``1 trial``, ``2 trials``."""
    return f"{amount:,} {noun}" + ("" if amount == 1 else "s")


def listed(parts: Sequence[str]) -> str:
    """Return ``a``, ``a and b``, ``a, b and c``."""
    *head, last = parts
    return f"{', '.join(head)} and {last}" if head else last


def options(values: Mapping[str, Any], separator: str = " · ") -> str:
    """Return hyperparameters in words: ``μ 0.6 · s 0.6``."""
    return separator.join(
        f"{symbol(_SHORT.get(name, name))} {number(value)}" for name, value in values.items()
    )


def is_missing(value: Any) -> bool:
    """Whether a table's cell is empty: None, NaN or pandas' NA."""
    return value is None or value != value or str(value) in ("<NA>", "NaT")
