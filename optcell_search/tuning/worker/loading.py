"""The data of a run, loaded once a process."""

from __future__ import annotations

import functools

from optcell_search.tasks import LoadedTask
from optcell_search.tasks.folds import fold
from optcell_search.tasks.goals import Forecasting
from optcell_search.tasks.joining import whole_task

from ..cluster.data_transfer import Source
from .job import Job


@functools.lru_cache(maxsize=2)
def load_task(source: Source, device: str) -> LoadedTask:
    """Load a task once a process: its data is read again for every candidate otherwise."""
    return source.load().to(device)


@functools.lru_cache(maxsize=1)
def load_folds(source: Source, device: str, folds: int, seed: int) -> tuple[LoadedTask, ...]:
    """Deal a task's data into folds once a process."""
    task = load_task(source, device)
    return tuple(fold(task, number, folds, seed) for number in range(folds))


def tasks_of(job: Job) -> tuple[LoadedTask, ...]:
    """Return what the trainings of a job are trained on in turn: a task, or its folds."""
    if job.folds == 1:
        task = load_task(job.source, job.device)
        return (whole_task(task) if job.refit else task,)
    return load_folds(job.source, job.device, job.folds, job.fold_seed)


def kept_fold(task: LoadedTask, folds: int) -> int:
    """Return which fold's weights stand for a trial, counted from 0: a forecast's last, else 0.

    A forecast's folds are in order of time: the last has trained on the most, and on the newest.
    """
    return folds - 1 if isinstance(task.goal, Forecasting) else 0
