"""The weights that a search left of a trial, and what an export says of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import Tensor


@dataclass(frozen=True)
class SearchedWeights:
    """One training of a trial, of the first repeat.

    Attributes:
        trial: its number.
        weights: after the last epoch.
        fold: in which they were trained, counted from 0.
        folds, repeats: how many there were; the scores of the search are means over all of them.
    """

    trial: int
    weights: dict[str, Tensor]
    fold: int
    folds: int
    repeats: int

    def to_dict(self) -> dict[str, Any]:
        """Return what an exported package says of the origin of its weights."""
        origin: dict[str, Any] = {"of": "search", "trial": self.trial}
        if self.folds > 1:
            origin |= {"fold": self.fold + 1, "folds": self.folds}
        if self.repeats > 1:
            origin |= {"repeats": self.repeats}
        return origin
