"""What a run tells while it goes on: a table on a terminal, a bar in a notebook, else lines."""

from __future__ import annotations

import math
import time

from optuna.trial import TrialState
from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from optcell_search.notebook import Bar, notebook
from optcell_search.stages import LOGGER
from optcell_search.wording import duration, number

from ...ledger.ledger import Ledger
from .progress import Progress, best, front, outcome

_SECONDS_BETWEEN = 0.5
_SECONDS_BETWEEN_LINES = 1.0
_SECONDS_OF_SILENCE = 60.0


class View:
    """A small table that is rewritten in place, or lines through `logging`.

    In a notebook, where nobody looks at these unless they are asked for, a bar is shown, too.

    Args:
        console: where to write; by default the standard error stream, so that results on the
            standard output can be piped on.
    """

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(stderr=True)
        self._live: Live | None = None
        self._progress = Progress()
        self._shown = -math.inf
        self._said = time.monotonic()
        self._told: set[int] | None = None
        shown = notebook()
        self._bar = Bar(shown) if shown is not None else None

    def __enter__(self) -> View:
        if self._console.is_terminal:
            # Until Ray's workers are there nothing can be shown of the search itself.
            first = Text("starting the search")
            self._live = Live(first, console=self._console, auto_refresh=False, transient=True)
            self._live.start(refresh=True)
        return self

    def __exit__(self, *raised: object) -> None:
        if self._live is not None:
            self._live.stop()

    def update(self, ledger: Ledger) -> None:
        """Show where the run stands, at most twice a second, or tell it, at most once."""
        now = time.monotonic()
        if self._live is not None:
            if now - self._shown >= _SECONDS_BETWEEN:
                self._shown = now
                self._live.update(self.render(ledger), refresh=True)
        elif now - self._shown >= _SECONDS_BETWEEN_LINES:
            self._shown = now
            self.tell(ledger)
        if self._bar is not None and self._bar.due:
            self._show_bar(ledger)

    def _show_bar(self, ledger: Ledger) -> None:
        assert self._bar is not None
        self._bar.update(self._progress.share(ledger), "; ".join(self._so_far(ledger)))

    def end(self, ledger: Ledger) -> None:
        """Tell what has not been told yet."""
        if self._live is None:
            self.tell(ledger)
        if self._bar is not None:
            self._show_bar(ledger)

    def render(self, ledger: Ledger, elapsed: float | None = None) -> Table:
        """Return the table.

        Args:
            ledger: of the run.
            elapsed: seconds since this process took the run up, where that is to be said.
        """
        request, counts = ledger.request, ledger.counts
        elapsed = self._progress.elapsed if elapsed is None else elapsed
        named = (("running", "RUNNING"), ("pruned", "PRUNED"), ("failed", "FAIL"))
        states = ", ".join(f"{counts[TrialState[state]]} {name}" for name, state in named)
        rows = [
            ("task", f"{request.task}, for {duration(elapsed)}"),
            ("done", f"{self._progress.done(ledger)}; {states}"),
        ]
        if said := _best(ledger):
            rows.append(("best", f"{said}; {front(ledger)} on the front"))
        left = self._progress.left(ledger, elapsed)
        if math.isfinite(left):
            rows.append(("time left", f"about {duration(left)}"))
        table = Table.grid(padding=(0, 2))
        for name, words in rows:
            # As text: what stands in brackets in a task's name is no markup.
            table.add_row(name, Text(words))
        return table

    def tell(self, ledger: Ledger) -> None:
        """Log a line of the trials that have ended since the last one, and one a minute anyway."""
        ended = {trial.number for trial in ledger.trials() if trial.state.is_finished()}
        if self._told is None:
            # What a run that goes on had before is nothing new.
            self._progress.ended(ledger)
            self._told = ended
        new = sorted(ended - self._told)
        self._told = ended
        silent = time.monotonic() - self._said >= _SECONDS_OF_SILENCE
        if not new and not silent:
            return
        self._said = time.monotonic()
        first = []
        if new:
            trial = ledger.trials()[new[-1]]
            more = f" (and {len(new) - 1} more)" if len(new) > 1 else ""
            first = [f"trial {trial.number} {outcome(trial, ledger.request.objectives)}{more}"]
        LOGGER.info("%s", "; ".join([*first, *self._so_far(ledger, running=not new)]))

    def _so_far(self, ledger: Ledger, *, running: bool = True) -> list[str]:
        """Return how far the run is, what is best, and how long it will still take, in words."""
        parts = [f"{self._progress.done(ledger)} done"]
        if running and (amount := ledger.counts[TrialState.RUNNING]):
            parts.append(f"{amount} running")
        if said := _best(ledger):
            parts.append(f"best {said}")
        left = self._progress.left(ledger)
        if 0 < left < math.inf:
            parts.append(f"about {duration(left)} left")
        return parts


def _best(ledger: Ledger) -> str:
    """Return the best so far in words; nothing where there is none yet."""
    trial = best(ledger)
    if trial is None:
        return ""
    name = next(iter(ledger.request.objectives))
    candidate = trial.user_attrs["candidate"]
    made = f"{candidate['rule']['name']} {candidate['cell']['name']}"
    return f"{name} {number(trial.values[0])} (trial {trial.number}, {made})"
