"""Constraints of a search, such as ``parameters<=50000``."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

_PATTERN = re.compile(r"\s*(?P<metric>[A-Za-z_]\w*)\s*(?P<relation><=|>=)\s*(?P<bound>\S+)\s*")


@dataclass(frozen=True)
class Constraint:
    """A bound that a metric of a candidate is to keep.

    Attributes:
        metric: name of the metric.
        relation: "<=" or ">=".
        bound: the bound, in the metric's own units.
    """

    metric: str
    relation: str
    bound: float

    @classmethod
    def parse(cls, text: str, valid: Sequence[str]) -> Constraint:
        """Read ``metric<=number`` or ``metric>=number``.

        Raises:
            ValueError: the text is no constraint, or its metric is not one of `valid`.
        """
        match = _PATTERN.fullmatch(text)
        if match is None:
            raise ValueError(f"constraint {text!r}; valid: METRIC<=NUMBER or METRIC>=NUMBER")
        if match["metric"] not in valid:
            raise ValueError(
                f"constraint {text!r}: unknown metric {match['metric']!r}; "
                f"valid: {', '.join(valid)}"
            )
        try:
            bound = float(match["bound"])
        except ValueError:
            bound = math.nan
        if not math.isfinite(bound):
            raise ValueError(f"constraint {text!r}: {match['bound']!r} is not a finite number")
        return cls(match["metric"], match["relation"], bound)

    @classmethod
    def stored(cls, text: str) -> Constraint:
        """Read a constraint whose metric need not be checked, such as one of a stored request."""
        return cls.parse(text, valid=(re.split("[<>]", text, maxsplit=1)[0].strip(),))

    def __str__(self) -> str:
        return f"{self.metric}{self.relation}{self.bound!r}".removesuffix(".0")

    def violation(self, metrics: Mapping[str, float]) -> float:
        """Return by how much `metrics` miss the bound: 0 or less when they keep it."""
        excess = metrics[self.metric] - self.bound
        # A metric that is not a number keeps no bound, and Optuna stores no NaN.
        if math.isnan(excess):
            return math.inf
        return excess if self.relation == "<=" else -excess
