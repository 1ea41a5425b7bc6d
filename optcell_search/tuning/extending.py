"""What a resume changes of a run: its limits, and trials that are given up."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from optcell_search.tasks import LoadedTask

from ..ledger.ledger import Ledger
from ..ledger.request import Request
from .resolving import limits


def changes(
    request: Request,
    task: Callable[[], LoadedTask],
    num_trials: int | None,
    time: str | float | None,
    patience: int | None,
    until: Sequence[str] | None,
) -> dict[str, Any]:
    """Return field → value of what is to change in a request, checked; None changes nothing.

    Args:
        request: of the run.
        task: loads the run's task.
        num_trials, time, patience, until: as `Run.resume` takes them.

    Raises:
        ValueError: a limit is none.
    """
    changed: dict[str, Any] = {}
    if num_trials is not None:
        limits.integer("num_trials", num_trials, 1)
        changed["num_trials"] = limits.trials_of(num_trials, request.search_space, request.sampler)
    if time is not None:
        changed["time_limit"] = limits.seconds_of("time", time)
    if patience is not None:
        changed["patience"] = limits.integer("patience", patience, 0)
    if until is not None:
        changed["until"] = limits.goals_of(until, task()) if until else ()
    return changed


def give_up(ledger: Ledger, numbers: Sequence[int], folder: Path) -> None:
    """Make trials of a run that nobody is working on fail, as the user asks for.

    Raises:
        ValueError: there is no such trial, or it has its result; then none is given up.
    """
    open_ones = {trial.number for trial in ledger.trials() if not trial.state.is_finished()}
    for number in numbers:
        if number not in open_ones:
            valid = ", ".join(map(str, sorted(open_ones))) or "none"
            raise ValueError(f"{folder}: trial {number} is not open; valid: {valid}")
    if numbers:
        ledger.requeue()
    for number in dict.fromkeys(numbers):
        ledger.give_up(number)
