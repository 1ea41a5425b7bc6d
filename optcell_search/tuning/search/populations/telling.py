"""What callbacks of Ray Tune are told of a search that Tune does not drive."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ray import tune
from ray.tune.callback import CallbackList
from ray.tune.experiment import Experiment, Trial

from ...worker.trainable import CandidateTrainable
from .attempt import Attempt


class Telling:
    """Tells callbacks of trials, in Tune's words and Tune's order.

    Args:
        folder: where those that write files write them.
        callbacks: whom to tell.
    """

    def __init__(self, folder: Path, callbacks: Sequence[tune.Callback]) -> None:
        everybody: Any = CallbackList
        self._callbacks = everybody(list(callbacks))
        self._experiment: Any = Experiment(
            "tune", CandidateTrainable, storage_path=str(folder.absolute()), num_samples=-1
        )
        # What is written goes to a scratch folder first, as with Tune, and is copied now and then.
        self._storage: Any = self._experiment.storage
        self._copied = (
            self._storage.experiment_driver_staging_path,
            self._storage.experiment_fs_path,
        )
        Path(self._copied[0]).mkdir(parents=True, exist_ok=True)
        self._steps = 0
        self._trials: list[Any] = []
        self._callbacks.setup(**self._experiment.public_spec, total_num_samples=-1)

    def attempt(self, trial_id: str, config: dict[str, Any]) -> Attempt:
        """Return an attempt at a trial that the searcher has handed out."""
        trial: Any = Trial(
            self._experiment.run_identifier,
            config=config,
            trial_id=trial_id,
            storage=self._storage,
            trial_name_creator=lambda one: f"trial_{one.config['job'].number}",
        )
        trial.create_placement_group_factory()
        trial.init_local_path()
        self._trials.append(trial)
        return Attempt(trial, config["job"])

    def began(self, attempt: Attempt) -> None:
        """Tell that a trial is in training."""
        attempt.trial.set_status(Trial.RUNNING)
        self._callbacks.on_trial_start(**self._about(attempt))

    def reported(self, attempt: Attempt, result: dict[str, Any]) -> None:
        """Tell what a trial has come to."""
        self._callbacks.on_trial_result(**self._about(attempt), result=result)
        attempt.trial.update_last_result(result)

    def completed(self, attempt: Attempt) -> None:
        """Tell that a trial has ended with what it has reported."""
        self._callbacks.on_trial_complete(**self._about(attempt))
        attempt.trial.set_status(Trial.TERMINATED)

    def recovered(self, attempt: Attempt) -> None:
        """Tell that a trial has lost its worker, and will go on."""
        attempt.trial.set_status(Trial.PENDING)
        self._callbacks.on_trial_recover(**self._about(attempt))

    def failed(self, attempt: Attempt) -> None:
        """Tell that a trial has lost its worker for good."""
        attempt.trial.set_status(Trial.ERROR)
        self._callbacks.on_trial_error(**self._about(attempt))

    def stepped(self) -> None:
        """Tell that something may have changed."""
        self._steps += 1
        self._callbacks.on_step_end(iteration=self._steps, trials=self._trials)
        self._storage.syncer.sync_up_if_needed(*self._copied)

    def ended(self) -> None:
        """Tell that nothing more comes."""
        self._callbacks.on_experiment_end(trials=self._trials)
        self._storage.syncer.wait()
        self._storage.syncer.sync_up(*self._copied)
        self._storage.syncer.wait()

    def _about(self, attempt: Attempt) -> dict[str, Any]:
        return {"iteration": self._steps, "trials": self._trials, "trial": attempt.trial}
