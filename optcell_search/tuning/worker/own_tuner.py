"""A candidate as a trainable for the user's own ``tune.Tuner``: no ledger, no driver of ours."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import torch
from ray import tune

from optcell_search import tasks
from optcell_search.space import from_flat, trial_seed
from optcell_search.training import Training
from optcell_search.training.budget import own_epochs

from ..cluster.data_transfer import Source
from .ending import release
from .loading import load_task

_FILE = "training.pt"


@dataclass(frozen=True, kw_only=True)
class _Settings:
    """What all trials have in common."""

    source: Source
    epochs: int
    seed: int
    device: str
    threads: int


class _Trainable(tune.Trainable):
    """Trains the candidate that the trial's config names, one epoch a step."""

    settings: ClassVar[_Settings]

    def setup(self, config: dict[str, Any]) -> None:
        settings = self.settings
        torch.set_num_threads(settings.threads)
        candidate = from_flat(config)
        self._training = Training(
            candidate,
            load_task(settings.source, settings.device),
            seed=trial_seed(settings.seed, candidate.key),
            device=settings.device,
            epochs=settings.epochs,
        )

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        self.setup(new_config)
        release()
        return True

    def step(self) -> dict[str, Any]:
        metrics = self._training.epoch()
        share = self._training.candidate.training.share
        done = self._training.epochs >= own_epochs(self.settings.epochs, share)
        return {**metrics, "done": done}

    def save_checkpoint(self, checkpoint_dir: str) -> None:
        torch.save(self._training.state_dict(), Path(checkpoint_dir) / _FILE)

    def load_checkpoint(self, checkpoint_dir: str) -> None:  # type: ignore[override]
        path = Path(checkpoint_dir) / _FILE
        state = torch.load(path, map_location=self.settings.device, weights_only=True)
        self._training.load_state_dict(state)


def optcell_trainable(
    task: str,
    *,
    epochs: int = 10,
    seed: int = 0,
    device: str = "cpu",
    threads: int = 1,
    data_dir: str | Path | None = None,
) -> type[tune.Trainable]:
    """Return a trainable for ``ray.tune.Tuner`` that trains one candidate on a task.

    A trial's config is a candidate by dotted names, ``{"cell": "lstm", "rule": "heavy_ball",
    "heavy_ball.mu": 0.6, "training.lr": 1e-3}``, as `Candidate.flat` gives it; what is left out
    takes its default, and hyperparameters of cells and rules that are not chosen are passed over.
    Each epoch is one result: ``epoch``, the task's metrics, ``loss``, ``parameters`` and the rest
    of what `Training.epoch` returns. Trials can be paused and restored. A training that diverges
    raises, as any other error in a trial does.

    Args:
        task: a task's name with options, or the path of a data file.
        epochs: the training budget.
        seed: of the run; a trial's own seed follows from it and from the candidate.
        device: where to train.
        threads: torch threads of a trial.
        data_dir: where the task's data lies.

    Raises:
        ValueError, FileNotFoundError: there is no such task or data.
    """
    if epochs < 1:
        raise ValueError(f"epochs = {epochs}; valid: integers, 1 or more")
    loaded = tasks.load(task, data_dir)
    settings = _Settings(
        source=Source(task=loaded.spec, data_dir=str(loaded.folder.absolute())),
        epochs=epochs,
        seed=seed,
        device=device,
        threads=threads,
    )
    return type("OptcellTrainable", (_Trainable,), {"settings": settings})
