"""How far a search is, how long it will still take, and what each worker does, as plain data."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from ... import results
from .data import Data

_ENDED = ("COMPLETE", "PRUNED", "FAIL")


@dataclass(frozen=True)
class Working:
    """A trial in training.

    Attributes:
        worker: host and process, None until its first epoch.
        number: of the trial.
        epoch, epochs: how many it has trained, of how many at most.
    """

    worker: str | None
    number: int
    epoch: int
    epochs: int


@dataclass(frozen=True)
class Progress:
    """How far a search is.

    Attributes:
        done, asked: trials that have ended, of how many; 0: their number is no limit.
        spent, limit: seconds of searching, of how many; 0: time is no limit.
        left: seconds until the first of the two is used up; None where nobody can say.
        ended: why the search ended, where a limit or the space did it.
        working: trials in training.
    """

    done: int
    asked: int
    spent: float
    limit: float
    left: float | None
    ended: str
    working: tuple[Working, ...]


def progress(data: Data) -> Progress:
    """Return how far a search is."""
    states = data.table["state"]
    # What the end of a search cut off is trained anew by the resume that goes on, and counts then.
    done = int((states.isin(_ENDED) & results.not_cut(data.table)).sum())
    asked = int(data.request.get("num_trials", 0))
    limit = float(data.request.get("time_limit", 0.0))
    running = data.table[states == "RUNNING"]
    guesses = []
    if asked and done and data.searched:
        guesses.append(data.searched / done * max(0, asked - done))
    if limit:
        guesses.append(max(0.0, limit - data.searched))
    return Progress(
        done=done,
        asked=asked,
        spent=data.searched,
        limit=limit,
        left=min(guesses) if guesses and len(running) and not data.ended else None,
        ended=data.ended,
        working=tuple(_working(data, running)),
    )


def _working(data: Data, running: pd.DataFrame) -> list[Working]:
    epochs = int(data.request.get("epochs", 0))
    workers = running["worker"] if "worker" in running else pd.Series(None, index=running.index)
    return [
        Working(worker if isinstance(worker, str) else None, int(number), int(epoch), epochs)
        for worker, number, epoch in zip(workers, running["number"], running["epochs"], strict=True)
    ]
