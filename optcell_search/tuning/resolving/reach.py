"""Bounds that no candidate can keep, where it is known between what a metric lies."""

from __future__ import annotations

import math
from collections.abc import Mapping

from optcell_search import training
from optcell_search.tasks import LoadedTask
from optcell_search.tasks.goals import (
    Classification,
    Forecasting,
    Goal,
    Labels,
    NextSymbol,
    Regression,
    ScaledRegression,
)

from ...ledger.constraints import Constraint

Range = tuple[float, float]
_SHARE, _ERROR = (0.0, 1.0), (0.0, math.inf)
_NUMBERS: Mapping[str, Range] = {
    **dict.fromkeys(("mase", "mse", "mae", "rmse", "quantile_loss"), _ERROR),
    "r2": (-math.inf, 1.0),
}
_CLASSES: Mapping[str, Range] = {
    **dict.fromkeys(("accuracy", "balanced_accuracy", "macro_f1", "roc_auc"), _SHARE),
    "cross_entropy": _ERROR,
    "brier": (0.0, 2.0),
}
# What another goal calls by these names may be something else.
_RANGES: Mapping[type[Goal], Mapping[str, Range]] = {
    Classification: _CLASSES,
    Labels: {**_CLASSES, "brier": _SHARE},
    NextSymbol: {"perplexity": (1.0, math.inf), "bits": _ERROR},
    Regression: _NUMBERS,
    ScaledRegression: _NUMBERS,
    Forecasting: _NUMBERS,
}


def ranges(task: LoadedTask) -> dict[str, Range]:
    """Return metric → the lowest and the highest value there can be, of those that are known."""
    known = dict(_RANGES.get(type(task.goal), {}))
    shares = dict.fromkeys((penalty.metrics[1] for penalty in task.penalties), _SHARE)
    return known | shares | dict.fromkeys(training.COSTS, _ERROR)


def check_reachable(bound: Constraint, task: LoadedTask, option: str) -> None:
    """Raise a ValueError where no candidate can keep a bound.

    Args:
        bound: the bound.
        task: what the candidates are judged on.
        option: that it was given by.
    """
    low, high = ranges(task).get(bound.metric, (-math.inf, math.inf))
    if bound.relation == ">=" and bound.bound > high:
        raise ValueError(f"{option} {str(bound)!r}: {bound.metric} is never above {high:g}")
    if bound.relation == "<=" and bound.bound < low:
        raise ValueError(f"{option} {str(bound)!r}: {bound.metric} is never below {low:g}")
