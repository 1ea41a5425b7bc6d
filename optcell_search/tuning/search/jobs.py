"""What a worker is told of a trial."""

from __future__ import annotations

from ...ledger.request import Request
from ...ledger.trials.running_trial import RunningTrial
from ..cluster.data_transfer import Source
from ..store.file_systems import Location
from ..worker.job import Job


def job_of(
    trial: RunningTrial,
    request: Request,
    source: Source,
    checkpoints: Location,
    *,
    kept: bool = False,
) -> Job:
    """Return the training of a trial as `request` has it.

    Args:
        trial: that is to be trained, or to go on.
        request: of its run.
        source: where the data come from.
        checkpoints: below which the trial has its own.
        kept: whether no scheduler is to stop it.
    """
    return Job(
        number=trial.number,
        candidate=trial.candidate,
        seeds=trial.seeds,
        source=source,
        folds=request.folds,
        fold_seed=request.seed,
        population=request.population,
        objectives=tuple(request.objectives),
        epochs=request.epochs,
        device=request.device,
        gpus=request.gpus_per_trial if trial.gpus is None else trial.gpus,
        threads=request.threads,
        checkpoints=(checkpoints / str(trial.number)).where,
        checkpoint_bytes=request.checkpoint_bytes // request.at_once,
        kept=kept,
    )
