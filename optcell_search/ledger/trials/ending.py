"""Writing down how a trial ended."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial

from ..format import GRADIENTS, METRICS, MIXTURE, SPREAD


def found(
    metrics: Mapping[str, float],
    spread: Mapping[str, float] | None,
    gradients: Mapping[int, float] | None,
    mixture: Mapping[str, Mapping[str, float]] | None,
) -> dict[str, Any]:
    """Return what is known of a trial that is complete, as it is stored."""
    # JSON has texts for keys.
    norms = {str(distance): norm for distance, norm in (gradients or {}).items()}
    return {METRICS: metrics, SPREAD: spread, GRADIENTS: norms, MIXTURE: mixture}


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
