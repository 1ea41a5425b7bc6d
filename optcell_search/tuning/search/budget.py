"""When a search is over although its trials are not used up. No Ray."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence

from optcell_search.results import front_mask

from ...ledger.constraints import Constraint
from ...ledger.format import DUPLICATE_OF, METRICS, REASON, SEARCHED
from ...ledger.ledger import Ledger
from ...ledger.request import Request
from ...ledger.trials.ending import was_cut
from ...ledger.trials.reasons import GIVEN_UP

# Said of a limit that was reached with nothing to show for it.
NOTHING_ELSE = "before any candidate was trained to its end"


class Budget:
    """What a search has used of its time, of its patience, and whether it has reached its goal.

    Args:
        request: of the run.
        before: seconds it has been searched before.
        clock: seconds that go by.
    """

    def __init__(
        self, request: Request, before: float = 0.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._request = request
        self._before = before
        self._clock = clock
        self._began = clock()
        self._goals = [Constraint.stored(text) for text in request.until]
        self._front: list[Sequence[float]] = []
        self._in_vain = 0
        self._reached = False

    @classmethod
    def of(cls, ledger: Ledger, clock: Callable[[], float] = time.monotonic) -> Budget:
        """Return the budget of a run as its ledger has it; its time begins to go by."""
        budget = cls(ledger.request, ledger.study.user_attrs.get(SEARCHED, 0.0), clock)
        ended = [trial for trial in ledger.trials() if trial.state.is_finished()]
        for trial in sorted(ended, key=lambda one: (str(one.datetime_complete), one.number)):
            known = trial.user_attrs
            # What the end of the search cut, or its user, has not shown what it comes to.
            untold = was_cut(trial) or known.get(REASON) == GIVEN_UP
            if DUPLICATE_OF not in known and not untold:
                # What somebody else put in the study has values, and no metrics; and the values are
                # what counts, whatever a damaged study says of the metrics.
                metrics = known.get(METRICS) if trial.values is not None else None
                if metrics:
                    metrics = metrics | dict(
                        zip(ledger.request.objectives, trial.values, strict=False)
                    )
                budget.note(metrics if metrics and ledger.is_feasible(metrics) else None)
        return budget

    @property
    def spent(self) -> float:
        """Seconds of searching, the time the run was stopped left out."""
        return self._before + self._clock() - self._began

    @property
    def over(self) -> str:
        """Why the search is to end, in words; empty while it is not."""
        request = self._request
        if self._reached:
            return f"{' and '.join(request.until)} is reached"
        if 0 < request.patience <= self._in_vain:
            return f"no better front in {self._in_vain} trials"
        if 0 < request.time_limit <= self.spent:
            return "the time is used up"
        return ""

    @property
    def ways_on(self) -> list[str]:
        """Options of ``resume`` that it takes for a search that is over to go on."""
        request = self._request
        ways = {
            "--until ''": self._reached,
            "--patience 0": 0 < request.patience <= self._in_vain,
            "--time D": 0 < request.time_limit <= self.spent,
        }
        return [way for way, is_needed in ways.items() if is_needed]

    def extend(self, request: Request) -> None:
        """Go by the limits of `request` from now on, which is the run's with other ones."""
        self._request = request

    def note(self, metrics: Mapping[str, float] | None) -> None:
        """Take in how a trial ended.

        Args:
            metrics: of a complete trial that keeps every constraint; None for any other one.
        """
        self._in_vain += 1
        if metrics is None:
            return
        if self._goals and all(goal.violation(metrics) <= 0 for goal in self._goals):
            self._reached = True
        point = tuple(metrics[name] for name in self._request.objectives)
        if point in self._front:
            return
        points = [*self._front, point]
        mask = front_mask(points, list(self._request.objectives.values()))
        if mask[-1]:
            self._in_vain = 0
        self._front = [one for one, kept in zip(points, mask, strict=True) if kept]

    def too_slow(self, metrics: Mapping[str, float]) -> bool:
        """Whether a trial with these metrics has trained for longer than any may.

        Its folds and repeats, which are trained one after the other, count together.
        """
        limit = self._request.trial_time
        return limit > 0 and metrics["train_seconds"] * self._request.trainings > limit
