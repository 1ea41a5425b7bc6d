"""What answering without looking at any input comes to, beside which scores are read."""

from __future__ import annotations

from dataclasses import dataclass

from .. import words
from .data import Data


@dataclass(frozen=True)
class NoInput:
    """One metric of an answer that is the same whatever is asked.

    Attributes:
        metric: its name.
        label: as people read it.
        search: the score where the search judges: on the validation part, or the mean over folds.
        validation, test: the score on either part.

    A score is None where nothing was noted of it.
    """

    metric: str
    label: str
    search: float | None
    validation: float | None
    test: float | None


def no_input(data: Data) -> tuple[NoInput, ...]:
    """Return the scores of answering without any input, those of the objectives first.

    See `results.chance` for what is answered.
    """
    each = [data.chance.get(part, {}) for part in ("search", "validation", "test")]
    known = dict.fromkeys([*data.objectives, *(name for scores in each for name in scores)])
    return tuple(
        NoInput(name, words.plain_metric(name), *(scores.get(name) for scores in each))
        for name in known
        if any(name in scores for scores in each)
    )
