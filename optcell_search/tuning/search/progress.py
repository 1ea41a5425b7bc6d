"""How far a run is, what is best and how long it will still take; no Ray, and no terminal."""

from __future__ import annotations

import math
import time

import pandas as pd
from optuna.trial import FrozenTrial, TrialState

from optcell_search import results
from optcell_search.wording import number

from ...ledger.format import DUPLICATE_OF, METRICS, REASON, SEARCHED, SPREAD
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
        """Return how many trials have ended by themselves; what was cut is trained anew."""
        ended = sum(count for state, count in ledger.counts.items() if state.is_finished())
        ended -= ledger.cut
        if self._before is None:
            self._before = ended
        return ended

    def done(self, ledger: Ledger) -> str:
        """Return how many trials have ended, of how many."""
        asked = ledger.request.num_trials
        return f"{self.ended(ledger)} of {asked}" if asked else str(self.ended(ledger))

    def share(self, ledger: Ledger) -> float | None:
        """Return the share of a budget that is used, of the one used most; None: there is none."""
        request = ledger.request
        used = []
        if request.num_trials:
            used.append(self.ended(ledger) / request.num_trials)
        if request.time_limit:
            used.append(ledger.study.user_attrs.get(SEARCHED, 0.0) / request.time_limit)
        return min(1.0, max(used)) if used else None

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


def ranking(ledger: Ledger) -> pd.DataFrame:
    """Return the complete trials with what `results` ranks them by, without all the rest."""
    first, *_ = objectives = list(ledger.request.objectives)
    rows = []
    for trial in ledger.trials():
        known = trial.user_attrs
        if trial.state == TrialState.COMPLETE and METRICS in known:
            rows.append(
                {
                    "number": trial.number,
                    "state": trial.state.name,
                    "reason": known.get(REASON),
                    "feasible": ledger.is_feasible(known[METRICS]),
                    "duplicate_of": known.get(DUPLICATE_OF),
                    "key": known.get("key"),
                    "parameters": known[METRICS].get("parameters"),
                    f"{first}_std": known.get(SPREAD, {}).get(first),
                    **dict(zip(objectives, trial.values, strict=True)),
                }
            )
    table = pd.DataFrame(rows)
    return table.astype({"parameters": float, f"{first}_std": float}) if rows else table


def best(ledger: Ledger) -> FrozenTrial | None:
    """Return the best trial so far; None where there is none yet."""
    table, objectives = ranking(ledger), ledger.request.objectives
    if table.empty or results.eligible(table, objectives).empty:
        return None
    return ledger.trials()[int(results.best(table, objectives)["number"])]


def front(ledger: Ledger) -> int:
    """Return how many trials no other one dominates."""
    table = ranking(ledger)
    return 0 if table.empty else len(results.pareto(table, ledger.request.objectives))


def outcome(trial: FrozenTrial, objectives: dict[str, results.Direction]) -> str:
    """Return how a trial ended: its scores, that it was pruned, or why it failed."""
    if trial.state == TrialState.FAIL:
        return f"failed: {trial.user_attrs.get(REASON, 'unknown')}"
    metrics = trial.user_attrs.get(METRICS, {})
    scores = ", ".join(f"{name} {number(metrics[name])}" for name in objectives if name in metrics)
    return f"{trial.state.name.lower()}: {scores}" if scores else trial.state.name.lower()
