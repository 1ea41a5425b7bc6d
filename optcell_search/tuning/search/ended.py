"""How a trial ended."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from ...ledger.trials.ending import NOTHING, Beside
from ..worker.job import Report


@dataclass(frozen=True)
class Ended:
    """The end of a trial, which a deterministic search holds back until its turn.

    Attributes:
        report: what its worker told last; None where the worker is gone.
        verdict: why it failed, where the worker does not know.
        early: why it ended early, where it did so with the search or by hand.
    """

    report: Report | None
    verdict: str = ""
    early: str = ""

    @property
    def why(self) -> str:
        """Why the trial failed; empty where it did not."""
        return self.verdict or (self.report.reason if self.report else "")

    def is_whole(self, objectives: Iterable[str]) -> bool:
        """Whether the trial came to its own end, and to numbers in these objectives."""
        told = self.report
        if told is None or self.why or not told.done:
            return False
        return all(math.isfinite(told.metrics[told.epoch][name]) for name in objectives)

    @property
    def whole(self) -> bool:
        """Whether the trial was trained to its end."""
        return self.report is not None and self.report.done and not self.why

    @property
    def beside(self) -> Beside:
        """What is known of the end beside the metrics."""
        told = self.report
        if told is None:
            return NOTHING
        return Beside(told.spread, told.folds, told.gradients, told.mixture, self.early)
