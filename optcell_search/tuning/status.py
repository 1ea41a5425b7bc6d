"""Where a run stands."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from optcell_search import results

from ..ledger.constraints import Constraint
from ..ledger.format import ENDED, OCCUPANCY, REASON, REQUEST, SEARCHED
from ..ledger.snapshot import Snapshot
from ..ledger.trials.reasons import is_cut
from ..ledger.trials.trial_record import STATES, TrialRecord, record_of

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial


def standing(ledger: Snapshot) -> dict[str, Any]:
    """Return where a run stands, as plain data.

    Keys: ``asked`` (trials there are to be, 0 where their number is no limit), ``missing`` (not yet
    begun), one for each state with the number of its trials, ``cut`` (those that ended because the
    search did, which a resume trains anew), ``failures`` (reason → trials),
    ``front`` (trials no other one dominates), ``best`` (number of the trial that is best in the
    first objective, or None) and ``objectives`` (its values); ``nearest_miss`` (where no complete
    trial keeps the constraints: which one misses least, which constraint and by what);
    ``searched_seconds`` of ``time_limit`` (0: none), ``ended`` (why the search ended, where a limit
    or the space did it), ``epochs`` (of a candidate) and ``epochs_rule`` (how that came about,
    where nobody said it); ``table`` (what it was simulated on; empty: it trains); ``occupancy``
    (where workers hold several trials, the share of their slots that held one, over all epochs;
    else None);
    ``gain``: what the best one has over the plain cell, see `results.Gain`, or None;
    ``warm_start``: what came of one, see `results.WarmStart`, or None.
    """
    known = ledger.attributes
    request = known[REQUEST]
    objectives = results.objectives_of(request)
    table = results.table(ledger.records, request)
    counts = Counter(record.state for record in ledger.records)
    asked, cut = request["num_trials"], _cut(ledger.records)
    any_eligible = len(results.eligible(table, objectives)) > 0
    finalized = results.finalized_of(known)
    trainings, trained = results.trainings_of(request), results.is_trained(request)
    folds = results.folds_of(ledger.records, next(iter(objectives)))
    gain = results.gain(table, finalized, objectives, trainings, trained=trained, folds=folds)
    warm = results.warm_start(ledger.records, known)
    best = results.best(table, objectives) if any_eligible else None
    return {
        "asked": asked,
        "missing": max(0, asked - len(ledger.records) + cut),
        **{state.lower(): counts[state] for state in STATES},
        "cut": cut,
        "failures": dict(Counter(_failures(ledger.records))),
        "nearest_miss": None if any_eligible else _nearest_miss(ledger),
        "front": len(results.pareto(table, objectives)),
        "best": None if best is None else int(best["number"]),
        "objectives": {name: None if best is None else float(best[name]) for name in objectives},
        "searched_seconds": known.get(SEARCHED, 0.0),
        "time_limit": request.get("time_limit", 0.0),
        "ended": known.get(ENDED, ""),
        "occupancy": _occupancy(known),
        "epochs": request["epochs"],
        "epochs_rule": request.get("epochs_rule", ""),
        "table": request.get("table", ""),
        "gain": None if gain is None else asdict(gain),
        "warm_start": None if warm is None else asdict(warm),
    }


def _cut(records: Sequence[TrialRecord]) -> int:
    """Return how many trials ended because the search did; what a resume trains anew is no more."""
    return sum(one.finished and is_cut(one.known.get(REASON)) for one in records)


def _occupancy(known: Mapping[str, Any]) -> float | None:
    trained, offered = known.get(OCCUPANCY, (0, 0))
    return trained / offered if offered else None


def _nearest_miss(ledger: Snapshot) -> dict[str, Any] | None:
    """Return the complete trial that breaks the fewest constraints by the least, and how."""
    asked = ledger.attributes[REQUEST]["constraints"]
    constraints = [Constraint.stored(text) for text in asked]
    found = []
    for record in ledger.records:
        metrics = record.metrics if record.state == "COMPLETE" else {}
        missed = [
            (constraint.violation(metrics) / max(abs(constraint.bound), 1e-12), constraint)
            for constraint in constraints
            if constraint.metric in metrics and constraint.violation(metrics) > 0
        ]
        if missed:
            share, worst = max(missed, key=lambda one: one[0])
            found.append((len(missed), share, record.number, worst, metrics[worst.metric]))
    if not found:
        return None
    _, _, number, worst, value = min(found, key=lambda one: one[:3])
    return {"trial": number, "constraint": str(worst), "value": value}


def _failures(records: Sequence[TrialRecord]) -> list[str]:
    failed = (record.known for record in records if record.state == "FAIL")
    return [known.get(REASON, "unknown") for known in failed]


def reasons(trials: Sequence[FrozenTrial]) -> Counter[str]:
    """Count the trials that failed by their reason."""
    return Counter(_failures([record_of(trial) for trial in trials]))


def in_words(counts: Counter[str]) -> str:
    """Return counted reasons on one line."""
    return "; ".join(f"{count} × {reason}" for reason, count in counts.most_common())
