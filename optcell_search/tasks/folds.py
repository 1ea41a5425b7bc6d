"""Training and validation data dealt anew, into folds; the test split takes no part in it.

What was fitted to a task's training part, such as the scale of its features or the vocabulary of a
text, stays as it is: it has seen a part of what a fold validates on, never the test split.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from optcell_search.raw import WindowPreprocessing
from optcell_search.raw.ragged import flat, part
from optcell_search.tasks.base import Split
from optcell_search.tasks.goals import Classification, Forecasting
from optcell_search.tasks.joining import both, joined
from optcell_search.tasks.loaded import LoadedTask
from optcell_search.tasks.splitting import Index, grouped, most_folds

AUTOMATIC = 5
# Sequences for training and validation below which `automatic_folds` takes folds.
FEW = 1000


def automatic_folds(task: LoadedTask, seed: int = 0) -> int:
    """Return 5 for a task of fewer than 1,000 sequences, training and validation together, else 1.

    They are fewer, the most that can be, where not every one of 5 would validate on every class. It
    is 1, too, where the data cannot be dealt anew; see `refusal`.
    """
    if len(task.train) + len(task.validation) >= FEW or refusal(task, AUTOMATIC, seed):
        return 1
    tried = range(AUTOMATIC, 1, -1)
    return next((folds for folds in tried if not missing_class(task, folds, seed)), 1)


def refusal(task: LoadedTask, folds: int, seed: int = 0) -> str:
    """Return why a task's data cannot be dealt into so many folds, in words; empty where they can.

    Args:
        task: the task.
        folds: 2 or more.
        seed: of the dealing.
    """
    if task.chunk:
        return "its sequences are streams, which go on from training to validation"
    if task.pretraining is not None:
        return "what it begins with belongs to its own training part"
    count = len(task.train) + len(task.validation)
    if (groups := both(task.train.groups, task.validation.groups)) is not None:
        why = _too_few(groups.numpy(), _strata(task), folds)
    elif isinstance(task.goal, Forecasting):
        least = (_overlap(task) + 2) * (folds + 1)
        why = f"{count} windows are too few; needed are {least}" if count < least else ""
    else:
        why = f"{count} sequences are too few" if count < folds else ""
    return why or _nothing_known(task, folds, seed)


def missing_class(task: LoadedTask, folds: int, seed: int = 0) -> str:
    """Return which class a fold does not validate on, in words; empty where each has every class.

    Args:
        task, folds, seed: as `refusal` takes them, which has nothing against them.
    """
    if not task.goal.by_class:
        return ""
    parts, first = _dealing(task, folds, seed), len(task.train)
    every = _classes(task.train, task) | _classes(task.validation, task)
    for number in range(folds):
        _, judged = (torch.from_numpy(index) for index in parts(number))
        of_train, of_validation = judged[judged < first], judged[judged >= first] - first
        found = _classes(task.train, task, of_train)
        found |= _classes(task.validation, task, of_validation)
        if lacking := sorted(every - found):
            name = repr(task.classes[lacking[0]]) if task.classes else f"number {lacking[0]}"
            return f"fold {number + 1} of {folds} validates on nothing of class {name}"
    return ""


def undefined(task: LoadedTask, metrics: Sequence[str], folds: int, seed: int = 0) -> str:
    """Return which metrics are not defined where candidates are judged, in words; empty: all are.

    So it is with r2 where all targets are the same, and with roc_auc where they are of one class.

    Args:
        task: the task.
        metrics: of its goal, such that what is defined is so for an answer without any input, too.
        folds, seed: see `fold`; 1: the task's own split.
    """
    for number in range(folds):
        known = task.chance
        if folds > 1:
            judged = fold(task, number, folds, seed)
            # What a task tells of its own split says nothing of others.
            known = judged.chance_on(judged.validation)
        if lacking := [name for name in metrics if math.isnan(known.get(name, 0.0))]:
            where = f"fold {number + 1} of {folds} validates on" if folds > 1 else "validation has"
            are = "are" if len(lacking) > 1 else "is"
            return f"{', '.join(lacking)} {are} not defined for the targets that {where}"
    return ""


def _classes(split: Split, task: LoadedTask, index: Tensor | None = None) -> set[int]:
    """Return the classes among the targets of these sequences, of all without an index."""
    targets = split.targets if index is None else part(split.targets, index)
    return task.goal.occurring(flat(targets))


def _nothing_known(task: LoadedTask, folds: int, seed: int) -> str:
    """Return in which fold there is no target to train on or to judge by; empty: in none."""
    answered = _answered(task)
    if answered.all():
        return ""
    parts = _dealing(task, folds, seed)
    for number in range(folds):
        for index, does in zip(parts(number), ("trains", "validates"), strict=True):
            if not answered[index].any():
                return f"nothing that fold {number + 1} of {folds} {does} on has a target"
    return ""


def fold(task: LoadedTask, number: int, folds: int, seed: int) -> LoadedTask:
    """Return a task whose validation split is one fold of all data but the test split.

    - Classes, one a sequence: each fold has every class in proportion.
    - Groups: all sequences of a group are in one fold; classes as nearly in proportion as can be.
    - Forecasts: in order of time. The data are cut into `folds` + 1 blocks; fold k trains on blocks
      0 to k, but for the last windows, whose values reach into block k + 1, and validates on that.
    - All others: whole sequences at random, those with a target and those without in proportion.

    Args:
        task: the task.
        number: of the fold, 0 to `folds` - 1.
        folds: how many there are.
        seed: of the dealing; the same gives the same folds on every machine.
    """
    whole = joined(task.train, task.validation)
    parts = _dealing(task, folds, seed)(number)
    return task.split_anew(*(whole.part(torch.from_numpy(index)) for index in parts))


def _dealing(task: LoadedTask, folds: int, seed: int) -> Callable[[int], tuple[Index, Index]]:
    """Return which sequences, of training and validation together, a fold trains and judges on."""
    if isinstance(task.goal, Forecasting):
        count, overlap = len(task.train) + len(task.validation), _overlap(task)
        return lambda number: _by_time(count, number, folds, overlap)
    strata, groups = _strata(task), both(task.train.groups, task.validation.groups)
    if groups is None:
        dealt = _dealt(strata, folds, seed)
    else:
        dealt = grouped(groups.numpy(), strata, folds, seed)
    return lambda number: (np.flatnonzero(dealt != number), np.flatnonzero(dealt == number))


def chance_in(task: LoadedTask, folds: int, seed: int) -> dict[str, float]:
    """Return what answering without any input has where candidates are judged.

    That is the validation split, or those of the folds: then, as scores are, the mean over them.

    Args:
        task: the task.
        folds, seed: see `fold`; 1: the task's own split.
    """
    if folds == 1:
        return task.chance
    each = [fold(task, number, folds, seed).chance for number in range(folds)]
    return {name: statistics.fmean(one[name] for one in each) for name in each[0]}


def _too_few(groups: Index, strata: Index, folds: int) -> str:
    if folds <= (most := most_folds(groups, strata)):
        return ""
    different = len(np.unique(groups))
    if different < folds:
        return f"{different} groups are too few"
    return f"no class has more than {most} sequences, which are too few"


def _strata(task: LoadedTask) -> Index:
    splits = (task.train, task.validation)
    if isinstance(task.goal, Classification) and task.train.targets.ndim == 1:
        classes: Index = torch.cat([split.known.cpu() for split in splits]).numpy()
        return classes.astype(np.int64)
    return (~_answered(task)).astype(np.int64)


def _answered(task: LoadedTask) -> npt.NDArray[np.bool_]:
    """Return whether each sequence, of training and validation together, has a target."""
    return np.concatenate([split.answered.cpu().numpy() for split in (task.train, task.validation)])


def _dealt(strata: Index, folds: int, seed: int) -> Index:
    """Return the fold of each sequence: those of a stratum are dealt out like cards, in turn."""
    random = np.random.RandomState(seed % 2**32)
    order: Sequence[Index] = [
        random.permutation(np.flatnonzero(strata == stratum)) for stratum in np.unique(strata)
    ]
    dealt = np.empty(len(strata), dtype=np.int64)
    dealt[np.concatenate(order)] = np.arange(len(strata)) % folds
    return dealt


def _overlap(task: LoadedTask) -> int:
    """Return how many windows before one forecast a value that it forecasts, too."""
    assert isinstance(task.goal, Forecasting)
    made = task.preprocessing
    # Of other windows nobody knows how far apart they are: a row at least.
    stride = made.stride if isinstance(made, WindowPreprocessing) else 1
    return (task.goal.values - 1) // stride


def _by_time(count: int, number: int, folds: int, overlap: int) -> tuple[Index, Index]:
    edges = np.linspace(0, count, folds + 2).round().astype(np.int64)
    first, last = int(edges[number + 1]), int(edges[number + 2])
    return np.arange(first - overlap, dtype=np.int64), np.arange(first, last, dtype=np.int64)
