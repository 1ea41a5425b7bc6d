"""Mixtures of the rules of a space, and the candidates that are read off trained ones."""

from __future__ import annotations

import sys
from collections.abc import Mapping

from .. import registry
from ..hyperparameters import specification
from .candidate import Candidate
from .domains import closest
from .space import SearchSpace

MIXTURE = "mixture"
_LOGIT = "_logit"

# What stands for a loss that is not finite, which JSON has no word for: as of a rule that cannot be
# without the others.
LARGEST = sys.float_info.max

# What a trained mixture tells: "without" → rule → loss, "values" → name → number, …
Told = Mapping[str, Mapping[str, float]]


def is_mixture(candidate: Candidate) -> bool:
    """Return whether a candidate's rule is a mixture of two rules or more."""
    if candidate.rule != MIXTURE:
        return False
    options = dict(candidate.rule_options)
    return sum(options[name] is True for name in _mixable()) > 1


def mixtures(space: SearchSpace) -> list[Candidate]:
    """Return for each cell of a space the mixture of the space's rules, which is to be learned.

    Rules begin with equal weights. Their values, the model and its training are at the defaults of
    the space (`SearchSpace.typical`), whatever the space says of `learn_rule`.

    Raises:
        ValueError: the space has fewer than two of the rules that can be mixed.
    """
    rules = [name for name in _mixable() if name in space.rules]
    if len(rules) < 2:
        raise ValueError(
            f"a mixture takes two rules or more of {', '.join(_mixable())}; the space has "
            f"{', '.join(rules) or 'none of them'}"
        )
    found = []
    for cell in space.cells:
        tables = {name: space.typical(cell, name).to_dict() for name in rules}
        table = tables[rules[0]]
        values = {f"{name}_{k}": v for name, one in tables.items() for k, v in one["rule"].items()}
        own = {key: value for key, value in values.items() if not key.endswith("_name")}
        takes_part = {name: name in rules for name in _mixable()}
        table["rule"] = {"name": MIXTURE, **takes_part, **own}
        table["model"]["learn_rule"] = True
        found.append(Candidate.from_dict(table))
    return found


def read_off(space: SearchSpace, mixture: Candidate, told: Told) -> list[Candidate]:
    """Return the candidate of each rule of a trained mixture, the strongest rule first.

    A rule is the stronger, the larger the loss is without it. Its mu, s and beta are those that the
    mixture has learned, or what the space holds next to them; all else is at the space's defaults.

    Args:
        space: that is searched.
        mixture: as `mixtures` made it.
        told: as `training.read_mixture` returned it.
    """
    found = []
    for rule in sorted(told["without"], key=lambda name: -told["without"][name]):
        table = space.typical(mixture.cell, rule).to_dict()
        for key in table["rule"].keys() - {"name"}:
            learned = told["values"].get(f"{rule}_{key}")
            if learned is not None:
                table["rule"][key] = closest(space.domains[f"{rule}.{key}"], learned)
        found.append(Candidate.from_dict(table))
    return found


def _mixable() -> list[str]:
    """Return the names of the rules that can take part in a mixture."""
    keys = specification(registry.rules.get(MIXTURE))
    return [key.removesuffix(_LOGIT) for key in keys if key.endswith(_LOGIT)]
