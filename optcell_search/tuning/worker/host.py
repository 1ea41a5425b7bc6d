"""A worker of a search in populations, as a Ray actor."""

from __future__ import annotations

import os
import socket
from collections.abc import Sequence

from .job import Job, Report
from .slots import Slots


class Host:
    """Holds trials side by side, for as long as the search goes on."""

    def __init__(self) -> None:
        self._slots = Slots()

    def name(self) -> str:
        """Return host and process."""
        return f"{socket.gethostname()}:{os.getpid()}"

    def epoch(self, dropped: Sequence[int], jobs: Sequence[Job]) -> list[Report]:
        """Take trials out of their slots, others into them, and train one epoch of each there."""
        self._slots.drop(dropped)
        self._slots.take(jobs)
        return self._slots.epoch()
