"""How far a run is, what is best and how long it will still take; no Ray, and no terminal."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator

from optuna.trial import FrozenTrial, TrialState

from optcell_search import results

from ...ledger.format import DUPLICATE_OF, METRICS, REASON, SEARCHED
from ...ledger.ledger import Ledger


class Progress:
    """What there is to tell of a run while this process works on it."""

    def __init__(self) -> None:
        self._started = time.monotonic()
        self._before: int | None = None

    @property
    def elapsed(self) -> float:
        """Seconds since this process took the run up."""
        return time.monotonic() - self._started

    def ended(self, ledger: Ledger) -> int:
        """Return how many trials have ended."""
        ended = sum(count for state, count in ledger.counts.items() if state.is_finished())
        if self._before is None:
            self._before = ended
        return ended

    def done(self, ledger: Ledger) -> str:
        """Return how many trials have ended, of how many."""
        asked = ledger.request.num_trials
        return f"{self.ended(ledger)} of {asked}" if asked else str(self.ended(ledger))

    def left(self, ledger: Ledger, elapsed: float | None = None) -> float:
        """Return the seconds until a budget is used up; infinity where nobody can say."""
        request, left = ledger.request, math.inf
        done = self.ended(ledger) - (self._before or 0)
        if done and request.num_trials:
            left = (self.elapsed if elapsed is None else elapsed) / done * ledger.unfinished
        if request.time_limit:
            spent = ledger.study.user_attrs.get(SEARCHED, 0.0)
            left = min(left, max(0.0, request.time_limit - spent))
        return left


def ranked(ledger: Ledger) -> list[FrozenTrial]:
    """Return the trials that may be ranked, as `results.eligible` has it."""
    return [trial for trial in _complete(ledger) if ledger.is_feasible(trial.user_attrs[METRICS])]


def _complete(ledger: Ledger) -> Iterator[FrozenTrial]:
    for trial in ledger.trials():
        known = trial.user_attrs
        if trial.state == TrialState.COMPLETE and METRICS in known and DUPLICATE_OF not in known:
            yield trial


def best(ledger: Ledger) -> FrozenTrial | None:
    """Return the trial that is best in the first objective, then in the others; None at first."""
    signs = [-1 if way == "maximize" else 1 for way in ledger.request.objectives.values()]

    def place(trial: FrozenTrial) -> tuple[float, ...]:
        losses = (sign * value for sign, value in zip(signs, trial.values, strict=True))
        return (*losses, trial.number)

    return min(ranked(ledger), key=place, default=None)


def front(ledger: Ledger) -> int:
    """Return how many trials no other one dominates."""
    values = [trial.values for trial in ranked(ledger)]
    directions = list(ledger.request.objectives.values())
    return int(results.front_mask(values, directions).sum()) if values else 0


def outcome(trial: FrozenTrial, objectives: dict[str, results.Direction]) -> str:
    """Return how a trial ended: its scores, that it was pruned, or why it failed."""
    if trial.state == TrialState.FAIL:
        return f"failed: {trial.user_attrs.get(REASON, 'unknown')}"
    metrics = trial.user_attrs.get(METRICS, {})
    scores = ", ".join(f"{name} {metrics[name]:.4g}" for name in objectives if name in metrics)
    return f"{trial.state.name.lower()}: {scores}" if scores else trial.state.name.lower()


def duration(seconds: float) -> str:
    """Return seconds as people write them: ``4 s``, ``3 min 20 s``, ``2 h 5 min``."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
