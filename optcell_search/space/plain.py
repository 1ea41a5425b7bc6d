"""The plain cells of a space: what every other candidate is measured by."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import cast

from .. import registry
from ..hyperparameters import specification
from .candidate import Candidate
from .domains import Domain, Fixed, Value, typical
from .settings import Training, model_settings

PLAIN_RULE, PLAIN_STEP = "gd", 1.0
_STEP, _LEARNED, _SHARE = f"{PLAIN_RULE}.s", "model.learn_rule", "training.share"
_RELATIVE = "model.relative_to"
_NOTHING = Fixed("")


def is_plain(candidate: Candidate) -> bool:
    """Return whether a candidate is its cell as torch has it: u = z, and nothing learned of it.

    Inside a memory, too, the rule is gd with s = 1. One that takes a share of the epochs alone is
    none: it is no measure of those that take all.
    """
    values = candidate.flat()
    known = values.get(_STEP) == PLAIN_STEP and not values[_LEARNED]
    if inside := values.get(f"{candidate.cell}.inner"):
        step = values.get(f"{candidate.cell}.s", PLAIN_STEP)
        known &= (inside, step) == (PLAIN_RULE, PLAIN_STEP)
    return known and values[_SHARE] == 1


def plain_values(cell: str, domains: Mapping[str, Domain]) -> list[Callable[[str, Domain], Value]]:
    """Return what decides each hyperparameter of the plain candidates of `cell`, by dotted name.

    The rule is gd with s = 1, which is not learned, and so is that inside a memory where the space
    has it, and the training takes all the epochs; every other one is at its default, where that is
    one of the choices or inside the range (of those of a cell, at its ends, too), and else the
    first choice or the middle of the range.
    Where series may be taken as they are or relative to their last value there is a candidate for
    each: which is right is a matter of the series, and no merit of a rule.
    """
    known: dict[str, Value] = {_STEP: PLAIN_STEP, _LEARNED: False}
    ways = (
        [{_RELATIVE: way} for way in domains[_RELATIVE].grid(2)] if _RELATIVE in domains else [{}]
    )
    return [typical_value(cell, PLAIN_RULE, known | way) for way in ways]


def typical_value(
    cell: str, rule: str, fixed: Mapping[str, Value] | None = None
) -> Callable[[str, Domain], Value]:
    """Return what decides each hyperparameter of a candidate by the defaults of its space.

    Args:
        cell, rule: of the candidate.
        fixed: by dotted name, what is something else.
    """
    known: dict[str, Value] = {"cell": cell, "rule": rule, **(fixed or {})}

    def value_of(name: str, domain: Domain) -> Value:
        if name in known:
            return known[name]
        default = _default(name, cell, rule)
        # The cell as it is published and the whole training count at the ends of ranges, too.
        if (name == _SHARE or name.rpartition(".")[0] == cell) and default in domain:
            return cast(Value, default)
        return typical(domain, default)

    return value_of


def holds_plain(rules: tuple[str, ...], domains: dict[str, Domain]) -> bool:
    """Return whether a space with these rules and domains has plain candidates."""
    return (
        PLAIN_RULE in rules
        and PLAIN_STEP in domains.get(_STEP, _NOTHING)
        and False in domains.get(_LEARNED, _NOTHING)
        and 1.0 in domains.get(_SHARE, _NOTHING)
    )


def _default(name: str, cell: str, rule: str) -> object:
    owner, option = name.rsplit(".", 1)
    if owner == Training.name:
        return specification(Training)[option].default
    if owner == cell:
        return specification(registry.every_cell.get(cell))[option].default
    if owner == rule:
        return specification(registry.rules.get(rule))[option].default
    settings = model_settings(cell)
    kind = settings if owner == settings.name else registry.penalties.get(owner)
    return specification(kind)[option].default
