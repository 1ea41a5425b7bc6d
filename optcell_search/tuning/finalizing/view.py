"""What `finalize` tells while it trains: a bar on a terminal or in a notebook, else lines."""

from __future__ import annotations

import math
import time

from rich.console import Console
from rich.progress import Progress

from optcell_search.notebook import Bar, notebook
from optcell_search.stages import LOGGER
from optcell_search.wording import duration, number

from ..worker.final_training import Outcome, Work

_SECONDS_BETWEEN_LINES = 1.0
_SECONDS_OF_SILENCE = 60.0


class FinalizeView:
    """Tells how far the trainings are, which all take about the same time.

    Args:
        total: how many there are.
        metric: whose scores are told.
        console: where to show a bar; by default the standard error stream.
    """

    def __init__(self, total: int, metric: str, console: Console | None = None) -> None:
        self._total = total
        self._metric = metric
        self._console = console or Console(stderr=True)
        self._progress: Progress | None = None
        shown = notebook()
        self._bar = Bar(shown) if shown is not None else None
        self._began = self._told = time.monotonic()
        self._done = 0
        self._untold = 0
        self._last = ""

    def __enter__(self) -> FinalizeView:
        if self._console.is_terminal:
            self._progress = Progress(console=self._console, transient=True)
            self._progress.add_task("training again", total=self._total)
            self._progress.start()
        return self

    def __exit__(self, *raised: object) -> None:
        if self._progress is not None:
            self._progress.stop()
        elif self._untold:
            self._tell()

    def took(self, work: Work, seed: int, outcome: Outcome) -> None:
        """Tell what the training with one seed came to."""
        self._done += 1
        self._untold += 1
        self._last = _told(work, seed, outcome, self._metric)
        if self._progress is not None:
            self._progress.advance(self._progress.task_ids[0])
            return
        if self._bar is not None:
            self._bar.update(self._done / self._total, self._so_far())
        if time.monotonic() - self._told >= _SECONDS_BETWEEN_LINES:
            self._tell()

    def waits(self) -> None:
        """Tell once a minute that it goes on, where nothing has ended meanwhile."""
        if self._progress is None and time.monotonic() - self._told >= _SECONDS_OF_SILENCE:
            self._tell()

    def _tell(self) -> None:
        more = f" (and {self._untold - 1} more)" if self._untold > 1 else ""
        ended = f"{self._last}{more}; " if self._untold else ""
        LOGGER.info("%s%s", ended, self._so_far())
        self._told = time.monotonic()
        self._untold = 0

    def _so_far(self) -> str:
        words = f"{self._done} of {self._total} trainings done"
        if not 0 < self._done < self._total:
            return words
        left = (time.monotonic() - self._began) / self._done * (self._total - self._done)
        return f"{words}; about {duration(left)} left"


def _told(work: Work, seed: int, outcome: Outcome, metric: str) -> str:
    what = f"trial {work.job.number}{', its baseline' if work.baseline else ''}"
    which = f"{what}, seed {seed}"
    if outcome.score.reason:
        return f"{which} failed: {outcome.score.reason}"
    scores = [
        f"{split} {metric} {number(value)}"
        for split, found in (
            ("validation", outcome.score.validation),
            ("test", outcome.score.test),
        )
        if math.isfinite(value := found.get(metric, math.nan))
    ]
    return f"{which}: {', '.join(scores) or 'trained'}"
