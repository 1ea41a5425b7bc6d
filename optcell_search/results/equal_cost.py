"""What random search reached in the time that a warm start took, where a run can tell."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from ..ledger.format import DUPLICATE_OF
from ..ledger.trials.trial_record import TrialRecord
from .gain import trainings_of

RANDOM = "random"


def at_equal_cost(
    records: Sequence[TrialRecord],
    request: Mapping[str, Any],
    read_off: Mapping[int, float],
    name: str,
    sign: int,
) -> str:
    """Return in words a warm start against random search; nothing where none read off has a score.

    Cost is seconds of training: those of the mixtures and of the candidates read off them, against
    the first that random search took, pruned and failed candidates included. It is known where it
    is the run's own sampler: its candidates are those that are neither of the warm start nor among
    the first of the request; what a user has enqueued counts among them.

    Args:
        records: all trials of the run.
        request: of it.
        read_off: trials that trained candidates read off, and what they came to.
        name: of the metric that they are scored by.
        sign: 1 where it is to be large, -1 where it is to be small.
    """
    if not read_off:
        return ""
    mixtures, sampler = request["warm_start"], request["sampler"]
    rows = [row for row in records if row.finished and DUPLICATE_OF not in row.known]
    took = [row for row in rows if row.number in read_off or _is_of(row, mixtures)]
    each = trainings_of(request)
    seconds = each * sum(map(_seconds, took))
    reached = sign * max(sign * score for score in read_off.values())
    start = (
        f" Mixtures and candidates read off took {seconds:.3g} s of training and came to "
        f"{reached:.4g};"
    )
    if sampler != RANDOM:
        return (
            f"{start} what random search reaches at equal cost is not known, as the sampler of "
            f"this run is {sampler}."
        )
    apart = [*mixtures, *request.get("first", ())]
    drawn = [row for row in rows if row.number not in read_off and not _is_of(row, apart)]
    spent, scores = 0.0, []
    for row in sorted(drawn, key=lambda row: row.ended or datetime.max):
        spent += each * _seconds(row)
        if spent > seconds:
            break
        if row.state == "COMPLETE" and name in row.metrics:
            scores.append(sign * row.metrics[name])
    time = "as many" if spent > seconds else f"the {spent:.3g} s that it has taken so far"
    found = f"came to {sign * max(scores):.4g}" if scores else "trained no candidate to its end"
    return f"{start} random search {found} in {time}."


def _is_of(row: TrialRecord, candidates: Collection[Any]) -> bool:
    return row.known.get("candidate") in candidates


def _seconds(row: TrialRecord) -> float:
    return row.metrics.get("train_seconds", 0.0)
