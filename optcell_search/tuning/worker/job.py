"""What the driver tells a worker, and what a worker tells the driver."""

from __future__ import annotations

from dataclasses import dataclass, field

from optcell_search.space import Candidate

from ..cluster.data_transfer import Source


@dataclass(frozen=True, kw_only=True)
class Job:
    """All a worker must know to train one trial; plain data.

    Attributes:
        number: of the trial.
        candidate: what to train.
        seeds: one for each training, fold by fold of each repeat; all are trained side by side.
        source: what to train on, and where it lies.
        folds: into how many the data are dealt, 1 for the task's own split.
        fold_seed: of the dealing.
        population: how many of the trainings are taken side by side at most; 0: as many as pays.
        refit: train on training and validation data together.
        objectives: metrics that must stay finite.
        epochs: the budget.
        device, threads: where to train, and with how many torch threads.
        gpus: share of a GPU.
        checkpoints: where the trial's checkpoints lie, a path or a URI; empty for none.
        checkpoint_bytes: the most they may take.
        kept: whether no scheduler is to stop it.
    """

    number: int
    candidate: Candidate
    seeds: tuple[int, ...]
    source: Source
    folds: int = 1
    fold_seed: int = 0
    population: int = 1
    refit: bool = False
    objectives: tuple[str, ...]
    epochs: int
    device: str
    threads: int
    gpus: float = 0.0
    checkpoints: str = ""
    checkpoint_bytes: int = 0
    kept: bool = False

    def __str__(self) -> str:
        """Return what a logger is to make of it."""
        return f"trial {self.number}"


@dataclass(frozen=True, kw_only=True)
class Report:
    """What a worker tells the driver after an epoch.

    Attributes:
        number: of the trial.
        epoch: the last one trained.
        metrics: epoch → metrics: the last epoch, and after a restart those before it.
        spread: standard deviation of each metric over folds and repeats, empty for one training.
        folds: each objective by fold, the mean over repeats, empty without folds.
        gradients: distance from the last step → norm of the loss's gradient there, once done; the
            mean over folds and repeats.
        mixture: once done, what a mixture of rules tells of them (`training.read_mixture`).
        done: the budget is used up.
        files: checkpoints written after this epoch: name → bytes.
        reason, detail: why the trial failed, empty where it did not.
        broken: why no trial can go on, such as a full disk; the trial itself is not to blame.
    """

    number: int
    epoch: int = 0
    metrics: dict[int, dict[str, float]] = field(default_factory=dict)
    spread: dict[str, float] = field(default_factory=dict)
    folds: dict[str, list[float]] = field(default_factory=dict)
    gradients: dict[int, float] = field(default_factory=dict)
    mixture: dict[str, dict[str, float]] = field(default_factory=dict)
    done: bool = False
    files: dict[str, int] = field(default_factory=dict)
    reason: str = ""
    detail: str = ""
    broken: str = ""

    def __str__(self) -> str:
        """Return what a logger is to make of it."""
        return f"trial {self.number}, epoch {self.epoch}"
