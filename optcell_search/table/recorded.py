"""A trial whose training is read from a table: the place of a worker in a simulated search."""

from __future__ import annotations

import math
import statistics

from ..training import DivergedError
from ..tuning.worker.ending import check_objectives, failure
from ..tuning.worker.job import Job, Report
from .trained import TrainedCandidates


class RecordedTraining:
    """Gives the reports of one trial, epoch by epoch, and how long each took.

    A trial with the seeds r_0, r_1, … of the ledger is read from the rows of the table's seeds
    numbered (r_0 + i) mod n for i = 0, 1, …, n being how many the table has. So trials differ in
    their luck, and repeats of one trial are different trainings. As on a worker, these are trained
    side by side: an epoch takes the sum of their seconds, and its metrics are their means.

    Args:
        table: to read from.
        job: what to train; its candidate is one that the table holds.
    """

    def __init__(self, table: TrainedCandidates, job: Job) -> None:
        self._job = job
        self._rows = table.rows
        count = len(table.seeds)
        chosen = [table.seeds[(job.seeds[0] + i) % count] for i in range(len(job.seeds))]
        key = job.candidate.key
        self._each = [table.rows.index[key, seed] for seed in chosen]
        self._seconds = [table.rows.seconds(row) for row in self._each]
        self._curves = [table.rows.curves("validation", row) for row in self._each]
        self._epoch = 0

    def advance(self) -> tuple[Report, float]:
        """Return the report of the next epoch, and the seconds from the trial's start to its end.

        A training that diverged in this epoch, or an objective that is not finite after it, ends
        the trial as failed.
        """
        self._epoch += 1
        epoch = self._epoch
        end = sum(seconds[epoch - 1] for seconds in self._seconds)
        for row in self._each:
            if epoch > self._rows.epochs(row):
                reason, detail = self._rows.failure(row)
                return Report(number=self._job.number, reason=reason, detail=detail, done=True), end
        means, spread = self._judged(epoch)
        try:
            check_objectives(means, epoch, self._job.objectives)
        except DivergedError as error:
            return failure(self._job.number, error), end
        done = epoch >= self._job.epochs
        report = Report(
            number=self._job.number,
            epoch=epoch,
            metrics={epoch: means},
            spread=spread,
            gradients=self._gradients() if done else {},
            done=done,
        )
        return report, end

    def _judged(self, epoch: int) -> tuple[dict[str, float], dict[str, float]]:
        """Return the means over the trainings, and standard deviations where there are several.

        What is no number has no spread.
        """
        each = [{name: curve[epoch - 1] for name, curve in one.items()} for one in self._curves]
        if len(each) == 1:
            return each[0], {}
        values = {name: [one[name] for one in each] for name in each[0]}
        means = {name: statistics.fmean(several) for name, several in values.items()}
        finite = [name for name, mean in means.items() if math.isfinite(mean)]
        return means, {name: statistics.stdev(values[name]) for name in finite}

    def _gradients(self) -> dict[int, float]:
        each = [self._rows.gradients(row) for row in self._each]
        shared = [distance for distance in each[0] if all(distance in one for one in each)]
        return {distance: statistics.fmean(one[distance] for one in each) for distance in shared}
