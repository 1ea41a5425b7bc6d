"""Names, numbers and cells in words, the same in every view."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import Any

SYMBOLS = {"mu": "μ", "beta": "β", "eps": "ε", "restart": "F"}
_AXES = {
    "parameters": "parameters",
    "train_seconds": "training time (s)",
    "latency_ms": "latency of one sequence (ms)",
    "loss": "validation loss",
    "train_loss": "training loss",
    "gradient_first": "gradient norm at the first step",
    "gradient_last": "gradient norm at the last step",
}
_BEST = {
    "parameters": "fewest parameters",
    "train_seconds": "shortest training",
    "latency_ms": "lowest latency",
}
_COLUMNS = {
    "number": "trial",
    "seconds": "time (s)",
    "duplicate_of": "same as",
}
_FILE = re.compile(r"\S.*\.\w{1,8}")
_SPREAD = "_std"
_SHORT = {"hidden_size": "hidden", "num_layers": "layers", "batch_size": "batch"}


def axis(metric: str) -> str:
    """Return what an axis of `metric` is called, with its unit where it has one."""
    return _AXES.get(metric, f"validation {metric.replace('_', ' ')}")


def best(metric: str) -> str:
    """Return what the best row of `metric` is called."""
    return _BEST.get(metric, f"best {metric.replace('_', ' ')}")


def symbol(hyperparameter: str) -> str:
    """Return the letter that papers use for a rule's hyperparameter, else its name."""
    return SYMBOLS.get(hyperparameter, hyperparameter.replace("_", " "))


def setting(dotted: str) -> str:
    """Return a setting of model or training without its section: ``hidden``, ``lr``."""
    name = dotted.partition(".")[2]
    return _SHORT.get(name, name)


def hyperparameter(dotted: str) -> str:
    """Return a dotted name as people read it: ``μ (heavy ball)``, ``hidden``, ``lr``, ``rule``."""
    section, _, name = dotted.partition(".")
    if not name:
        return dotted
    if section in ("model", "training"):
        return setting(dotted)
    return f"{symbol(name)} ({section.replace('_', ' ')})"


def task(specification: str) -> str:
    """Return a task's name without its options; a data file's without folder and ending."""
    name = specification.partition(":")[0]
    return PurePath(name).stem if _FILE.fullmatch(name) else name


def plain_metric(metric: str) -> str:
    """Return a metric's name without saying of which split it is: ``accuracy``."""
    return _AXES.get(metric, metric.replace("_", " ")).removeprefix("validation ")


def column(name: str) -> str:
    """Return what a column of the table is called, with its unit where it has one."""
    if name in _COLUMNS:
        return _COLUMNS[name]
    if name.endswith(_SPREAD):
        return f"{plain_metric(name.removesuffix(_SPREAD))} ±"
    return hyperparameter(name) if "." in name else plain_metric(name)


def number(value: Any, digits: int = 4) -> str:
    """Return a value with so many significant digits, integers in full: ``0.97``, ``12,345``."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "–"
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    if (float(value).is_integer() or abs(value) >= 1000) and abs(value) < 1e15:
        return f"{round(value):,}"
    return f"{value:.{digits}g}"


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
        f"{symbol(_SHORT.get(name, name))} {number(value, 3)}" for name, value in values.items()
    )


def is_missing(value: Any) -> bool:
    """Whether a table's cell is empty: None, NaN or pandas' NA."""
    # pandas' NA comes first: asked whether it differs from itself, it does not know.
    return value is None or str(value) in ("<NA>", "NaT") or value != value
