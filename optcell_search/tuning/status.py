"""Where a run stands."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from typing import Any

import optuna
from optuna.trial import FrozenTrial, TrialState

from optcell_search import results

from ..ledger.constraints import Constraint
from ..ledger.format import ENDED, METRICS, REASON, REQUEST, SEARCHED


def standing(study: optuna.Study) -> dict[str, Any]:
    """Return where a run stands, as plain data.

    Keys: ``asked`` (trials there are to be, 0 where their number is no limit), ``missing`` (not yet
    begun), one for each state with the number of its trials, ``failures`` (reason → trials),
    ``front`` (trials no other one dominates), ``best`` (number of the trial that is best in the
    first objective, or None) and ``objectives`` (its values); ``nearest_miss`` (where no complete
    trial keeps the constraints: which one misses least, which constraint and by what);
    ``searched_seconds`` of ``time_limit`` (0: none), ``ended`` (why the search ended, where a limit
    or the space did it), ``epochs`` (of a candidate) and ``epochs_rule`` (how that came about,
    where nobody said it);
    ``gain``: what the best one has over the plain cell, see `results.Gain`, or None.
    """
    objectives = results.objectives(study)
    table = results.frame(study)
    trials = study.get_trials(deepcopy=False)
    counts = Counter(trial.state for trial in trials)
    known = study.user_attrs
    request = known[REQUEST]
    asked = request["num_trials"]
    any_eligible = len(results.eligible(table, objectives)) > 0
    gain = results.gain(table, results.finalized(study), objectives, results.trainings_of(request))
    best = results.best(table, objectives) if any_eligible else None
    return {
        "asked": asked,
        "missing": max(0, asked - len(trials)),
        **{state.name.lower(): counts[state] for state in TrialState},
        "failures": dict(reasons(trials)),
        "nearest_miss": None if any_eligible else _nearest_miss(study),
        "front": len(results.pareto(table, objectives)),
        "best": None if best is None else int(best["number"]),
        "objectives": {name: None if best is None else float(best[name]) for name in objectives},
        "searched_seconds": known.get(SEARCHED, 0.0),
        "time_limit": request.get("time_limit", 0.0),
        "ended": known.get(ENDED, ""),
        "epochs": request["epochs"],
        "epochs_rule": request.get("epochs_rule", ""),
        "gain": None if gain is None else asdict(gain),
    }


def _nearest_miss(study: optuna.Study) -> dict[str, Any] | None:
    """Return the complete trial that breaks the fewest constraints by the least, and how."""
    constraints = [Constraint.stored(text) for text in study.user_attrs[REQUEST]["constraints"]]
    found = []
    for trial in study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,)):
        metrics = trial.user_attrs.get(METRICS, {})
        missed = [
            (constraint.violation(metrics) / max(abs(constraint.bound), 1e-12), constraint)
            for constraint in constraints
            if constraint.metric in metrics and constraint.violation(metrics) > 0
        ]
        if missed:
            share, worst = max(missed, key=lambda one: one[0])
            found.append((len(missed), share, trial.number, worst, metrics[worst.metric]))
    if not found:
        return None
    _, _, number, worst, value = min(found, key=lambda one: one[:3])
    return {"trial": number, "constraint": str(worst), "value": value}


def reasons(trials: list[FrozenTrial]) -> Counter[str]:
    """Count the trials that failed by their reason."""
    failed = (trial for trial in trials if trial.state == TrialState.FAIL)
    return Counter(trial.user_attrs.get(REASON, "unknown") for trial in failed)


def in_words(counts: Counter[str]) -> str:
    """Return counted reasons on one line."""
    return "; ".join(f"{count} × {reason}" for reason, count in counts.most_common())
