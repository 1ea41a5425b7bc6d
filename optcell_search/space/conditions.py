"""Hyperparameters that exist only beside certain values of others."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from typing import Any

from .. import hyperparameters
from ..hyperparameters import Hyperparameters, specification
from .domains import Domain, Fixed

# By dotted name: what the others must be, by their dotted names.
Needs = Mapping[str, hyperparameters.Needs]


def needs_of(*owners: type[Hyperparameters]) -> Needs:
    """Return what the hyperparameters of cells, rules, penalties, a model and its training need."""
    return {
        f"{owner.name}.{key}": {
            f"{owner.name}.{other}": wanted for other, wanted in spec.needs.items()
        }
        for owner in owners
        for key, spec in specification(owner).items()
        if spec.needs
    }


def is_there(name: str, values: Mapping[str, Any], needs: Needs) -> bool:
    """Return whether hyperparameter `name` exists beside the `values` of those it may need."""
    needed = needs.get(name, {})
    return needed.keys() <= values.keys() and not hyperparameters.unmet(needed, values)


def never(needs: hyperparameters.Needs, domains: Mapping[str, Domain]) -> hyperparameters.Needs:
    """Return what of `needs` no value in the `domains` of the others meets."""
    return {
        other: wanted
        for other, wanted in needs.items()
        if not (
            any(value in domains[other] for value in wanted)
            if isinstance(wanted, tuple)
            else max(map(float, domains[other].grid(2))) >= wanted
        )
    }


def apart(
    domains: Mapping[str, Domain], needs: Needs, points: int | None = None
) -> Iterator[dict[str, Domain]]:
    """Yield the domains once for each set of hyperparameters that exist together.

    What others need is fixed in turn at its values: at all, or at the `points` of its grid.
    """
    deciding = sorted({other for needed in needs.values() for other in needed} & domains.keys())
    grids = [domains[name].grid(points or domains[name].size or 1) for name in deciding]
    for values in itertools.product(*grids):
        fixed = dict(zip(deciding, values, strict=True))
        # What is not there itself decides nothing, and counts once, with its first value.
        if any(
            fixed[name] != grid[0] and not is_there(name, fixed, needs)
            for name, grid in zip(deciding, grids, strict=True)
        ):
            continue
        yield {
            name: Fixed(fixed[name]) if name in fixed else domain
            for name, domain in domains.items()
            if is_there(name, fixed, needs)
        }
