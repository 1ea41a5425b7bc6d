"""What changes of a run that has begun: its limits, and trials that are given up."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from optuna.trial import FrozenTrial

from optcell_search.space import from_flat
from optcell_search.tasks import LoadedTask

from ..ledger.amending import amend
from ..ledger.format import EXTEND, SEARCHED
from ..ledger.ledger import Ledger
from ..ledger.request import Request
from ..ledger.trials.ending import was_cut
from ..ledger.trials.enqueued import FIXED_PARAMS
from .extension import sound
from .resolving import limits
from .resolving.amounts import integer, seconds_of
from .search.budget import Budget


def changes(
    request: Request,
    task: Callable[[], LoadedTask],
    num_trials: int | None = None,
    time: str | float | None = None,
    patience: int | None = None,
    until: Sequence[str] | None = None,
    *,
    there: Iterable[FrozenTrial] = (),
) -> dict[str, Any]:
    """Return field → value of what is to change in a request, checked; None changes nothing.

    Args:
        request: of the run.
        task: loads the run's task.
        num_trials, time, patience, until: as `Run.resume` takes them.
        there: the trials of its ledger.

    Raises:
        ValueError: a limit is none.
    """
    changed: dict[str, Any] = {}
    if num_trials is not None:
        asked = integer("num_trials", num_trials, 1)
        first = (*request.warm_start, *request.first)
        keys = [_key_of(trial) for trial in there if not was_cut(trial)]
        changed["num_trials"] = limits.trials_of(
            asked, request.search_space, request.sampler, first, keys
        )
    if time is not None:
        changed["time_limit"] = seconds_of("time", time)
    if patience is not None:
        changed["patience"] = integer("patience", patience, 0)
    if until is not None:
        changed["until"] = _until(until, task(), request) if until else ()
    return changed


def _key_of(trial: FrozenTrial) -> str:
    """Return the key of a trial's candidate, or of what waits; empty where that is none."""
    key: str = trial.user_attrs.get("key", "")
    if not key:
        with contextlib.suppress(ValueError):
            return from_flat(trial.system_attrs.get(FIXED_PARAMS, {})).key
    return key


def _until(texts: Sequence[str], task: LoadedTask, request: Request) -> tuple[str, ...]:
    goals = limits.goals_of(texts, task, deterministic=request.deterministic)
    asked = dict.fromkeys(goal.metric for goal in goals)
    if why := limits.unusable(asked, task, request.folds, request.seed):
        raise ValueError(f"until = {', '.join(texts)}: {why}")
    return tuple(map(str, goals))


def check_room(ledger: Ledger, num_trials: int | None, time_limit: float | None) -> None:
    """Raise a ValueError where a run that is to go on has used more than it is to have in all.

    Args:
        ledger: of the run.
        num_trials, time_limit: in all, checked; None: as before.
    """
    used, there = ledger.study.user_attrs.get(SEARCHED, 0.0), ledger.size - ledger.cut
    if time_limit is not None and time_limit <= used:
        raise ValueError(
            f"time = {time_limit:g} s in all, of which the run has used {used:.1f} s; "
            "valid: more than that"
        )
    if num_trials is not None and num_trials < there:
        raise ValueError(
            f"num_trials = {num_trials} in all, but the run has {there}; valid: {there} or more"
        )


def way_on(ledger: Ledger, folder: Path) -> str:
    """Return in words how a run whose search has ended goes on; empty where nothing is left."""
    ways = Budget.of(ledger).ways_on
    if not ledger.unfinished:
        asked = ledger.request.num_trials
        if _limits(ledger, num_trials=asked + 1)["num_trials"] == asked:
            return ""
        ways.append("--trials N")
    return f"; `optcell-search {' '.join(['resume', str(folder), *ways])}` goes on"


def take_up(ledger: Ledger, folder: Path, asked: Mapping[str, Any]) -> None:
    """Let a run whose ledger is locked go by the limits that are kept in its study.

    What is no limit, as in a study that somebody has edited, changes nothing.

    Args:
        ledger: of the run; its request is the new one afterwards.
        folder: of the run.
        asked: as `extension.checked` returned it.
    """
    if not asked:
        return
    with contextlib.suppress(ValueError):
        amend(ledger, folder, _limits(ledger, **sound(asked)))
    if ledger.study.user_attrs.get(EXTEND) == asked:
        # Not so where more has been asked for meanwhile.
        ledger.note(EXTEND, {})


def _limits(
    ledger: Ledger,
    num_trials: int | None = None,
    time: float | None = None,
    patience: int | None = None,
) -> dict[str, Any]:
    there = ledger.trials()
    return changes(ledger.request, _no_task, num_trials, time, patience, there=there)


def _no_task() -> LoadedTask:
    raise AssertionError("only goals need the task")


def check_open(ledger: Ledger, numbers: Sequence[int], folder: Path) -> None:
    """Raise a ValueError where one of the trials is none, or has its result."""
    open_ones = {trial.number for trial in ledger.trials() if not trial.state.is_finished()}
    for number in numbers:
        if number not in open_ones:
            valid = ", ".join(map(str, sorted(open_ones))) or "none"
            raise ValueError(f"{folder}: trial {number} is not open; valid: {valid}")


def give_up(ledger: Ledger, numbers: Sequence[int]) -> None:
    """Make open trials of a run that nobody is working on fail, as the user asks for."""
    if numbers:
        ledger.requeue()
    for number in dict.fromkeys(numbers):
        ledger.give_up(number)
