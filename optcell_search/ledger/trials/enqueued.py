"""Taking up what waits: trials of ours, and what a user has put in by ``enqueue_trial``."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

from optuna.exceptions import UpdateFinishedTrialError
from optuna.storages import BaseStorage
from optuna.trial import Trial, TrialState

from optcell_search.space import Candidate, SearchSpace
from optcell_search.space.domains import Fixed

from ..format import DETAIL, REASON

# How Optuna notes what an enqueued trial is to be; of no use to who reads the ledger.
FIXED_PARAMS = "fixed_params"


def suggested(space: SearchSpace, trial: Trial, asked: Mapping[str, Any]) -> Candidate:
    """Return the candidate of a user's trial: what was enqueued, and the rest as it is suggested.

    Args:
        space: the search space.
        trial: what suggests.
        asked: what was enqueued; what belongs to cells and rules that are not chosen is passed
            over, for a tuner without conditions chooses it all the same.

    Raises:
        ValueError: it can be none.
    """
    _refuse(asked, [name for name, value in asked.items() if not _leaves_open(space, name, value)])
    with warnings.catch_warnings():
        # Optuna takes a value that is out of range all the same; here that is an error.
        warnings.simplefilter("ignore")
        candidate = space.suggest(trial)
    candidate = Candidate.from_dict(candidate.to_dict())
    # Stored as a parameter out of its range, it would be nothing for a sampler to go by.
    _refuse(trial.params, outside(space, trial.params, candidate))
    return candidate


def outside(space: SearchSpace, asked: Mapping[str, Any], candidate: Candidate) -> list[str]:
    """Return the names of what was asked for and the space does not hold.

    Args:
        space: the search space.
        asked: hyperparameters by dotted name; those that the candidate does not have are not
            looked at.
        candidate: what the space made of them; it takes what lies between two steps for one of
            them.
    """
    inside = space.domains
    return [
        name
        for name, value in candidate.flat().items()
        if name in asked
        and not (_is_same(asked[name], value) and (name not in inside or value in inside[name]))
    ]


def _is_same(asked: Any, found: Any) -> bool:
    # Tuners add steps up in floats, and come to 0.6000000000000001.
    numbers = isinstance(asked, int | float) and isinstance(found, int | float)
    return bool(math.isclose(asked, found, abs_tol=1e-12) if numbers else asked == found)


def _leaves_open(space: SearchSpace, name: str, value: object) -> bool:
    """Return whether a space would ask for `name`, or has fixed it at `value`."""
    if name in ("cell", "rule"):
        return value in (space.cells if name == "cell" else space.rules)
    domain = space.domains.get(name)
    return domain is not None and (not isinstance(domain, Fixed) or value in domain)


def _refuse(values: Mapping[str, Any], outside: Sequence[str]) -> None:
    if outside:
        raise ValueError(", ".join(f"{name} = {values[name]!r}" for name in outside))


def claim(storage: BaseStorage, identity: int) -> bool:
    """Make a waiting trial RUNNING; return False where another process has done so before."""
    try:
        return storage.set_trial_state_values(identity, TrialState.RUNNING)
    except UpdateFinishedTrialError:
        return False


def take_up(storage: BaseStorage, identity: int) -> dict[str, Any]:
    """Return the user attributes of a trial that has been claimed, with no end among them."""
    known = dict(storage.get_trial(identity).user_attrs)
    for name in (REASON, DETAIL):
        # Written, but not the state they go with: the driver died in between.
        if known.get(name):
            storage.set_trial_user_attr(identity, name, "")
    return known


def adopt(storage: BaseStorage, identity: int, trial: Trial, attributes: Mapping[str, Any]) -> None:
    """Give a user's claimed trial the parameters of `trial` and, in order, `attributes`."""
    for name, distribution in trial.distributions.items():
        internal = distribution.to_internal_repr(trial.params[name])
        storage.set_trial_param(identity, name, internal, distribution)
    for name, value in attributes.items():
        storage.set_trial_user_attr(identity, name, value)


def fail(storage: BaseStorage, identity: int, why: str) -> None:
    """Make a trial that waits, or has just been claimed, FAIL."""
    claim(storage, identity)
    storage.set_trial_user_attr(identity, REASON, why)
    storage.set_trial_state_values(identity, TrialState.FAIL)
