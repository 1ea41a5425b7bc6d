"""Trainings of one candidate with several seeds, side by side, each judged on its own."""

from __future__ import annotations

from typing import NamedTuple

import torch

from optcell_search.training import DivergedError, Population, Training
from optcell_search.training.budget import own_epochs
from optcell_search.training.population.population import Outcome

from .ending import check_objectives
from .job import Job
from .loading import tasks_of


class Trained(NamedTuple):
    """A training at its end, and what its last epoch came to."""

    training: Training
    metrics: dict[str, float]


def train_seeds(job: Job) -> dict[int, Trained | DivergedError]:
    """Train a candidate with each seed of a job to its end, all of them as one population.

    Args:
        job: what to train; it is not dealt into folds.

    Returns:
        Seed → what it came to, or why it ended before; one that ends changes no other.

    Raises:
        Exception: whatever the task, the cell or the rule raises.
    """
    torch.set_num_threads(job.threads)
    (task,) = tasks_of(job)
    population = Population(len(job.seeds))
    for seed in job.seeds:
        population.add(
            Training(job.candidate, task, seed=seed, device=job.device, epochs=job.epochs)
        )
    ended: dict[int, Trained | DivergedError] = {}
    for epoch in range(1, own_epochs(job.epochs, job.candidate.training.share) + 1):
        trainings = list(population.trainings)
        for training, outcome in zip(trainings, population.epoch(), strict=True):
            try:
                ended[training.seed] = _judged(training, outcome, epoch, job)
            except DivergedError as error:
                ended[training.seed] = error
                if training in population.trainings:
                    population.remove(training)
    population.release()
    return ended


def _judged(training: Training, outcome: Outcome, epoch: int, job: Job) -> Trained:
    if isinstance(outcome, DivergedError):
        raise outcome
    check_objectives(outcome, epoch, job.objectives)
    return Trained(training, outcome)
