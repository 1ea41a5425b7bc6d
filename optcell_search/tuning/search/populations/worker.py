"""A worker that holds trials side by side, as the driver sees it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import ray

from optcell_search.training import Form, form

from ...worker.host import Host
from .attempt import Attempt


class Worker:
    """Starts a process on the cluster; first of all it is asked for its name.

    Args:
        gpus: the share of a GPU that it has.
        group: trials that are to be its only ones; none: it takes whatever comes.

    Attributes:
        call: what it has been asked and not answered; None: it is idle.
        name: host and process; empty until it has started.
        trials: in its slots, by number.
        apart: whether it takes no others.
    """

    def __init__(self, gpus: float, group: Iterable[Attempt] = ()) -> None:
        actor: Any = ray.remote(Host)
        self._actor = actor.options(num_cpus=1, num_gpus=gpus).remote()
        self.gpus = gpus
        self.call: Any = self._actor.name.remote()
        self.name = ""
        self.trials: dict[int, Attempt] = {}
        self._new: list[Attempt] = []
        self._dropped: list[int] = []
        self.apart = False
        self.take_apart(group)

    def take(self, attempt: Attempt) -> None:
        """Give a trial a slot."""
        self.trials[attempt.job.number] = attempt
        self._new.append(attempt)

    def take_apart(self, group: Iterable[Attempt]) -> None:
        """Give slots to trials that are to have no others beside them."""
        for attempt in group:
            self.take(attempt)
            self.apart = True

    def leave(self, number: int, *, known: bool) -> None:
        """Take a trial out of its slot.

        Args:
            number: of the trial.
            known: whether the process knows that it is out.
        """
        del self.trials[number]
        if not known:
            self._dropped.append(number)

    def clear(self) -> None:
        """Let it have others again once no trial in it is suspected any more."""
        self.apart = self.apart and any(one.suspected for one in self.trials.values())

    def mates(self, kind: Form) -> int:
        """Return how many of its trials are of a form."""
        return sum(form(attempt.job.candidate) == kind for attempt in self.trials.values())

    def train(self) -> None:
        """Have it train an epoch of each of its trials."""
        jobs = [attempt.job for attempt in self._new]
        self.call = self._actor.epoch.remote(self._dropped, jobs)
        self._new, self._dropped = [], []

    def end(self) -> None:
        """End its process."""
        ray.kill(self._actor)
