"""From the limits a user asks for to numbers: times, epochs, goals."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

from optcell_search import training
from optcell_search.space import Candidate, SearchSpace
from optcell_search.tasks import LoadedTask
from optcell_search.tasks.folds import automatic_folds, missing_class, refusal, undefined
from optcell_search.tasks.goals import Forecasting
from optcell_search.training.batches import count

from ...ledger.constraints import Constraint
from ..search.samplers import known
from .amounts import integer, several
from .reach import check_reachable, ranges

MOST_REPEATS = 1000
_MOST_FOLDS = 100


def trials_of(
    asked: int,
    space: SearchSpace,
    sampler: str,
    besides: Iterable[Mapping[str, Any]] = (),
    there: Sequence[str] = (),
) -> int:
    """Return how many trials there are to be; 0: as many as other limits allow.

    No candidate is trained twice, so where they can be counted there are no more trials than
    candidates: those of the space or its grid, and those `besides` that are not among them. What
    somebody has put in takes nobody's place: to trials that are `there`, of the candidates with
    these keys, come the candidates that none of them is of.
    """
    keys = {candidate.key for candidate in known(space, sampler)}
    if not keys:
        return asked
    keys |= {Candidate.from_dict(one).key for one in besides}
    most = len(there) + len(keys.difference(there))
    return min(asked or most, most)


def epochs_of(
    asked: int | Literal["auto"],
    space: SearchSpace,
    task: LoadedTask,
    share: float = 1.0,
    folds: int = 1,
) -> tuple[int, str]:
    """Return the budget of a candidate, and in words how it came about where nobody said it.

    Args:
        asked: epochs, or the rule's.
        space, task: what the rule goes by; of a task in folds it is the last one.
        share: of the rule's epochs.
        folds: how many there are, for the words.
    """
    if asked != "auto":
        return asked, ""
    sequences = len(task.train)
    largest = max(int(size) for size in space.domains["training.batch_size"].grid(2))
    steps = int(task.train.inputs.shape[1])
    pieces = math.ceil(steps / task.chunk) if task.chunk else 1
    batches = count(task.train, largest)
    # Batches of alike lengths are more than their sequences need; the rule counts full ones.
    epochs = math.ceil(share * training.automatic_epochs(batches * largest, largest, pieces))
    said = f"auto: {sequences} sequences in batches of {largest}"
    if pieces > 1:
        said += f", each in {pieces} pieces"
    each = batches * pieces
    said += "" if share == 1 else f", {share:g} of the usual"
    said += f", so {each} steps an epoch and {each * epochs} in all"
    if folds > 1:
        said += f" in the last of {folds} folds"
        # Those of a forecast grow, see `tasks.folds.fold`.
        said += ", fewer in those before" if isinstance(task.goal, Forecasting) else ""
    return epochs, said


def folds_of(
    asked: int | Literal["auto"], task: LoadedTask, seed: int = 0, metrics: Iterable[str] = ()
) -> int:
    """Return in how many folds, dealt with a seed, a candidate is trained.

    Args:
        asked: folds, or the rule's.
        task: the task.
        seed: of the dealing.
        metrics: that candidates are judged by.

    Raises:
        ValueError: the task's data cannot be dealt into so many, or one of these metrics needs a
            class that a fold lacks, or is not defined for the targets there.
    """
    judged = tuple(dict.fromkeys(metrics))

    def against(folds: int) -> str:
        why = refusal(task, folds, seed) if folds > 1 else ""
        return why or unusable(judged, task, folds, seed)

    if asked == "auto":
        most = automatic_folds(task, seed)
        chosen = next((k for k in range(most, 1, -1) if not unusable(judged, task, k, seed)), 1)
    else:
        chosen = integer("folds", asked, 1, _MOST_FOLDS)
    if not (why := against(chosen)):
        return chosen
    fewer = [k for k in range(1, chosen) if not against(k)]
    if not fewer:
        valid = ", ".join(name for name in task.metrics if not unusable([name], task))
        raise ValueError(f"task {task.spec!r}: {why}; valid: {valid}")
    without_gap = 1 < fewer[-1] == len(fewer)
    valid = f"1 to {fewer[-1]}" if without_gap else ", ".join(map(str, fewer))
    raise ValueError(f"folds = {chosen}, but task {task.spec!r}: {why}; valid: {valid}")


def unusable(metrics: Iterable[str], task: LoadedTask, folds: int = 1, seed: int = 0) -> str:
    """Return which of the metrics candidates cannot be judged by, and why; empty: by all of them.

    Args:
        metrics: their names.
        task: that can be dealt into so many folds.
        folds, seed: see `tasks.folds.fold`; 1: the task's own split.
    """
    metrics = list(metrics)
    needing = [name for name in metrics if name in task.goal.by_class]
    if folds > 1 and needing and (missing := missing_class(task, folds, seed)):
        return f"{missing}, which {', '.join(needing)} cannot do without"
    # What another goal calls so may be undefined for an answer without any input alone.
    return undefined(task, [name for name in metrics if name in ranges(task)], folds, seed)


def bounds_of(option: str, texts: Sequence[str], task: LoadedTask) -> list[Constraint]:
    """Return what candidates are to keep, or the search may end with, checked.

    Args:
        option: that they were given by, such as ``"constraints"``.
        texts: such as ``"accuracy>=0.99"``.
        task: what the candidates are judged on.

    Raises:
        ValueError: one is no bound, of a metric there is not, or one that no candidate can keep,
            by itself or with another one.
    """
    valid = tuple(training.objectives(task))
    bounds = [Constraint.parse(text, valid) for text in several(option, texts)]
    check_reachable(bounds, ranges(task), option)
    return bounds


def goals_of(
    texts: Sequence[str], task: LoadedTask, *, deterministic: bool = False
) -> list[Constraint]:
    """Return what a search may end with, checked as `bounds_of` does.

    Args:
        texts: such as ``"accuracy>=0.99"``.
        task: what the candidates are judged on.
        deterministic: whether the search goes by no clock.

    Raises:
        ValueError: besides, one is kept by what is worse than its bound, or goes by a clock.
    """
    goals = bounds_of("until", texts, task)
    if deterministic:
        refuse_clocks([goal.metric for goal in goals])
    known = training.objectives(task)
    for goal in goals:
        right = ">=" if known[goal.metric] == "maximize" else "<="
        if goal.relation != right:
            raise ValueError(
                f"until {str(goal)!r}: {goal.metric} is to be {known[goal.metric]}d, so whatever "
                f"is worse keeps it; valid: {goal.metric}{right}NUMBER"
            )
    return goals


def refuse_clocks(metrics: Iterable[str]) -> None:
    """Raise a ValueError where one of the metrics is never the same in a search gone through twice.

    It is for what a deterministic search is to go by.
    """
    for name in metrics:
        if name in training.TIMED:
            raise ValueError(
                f"{name} is read off a clock and never comes out the same; valid in a "
                "deterministic search: other objectives, constraints and goals"
            )


def population_of(asked: int | Literal["auto"], judged_by: Iterable[str]) -> int:
    """Return how many trainings are taken side by side at most; 0: as many as pays.

    Where candidates are judged by seconds of training, be it by a constraint or a goal, nobody but
    the user says that they are shared.

    Raises:
        ValueError: it is out of range.
    """
    if asked != "auto":
        return integer("population", asked, 1, MOST_REPEATS)
    return 1 if "train_seconds" in judged_by else 0
