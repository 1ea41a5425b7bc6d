"""How a trial ended: writing it down, and telling by it what the end of a search cut."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial

from ..format import FOLDS, GRADIENTS, METRICS, MIXTURE, REASON, SPREAD
from .reasons import is_cut


class Beside(NamedTuple):
    """What is known of a trial's end beside its metrics.

    Attributes:
        spread: of each metric over folds and repeats.
        folds: each objective by fold.
        gradients: distance from the last step → norm of the loss's gradient there.
        mixture: what a mixture of rules tells of them.
        early: why it ended early, where no scheduler stopped it.
    """

    spread: Mapping[str, float] = {}
    folds: Mapping[str, Sequence[float]] = {}
    gradients: Mapping[int, float] = {}
    mixture: Mapping[str, Mapping[str, float]] = {}
    early: str = ""

    def stored(self, metrics: Mapping[str, float]) -> dict[str, Any]:
        """Return it with the metrics as user attributes."""
        # JSON has texts for keys.
        norms = {str(distance): norm for distance, norm in self.gradients.items()}
        return {
            METRICS: metrics,
            SPREAD: self.spread,
            FOLDS: self.folds,
            GRADIENTS: norms,
            MIXTURE: self.mixture,
            REASON: self.early,
        }


NOTHING = Beside()


def was_cut(trial: FrozenTrial) -> bool:
    """Return whether a trial of the ledger ended because the search did.

    One that is open is none: its driver died after it wrote the reason and before the state.
    """
    return trial.state.is_finished() and is_cut(trial.user_attrs.get(REASON))


def write(
    storage: BaseStorage,
    identity: int,
    found: Mapping[str, Any],
    told: FrozenTrial,
    before: Mapping[str, Any],
) -> None:
    """Write what was found, what Optuna notes beside it, and last of all the state.

    Args:
        storage: where to.
        identity: the trial's, in the storage.
        found: user attributes; what is empty is left out.
        told: the trial as Optuna has it once it is told.
        before: what Optuna had noted before.
    """
    for name, value in found.items():
        if value:
            plain = dict(value) if isinstance(value, Mapping) else value
            storage.set_trial_user_attr(identity, name, plain)
    for name, value in told.system_attrs.items():
        if name not in before:
            storage.set_trial_system_attr(identity, name, value)
    storage.set_trial_state_values(identity, told.state, told.values)
