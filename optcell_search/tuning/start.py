"""Starting a search."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from optcell_search import tasks
from optcell_search.space import SearchSpace
from optcell_search.stages import stage

from ..ledger import folder as folders
from . import task_file
from .cluster import data_transfer
from .resolving.resolve import resolve
from .run import Run
from .store import checkpoints

if TYPE_CHECKING:
    from ray import tune


def search(
    space: str | Path | dict[str, Any] | SearchSpace,
    task: str,
    num_trials: int | None = None,
    out: str | Path | None = None,
    *,
    time: str | float | None = None,
    trial_time: str | float | None = None,
    patience: int = 0,
    until: Sequence[str] = (),
    first: str | Path | None = None,
    warm_start: str | None = None,
    objectives: Sequence[str] | None = None,
    constraints: Sequence[str] = (),
    sampler: str = "tpe",
    scheduler: str = "auto",
    seed: int = 0,
    preset: str | None = None,
    repeats: int | None = None,
    folds: int | Literal["auto"] | None = None,
    population: int | Literal["auto"] = "auto",
    deterministic: bool = False,
    epochs: int | Literal["auto"] | None = None,
    workers: int | None = None,
    threads: int | None = None,
    gpus_per_trial: float | Literal["auto"] = 0.0,
    device: str = "auto",
    callbacks: Sequence[str | tune.Callback] = (),
    address: str | None = None,
    study: str | None = None,
    storage: str | Path | None = None,
    data_dir: str | Path | None = None,
    checkpoint_gib: float = 2.0,
) -> Run:
    """Search a space for the candidates that do best on a task.

    Args:
        space: a `SearchSpace`, a shipped one's name, the path of a TOML file, or its content.
        task: a task's name with options, ``"mnist:steps=pixels"``, or the path of a data file.
        num_trials: how many candidates to try; where they can be counted there are no more trials
            than candidates, for none is trained twice. None: as many as `time` allows.
        out: folder for the run; it must not exist, or be empty.
        time: of searching, as ``"30m"``, ``"1h30m"`` or seconds. Then no trial starts any more and
            those in training end, pruned, after their current epoch; they count as they stand where
            no candidate has been trained to its end. Time spent stopped does not count. With
            ``epochs="auto"`` candidates get no more epochs, and if need be no folds, than leave
            time for ten of them, by what a few steps take on this machine. With `deterministic`
            the clock decides how far the search comes, not what it tries.
        trial_time: of training one candidate, all repeats together; one that has taken longer
            after an epoch fails as "too slow".
        patience: the search ends after so many trials without a better front; 0: never.
        until: bounds such as ``"accuracy>=0.99"``; the search ends with a trial that keeps all.
        first: TOML file with candidates to train before any other, as the page's "Copy as TOML"
            gives them; several each under ``[[candidate]]``. After them, and before the sampler
            has its say, come the plain cells of the space: each cell behind gd with s = 1, all
            else at the space's defaults (`SearchSpace.plain`). They are what others are measured
            by, and count as trials.
        warm_start: ``"mixture"`` begins with one training for each cell, in which the rules of the
            space are mixed and learned (`rules.Mixture`). Once all have ended, the candidate of
            each rule is read off them, with the mu, s and beta that were learned, the strongest
            rule of each cell first: that without which the validation loss is largest. They
            follow the plain cells and are trained to their end, so that `Run.warm_start` can say
            how well they were ranked. Mixtures and they count as trials. None: no such start.
        objectives: what to aim at, the most important one first: metrics of the task,
            ``"parameters"``, ``"train_seconds"``, ``"latency_ms"``. By default the task's first
            metric.
        constraints: bounds such as ``"parameters<=50000"``; candidates that break one are never
            on the front, and the sampler learns to avoid them.
        sampler: ``"tpe"``, ``"gp"``, ``"nsga2"``, ``"random"``, or ``"grid"``, which ends when it
            is used up.
        scheduler: ``"asha"`` stops candidates that fall behind in the one objective there is,
            ``"mo-asha"`` in several (see `tuning.halving`);
            ``"none"`` stops nothing; ``"auto"`` takes the first of them that can be used.
        seed: of the whole run.
        preset: ``"quick"``, ``"good"`` or ``"best"``: how thoroughly to judge where `repeats`,
            `folds` and `epochs` do not say it; see `presets.PRESETS`. None: no repeats, no folds,
            ten epochs.
        repeats: how many seeds each candidate is trained with; objectives are means over them.
        folds: in how many each of these is trained, on training and validation data dealt anew
            (`tasks.folds.fold`); objectives are means over folds and repeats, and pruning works on
            the mean so far. ``"auto"``: 5 below 1,000 sequences (fewer where a
            fold would lack a class to judge by), else the task's own split, 1.
        population: how many trainings are taken side by side as one network
            (`training.Population`), each of which comes to what it comes to alone, up to rounding:
            a candidate's folds, repeats and finalized seeds; and where a candidate is one training,
            so many candidates a worker, those of one form together. ``"auto"`` takes as many
            trainings of a candidate as pay by measurements of its kind, and several candidates
            where all of the space are small and of one form or two (`resolving.slots`), no limit
            is in time and the search is not deterministic; but one where ``"train_seconds"`` is
            an objective.
        deterministic: let the same seed give the same candidates in the same order, however fast
            the workers are. They then work in generations of `workers` candidates, times those
            that a worker has side by side, and each generation waits for its slowest.
        epochs: training budget of one candidate; ``"auto"``: at least 2,000 steps of the optimizer
            on small sets, ten epochs on large ones (see `training.automatic_epochs`).
        workers: candidates in training at once; by default one a core.
        threads: torch threads of each worker; by default the cores are shared out.
        gpus_per_trial: share of a GPU for each candidate; 0 trains on the CPU. A candidate that
            runs out of memory tries again with twice the share, up to a whole GPU. ``"auto"``
            measures what the largest candidates of the space need.
        device: ``"cpu"`` or ``"cuda"``; by default the latter where a share of a GPU is asked for.
        callbacks: told of every trial and epoch: ``"mlflow"``, ``"wandb"`` or ``"tensorboard"``,
            which a resume tells as well, or Tune callbacks of your own. One that cannot be set up
            ends the run, which can be resumed; one that raises later is left out from there on.
        address: of a Ray cluster; by default one is started on this machine and ended afterwards.
        study: Optuna URL of the ledger; by default an SQLite file in `out`. ``journal:///path``
            takes Optuna's journal file.
        storage: where checkpoints go: a path that every worker reaches under the same name, or a
            URI such as ``s3://bucket/runs``; by default `out`, which then must be such a path.
        data_dir: where the task's data lies.
        checkpoint_gib: room for all checkpoints, in GiB: of what can resume, and the weights of
            the Pareto set.

    Returns:
        The run, with ``report.html`` written.

    Raises:
        ValueError, FileNotFoundError, FileExistsError: the request cannot be carried out; one line
            says why, and nothing has been written.
        RunFailedError: no candidate could be trained; the search ends early where the first
            eight fail in the same way.
        KeyboardInterrupt: the user stopped it; ``Run.open(out).resume()`` goes on.
    """
    from .cluster.connection import connected
    from .worker.gpu_packing import packed

    if out is None:
        raise ValueError("out = None; valid: a folder for the run")
    with stage("reading the data"):
        # All at once, for what is wrong with the test data is looked for below.
        loaded = tasks.load(task, data_dir, whole=True)
    request = resolve(
        space,
        loaded,
        num_trials=num_trials,
        time=time,
        trial_time=trial_time,
        patience=patience,
        until=until,
        first=first,
        warm_start=warm_start,
        objectives=objectives,
        constraints=constraints,
        sampler=sampler,
        scheduler=scheduler,
        seed=seed,
        preset=preset,
        repeats=repeats,
        folds=folds,
        population=population,
        deterministic=deterministic,
        epochs=epochs,
        workers=workers,
        threads=threads,
        gpus_per_trial=gpus_per_trial,
        device=device,
        callbacks=[callback for callback in callbacks if isinstance(callback, str)],
        address=address,
        study=study,
        storage=storage,
        data_dir=data_dir,
        checkpoint_gib=checkpoint_gib,
    )
    described = task_file.content(loaded, request.folds, request.seed)
    # The workers read it for themselves.
    del loaded
    directory = Path(out)
    if directory.is_symlink():
        # A link to a folder is that folder, and a run's own files are never links.
        directory = directory.resolve()
    folders.check_target(directory)
    if request.study:
        folders.check_study(request.study)
    source = data_transfer.Source.of(request, directory)
    with contextlib.ExitStack() as unless_begun:
        # What was sent to the workers is of no use to anybody else.
        unless_begun.callback(data_transfer.location_of(request, directory).delete, "")
        with connected(request, checkpoints.location_of(request, directory), source):
            if request.gpus_measured:
                request = packed(request, source)
            folders.make(directory, request, described)
            data_transfer.move_in(request, directory)
            unless_begun.pop_all()
            run = Run(directory, request)
            run.drive([callback for callback in callbacks if not isinstance(callback, str)])
    return run
