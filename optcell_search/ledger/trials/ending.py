"""Writing down how a trial ended."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial


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
