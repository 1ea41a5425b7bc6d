"""What searches had come to, and what that is worth: by test scores that they never saw."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from typing import Any

from optcell_search.pareto import Direction, front_mask, hypervolume
from optcell_search.results.intervals import Interval
from optcell_search.space import is_plain
from optcell_search.table import Table

DIRECTIONS: list[Direction] = ["maximize", "minimize"]
Step = list[Any]  # place, seconds, key, values of the objectives
Lines = list[dict[str, Any]]


class Judge:
    """Judges searches by the mean test scores of a table.

    Args:
        table: the table.
        chance: the accuracy of guessing, which a training has that diverged.
    """

    def __init__(self, table: Table, chance: float) -> None:
        self.accuracy, self.size, self.chance = {}, {}, chance
        for candidate in table.candidates:
            tests = [table.test(candidate, seed)["accuracy"] for seed in table.seeds]
            self.accuracy[candidate.key] = statistics.fmean(
                chance if math.isnan(v) else v for v in tests
            )
            self.size[candidate.key] = math.log10(table.query(candidate, 1)["parameters"])
        self.best = max(self.accuracy.values())
        self.plain = max(self.accuracy[c.key] for c in table.candidates if is_plain(c))
        self.ends = min(self.size.values()), max(self.size.values())

    def regret(self, steps: Sequence[Step]) -> float:
        """Return the regret of what would be picked of complete trials.

        That is what `results.best` picks: the best by validation, of the same the smallest.
        """
        if not steps:
            return self.best - self.chance
        picked = min(steps, key=lambda step: (-step[3], self.size[step[2]], step[2]))
        return self.best - self.accuracy[picked[2]]

    def volume(self, steps: Sequence[Step]) -> float:
        """Return the hypervolume of the front of complete trials, as a share."""
        if not steps:
            return 0.0
        kept = front_mask([step[3:] for step in steps], DIRECTIONS)
        keys = [step[2] for step, keep in zip(steps, kept, strict=True) if keep]
        small, large = self.ends
        points = [(self.accuracy[key], self.size[key]) for key in keys]
        found = hypervolume(points, DIRECTIONS, reference=(self.chance, large))
        return found / ((1 - self.chance) * (large - small))


def until(line: dict[str, Any], axis: int, most: float) -> list[Step]:
    """Return the complete trials up to a place (axis 0) or to seconds (axis 1)."""
    return [step for step in line["complete"] if step[axis] <= most]


def ended_by(line: dict[str, Any], place: int) -> float:
    """Return after how many seconds so many trials had ended, complete or not.

    Searches that were stored before this was asked for lack it, but for those of the default and of
    random search, which need it.
    """
    return float(line["ended"][place - 1])


def said(interval: Interval, sign: str = "") -> str:
    """Return a mean with its interval; with ``+`` it is bold where the interval leaves 0 out."""
    if interval.low is None or interval.high is None:
        return f"{interval.mean:{sign}.4f}"
    text = f"{interval.mean:{sign}.4f} [{interval.low:{sign}.4f}, {interval.high:{sign}.4f}]"
    return f"**{text}**" if sign and interval.excludes_zero else text


def workers_of(name: str) -> int:
    """Return how many workers the searches of a setting had."""
    return int(name.partition(" workers")[0].rpartition(" ")[2])
