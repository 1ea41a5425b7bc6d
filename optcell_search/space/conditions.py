"""Hyperparameters that exist only beside certain values of another one."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from typing import Any

from .. import hyperparameters
from ..hyperparameters import Hyperparameters, specification
from .domains import Domain, Fixed

# By dotted name: the dotted name of the other hyperparameter, and what that must be.
Needs = Mapping[str, hyperparameters.Needs]


def needs_of(*owners: type[Hyperparameters]) -> Needs:
    """Return what the hyperparameters of cells, rules, a model and its training need."""
    return {
        f"{owner.name}.{key}": (f"{owner.name}.{spec.needs[0]}", spec.needs[1])
        for owner in owners
        for key, spec in specification(owner).items()
        if spec.needs is not None
    }


def is_there(name: str, values: Mapping[str, Any], needs: Needs) -> bool:
    """Return whether hyperparameter `name` exists beside the `values` of those it may need."""
    return name not in needs or hyperparameters.met(needs[name], values[needs[name][0]])


def apart(
    domains: Mapping[str, Domain], needs: Needs, points: int | None = None
) -> Iterator[dict[str, Domain]]:
    """Yield the domains once for each set of hyperparameters that exist together.

    What others need is fixed in turn at its values: at all, or at the `points` of its grid.
    """
    deciding = sorted({other for other, _ in needs.values()} & domains.keys())
    grids = [domains[name].grid(points or domains[name].size or 1) for name in deciding]
    for values in itertools.product(*grids):
        fixed = dict(zip(deciding, values, strict=True))
        yield {
            name: Fixed(fixed[name]) if name in fixed else domain
            for name, domain in domains.items()
            if is_there(name, fixed, needs)
        }
