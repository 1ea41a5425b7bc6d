"""A budget in time: how many epochs candidates can have if a search is to train several."""

from __future__ import annotations

import dataclasses
import math
import statistics
import time
from dataclasses import dataclass

import torch

from optcell_search.raw.ragged import Ragged
from optcell_search.space import Candidate, SearchSpace
from optcell_search.stages import stage
from optcell_search.tasks import LoadedTask, Split
from optcell_search.training import DivergedError, Training
from optcell_search.training.recipe.schedule import steps_in

# Whole candidates that a search should have the time for; what is pruned is cheaper.
_CANDIDATES = 10
# The same where they are judged in folds: few sequences tell few candidates apart, while more steps
# of the optimizer bring accuracy (scripts/benchmarks/results/folds.md).
_CANDIDATES_IN_FOLDS = 5
# Candidates in whose time a mixture of rules is trained (scripts/benchmarks/results/mixture.md).
_A_MIXTURE = 3
# Below this share of the epochs that the rule gives, folds are saved first.
LEAST_SHARE = 0.25
_STEPS, _JUDGED, _TRIED = 3, 64, 3


@dataclass(frozen=True)
class Plan:
    """What the rules for the size of the data give a candidate.

    Attributes:
        epochs, folds: so many.
        fixed_folds: whether the user has said how many folds there are to be.
    """

    epochs: int
    folds: int
    fixed_folds: bool

    def within(self, room: float, seconds: float) -> tuple[int, int]:
        """Return how many epochs, and in how many folds, a candidate can have.

            epochs = room / (folds · seconds), but 1 at least, and no more than planned

        Where that leaves less than a quarter of the planned epochs, there are no folds.

        Args:
            room: seconds that a candidate may take.
            seconds: that an epoch takes, in one fold.
        """
        epochs, folds = self.epochs, self.folds
        if folds * epochs * seconds <= room:
            return epochs, folds
        if not self.fixed_folds and room / (folds * seconds) < LEAST_SHARE * epochs:
            folds = 1
        return max(1, min(epochs, int(room / (folds * seconds)))), folds


def candidates(asked_trials: int, folds: int, mixtures: int = 0) -> int:
    """Return for how many whole candidates a search should have the time.

    It is 10, or 5 in folds, and no more than the trials that are asked for (0: no number is), and 3
    for each mixture of rules that it begins with.
    """
    wanted = _CANDIDATES if folds == 1 else _CANDIDATES_IN_FOLDS
    asked = asked_trials - mixtures if asked_trials else wanted
    return min(asked, wanted) + _A_MIXTURE * mixtures


def fit(
    plan: Plan, space: SearchSpace, task: LoadedTask, threads: int, room: float
) -> tuple[int, int, str]:
    """Return epochs and folds that a candidate has the time for, and what was cut, in words.

    Args:
        plan: what there is to be, if there is time.
        space, task, threads: see `seconds_an_epoch`.
        room: seconds that a candidate may take.
    """
    with stage("measuring how long an epoch takes"):
        seconds = seconds_an_epoch(space, task, threads)
    epochs, folds = plan.within(room, seconds)
    if (epochs, folds) == (plan.epochs, plan.folds):
        return epochs, folds, ""
    less = [f"{epochs} of {plan.epochs} epochs"] if epochs < plan.epochs else []
    less += [f"1 of {plan.folds} folds"] if folds < plan.folds else []
    why = f"an epoch takes {seconds:.2g} s here and a candidate has {room:.0f} s of the time"
    return epochs, folds, f"; cut to {' and '.join(less)}, as {why}"


def seconds_an_epoch(space: SearchSpace, task: LoadedTask, threads: int) -> float:
    """Return how long an epoch of a candidate takes here, training and validation.

    The plain cells of the space, or some of its candidates, are trained for a few steps each; the
    median counts. It is 0 where none of them can be trained that far.

    Args:
        space: the space.
        task: with the splits that a candidate would see.
        threads: of torch that a candidate would have.
    """
    plain = space.plain() or [space.sample(seed) for seed in range(_TRIED)]
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    found = []
    try:
        for candidate in plain[:_TRIED]:
            try:
                found.append(_seconds(candidate, task))
            except DivergedError:
                continue
    finally:
        torch.set_num_threads(before)
    return statistics.median(found) if found else 0.0


def _seconds(candidate: Candidate, task: LoadedTask) -> float:
    # Steps on the data that most epochs are trained on.
    settings = dataclasses.replace(candidate.training, pretrain_epochs=0, patience=0, share=1.0)
    candidate = dataclasses.replace(candidate, training=settings)
    few = settings.batch_size * _STEPS
    small = task.split_anew(
        _beginning(task.train, few, task.chunk), _beginning(task.validation, _JUDGED, task.chunk)
    )
    training = Training(candidate, small, seed=0, epochs=2)
    before = training.epoch()["train_seconds"]  # which also builds what is built once
    start = time.perf_counter()
    trained = training.epoch()["train_seconds"] - before
    judged = time.perf_counter() - start - trained
    share = steps_in(settings, task, 1) / steps_in(settings, small, 1)
    if isinstance(task.train.inputs, Ragged):
        # A step of the optimizer costs as much as its sequences are long.
        share = _size(task.train) / _size(small.train)
    return trained * share + judged * _size(task.validation) / _size(small.validation)


def _beginning(split: Split, sequences: int, chunk: int) -> Split:
    index = torch.arange(min(sequences, len(split)))
    if not chunk:
        return split.part(index)
    part = split.take(index)
    steps = slice(chunk * _STEPS)
    return dataclasses.replace(part, inputs=part.inputs[:, steps], targets=part.targets[:, steps])


def _size(split: Split) -> int:
    if isinstance(split.inputs, Ragged):
        return len(split.inputs.values)
    return math.prod(split.inputs.shape[:2])
