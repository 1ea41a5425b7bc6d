"""Taking up what waits: trials of ours, and what a user has put in by ``enqueue_trial``."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

from optuna.storages import BaseStorage
from optuna.trial import Trial, TrialState

from optcell_search.space import Candidate, SearchSpace

from ..format import DETAIL, REASON


def suggested(space: SearchSpace, trial: Trial) -> Candidate:
    """Return the candidate of a user's trial: what was enqueued, and the rest as it is suggested.

    Raises:
        ValueError: it can be none.
    """
    with warnings.catch_warnings():
        # Optuna takes a value that is out of range all the same; here that is an error.
        warnings.simplefilter("ignore")
        candidate = space.suggest(trial)
    candidate = Candidate.from_dict(candidate.to_dict())
    if candidate not in space:
        values = candidate.flat()
        outside = [
            f"{name} = {values[name]!r}"
            for name, domain in space.domains.items()
            if name in values and values[name] not in domain
        ]
        # Stored as a parameter out of its range, it would keep the ledger from being opened.
        raise ValueError(", ".join(outside))
    return candidate


def take_up(storage: BaseStorage, identity: int) -> dict[str, Any]:
    """Make a waiting trial of ours RUNNING; return its user attributes."""
    known = dict(storage.get_trial(identity).user_attrs)
    for name in (REASON, DETAIL):
        # Written, but not the state they go with: the driver died in between.
        if known.get(name):
            storage.set_trial_user_attr(identity, name, "")
    storage.set_trial_state_values(identity, TrialState.RUNNING)
    return known


def adopt(storage: BaseStorage, identity: int, trial: Trial, attributes: Mapping[str, Any]) -> None:
    """Make a user's trial RUNNING, with the parameters of `trial` and `attributes`."""
    storage.set_trial_state_values(identity, TrialState.RUNNING)
    for name, distribution in trial.distributions.items():
        internal = distribution.to_internal_repr(trial.params[name])
        storage.set_trial_param(identity, name, internal, distribution)
    for name, value in attributes.items():
        storage.set_trial_user_attr(identity, name, value)


def fail(storage: BaseStorage, identity: int, why: str) -> None:
    """Make a trial that is WAITING FAIL."""
    storage.set_trial_state_values(identity, TrialState.RUNNING)
    storage.set_trial_user_attr(identity, REASON, why)
    storage.set_trial_state_values(identity, TrialState.FAIL)
