"""Bounds that no candidate can keep, by themselves where it is known between what a metric lies."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence

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


def check_reachable(
    bounds: Sequence[Constraint], known: Mapping[str, Range], option: str, where: str = ""
) -> None:
    """Raise a ValueError where no candidate can keep one of some bounds, or two of them at once.

    Args:
        bounds: the bounds.
        known: metric → the lowest and the highest value there can be.
        option: that they were given by.
        where: that is so, for the message.
    """
    for bound in bounds:
        low, high = known.get(bound.metric, (-math.inf, math.inf))
        if bound.relation == ">=" and bound.bound > high:
            said = f"never above {high:g}"
        elif bound.relation == "<=" and bound.bound < low:
            said = f"never below {low:g}"
        else:
            continue
        raise ValueError(f"{option} {str(bound)!r}: {bound.metric} is {said}{where}")
    for lower, upper in itertools.product(bounds, repeat=2):
        opposed = (lower.relation, upper.relation) == (">=", "<=")
        if opposed and lower.metric == upper.metric and lower.bound > upper.bound:
            raise ValueError(f"{option} {str(lower)!r} and {str(upper)!r}: nothing keeps both")
