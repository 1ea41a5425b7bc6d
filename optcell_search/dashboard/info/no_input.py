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
        validation, test: the score on either part; None where nothing was noted of it.
    """

    metric: str
    label: str
    validation: float | None
    test: float | None


def no_input(data: Data) -> tuple[NoInput, ...]:
    """Return the scores of answering without any input, those of the objectives first.

    See `results.chance` for what is answered.
    """
    validation, test = (data.chance.get(split, {}) for split in ("validation", "test"))
    known = dict.fromkeys([*data.objectives, *validation, *test])
    return tuple(
        NoInput(name, words.plain_metric(name), validation.get(name), test.get(name))
        for name in known
        if name in validation or name in test
    )
