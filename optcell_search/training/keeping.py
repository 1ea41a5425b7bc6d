"""Which epoch of a training was the best, and since when there was no better one."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from optcell_search.tasks import LoadedTask


class Record:
    """The best validation scores of a training so far.

    An epoch is better by the task's first metric, then by the loss: on few examples many epochs
    have the same accuracy.

    Attributes:
        scores: of the best epoch; empty before the first.
        epoch: the best one, 0 before the first.
        since: epochs since then that counted.
    """

    def __init__(self, task: LoadedTask) -> None:
        self._metric, direction = next(iter(task.metrics.items()))
        self._sign = -1 if direction == "maximize" else 1
        self.scores: dict[str, float] = {}
        self.epoch = 0
        self.since = 0

    def take(self, scores: dict[str, float], epoch: int, *, counted: bool) -> bool:
        """Note what an epoch came to; return whether it is the best so far.

        Args:
            scores: the task's metrics and ``loss``.
            epoch: its number.
            counted: whether it uses up patience where it is not.
        """
        better = not self.scores or self._order(scores) < self._order(self.scores)
        if better:
            self.scores, self.epoch, self.since = scores, epoch, 0
        elif counted:
            self.since += 1
        return better

    def _order(self, scores: dict[str, float]) -> tuple[float, float]:
        score = self._sign * scores[self._metric]
        # A metric may be undefined at first, as f1 is of a class that nobody answers.
        return math.inf if math.isnan(score) else score, scores["loss"]

    def state_dict(self) -> dict[str, Any]:
        """Return plain data for `load_state_dict`."""
        return {"scores": self.scores, "epoch": self.epoch, "since": self.since}

    def load_state_dict(self, state: dict[str, Any], epochs: int) -> None:
        """Go on from a saved record, made after so many epochs."""
        self.scores, self.since = state["scores"], state["since"]
        # Of 0.2's first days, when it was not noted.
        self.epoch = state.get("epoch", epochs - self.since)


def check_same(state: dict[str, Any], here: dict[str, Any]) -> None:
    """Refuse what a training of another candidate or seed has kept.

    Raises:
        ValueError: it is another's.
    """
    for what, own in here.items():
        if state[what] != own:
            raise ValueError(f"the saved training has {what} {state[what]!r}, this one {own!r}")


def apart(state: Any) -> Any:
    """Return the same plain data with copies of its tensors, each in memory of its own.

    In a population tensors are parts of larger ones, and change as it goes on.
    """
    if isinstance(state, Tensor):
        return state.detach().clone(memory_format=torch.contiguous_format)
    if isinstance(state, dict):
        return {key: apart(value) for key, value in state.items()}
    return [apart(value) for value in state] if isinstance(state, list) else state
