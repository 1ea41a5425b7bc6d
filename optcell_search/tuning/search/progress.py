"""What a run shows in the terminal while it goes on; nothing where there is no terminal."""

from __future__ import annotations

import math
import time
from types import TracebackType

from optuna.trial import FrozenTrial, TrialState
from rich.console import Console
from rich.live import Live
from rich.table import Table

from optcell_search import results

from ...ledger.format import SEARCHED
from ...ledger.ledger import Ledger

_SECONDS_BETWEEN = 0.5


class View:
    """A small table that is rewritten in place.

    Args:
        console: where to write; by default the standard error stream, so that results on the
            standard output can be piped on.
    """

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(stderr=True)
        self._live: Live | None = None
        self._started = time.monotonic()
        self._shown = 0.0
        self._before: int | None = None

    def __enter__(self) -> View:
        if self._console.is_terminal:
            self._live = Live(console=self._console, auto_refresh=False, transient=True)
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._live is not None:
            self._live.stop()

    def update(self, ledger: Ledger) -> None:
        """Show where the run stands, at most twice a second."""
        now = time.monotonic()
        if self._live is None or now - self._shown < _SECONDS_BETWEEN:
            return
        self._shown = now
        self._live.update(self.render(ledger, now - self._started), refresh=True)

    def render(self, ledger: Ledger, elapsed: float) -> Table:
        """Return the table.

        Args:
            ledger: of the run.
            elapsed: seconds since this process took the run up.
        """
        request, counts = ledger.request, ledger.counts
        ended = sum(count for state, count in counts.items() if state.is_finished())
        if self._before is None:
            self._before = ended
        table = Table.grid(padding=(0, 2))
        table.add_row("task", request.task, "running for", duration(elapsed))
        table.add_row(
            "done",
            f"{ended} of {request.num_trials}" if request.num_trials else str(ended),
            "running",
            str(counts[TrialState.RUNNING]),
            "pruned",
            str(counts[TrialState.PRUNED]),
            "failed",
            str(counts[TrialState.FAIL]),
        )
        complete = [t for t in ledger.trials() if t.state == TrialState.COMPLETE]
        if complete:
            directions = list(request.objectives.values())
            front = results.front_mask([t.values for t in complete], directions)
            table.add_row("best", _best(request.objectives, complete), "front", str(front.sum()))
        left = self._left(ledger, ended, elapsed)
        if math.isfinite(left):
            table.add_row("time left", f"about {duration(left)}")
        return table

    def _left(self, ledger: Ledger, ended: int, elapsed: float) -> float:
        """Return the seconds until a budget is used up; infinity where nobody can say."""
        request, left = ledger.request, math.inf
        done = ended - (self._before or 0)
        if done and request.num_trials:
            left = elapsed / done * ledger.unfinished
        if request.time_limit:
            spent = ledger.study.user_attrs.get(SEARCHED, 0.0)
            left = min(left, max(0.0, request.time_limit - spent))
        return left


def _best(objectives: dict[str, results.Direction], complete: list[FrozenTrial]) -> str:
    name, direction = next(iter(objectives.items()))
    choose = max if direction == "maximize" else min
    best = choose(complete, key=lambda trial: trial.values[0])
    candidate = best.user_attrs["candidate"]
    return f"{name} {best.values[0]:.4g} ({candidate['rule']['name']} {candidate['cell']['name']})"


def duration(seconds: float) -> str:
    """Return seconds as people write them: ``4 s``, ``3 min 20 s``, ``2 h 5 min``."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
