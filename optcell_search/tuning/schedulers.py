"""What stops candidates early."""

from __future__ import annotations

import math

from ray.tune.schedulers import ASHAScheduler, FIFOScheduler, TrialScheduler

from .request import Request

_REDUCTION = 3


def make_scheduler(request: Request) -> TrialScheduler:
    """Return asynchronous successive halving, or the scheduler that stops nothing.

    The first rung is at a ninth of the budget, so that a candidate is judged up to three times,
    and at each rung a third goes on.

    Source: Li et al. 2020, A System for Massively Parallel Hyperparameter Tuning, arXiv 1810.05934.
    """
    if request.scheduler == "none":
        return FIFOScheduler()  # type: ignore[no-untyped-call]
    ((name, direction),) = request.objectives.items()
    return ASHAScheduler(
        time_attr="epoch",
        metric=f"metrics/{name}",
        mode="max" if direction == "maximize" else "min",
        max_t=request.epochs,
        grace_period=math.ceil(request.epochs / _REDUCTION**2),
        reduction_factor=_REDUCTION,
    )
