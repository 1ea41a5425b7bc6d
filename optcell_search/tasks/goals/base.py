"""What a task asks of a model's outputs: a loss to train with and metrics to judge by.

A split of any size is judged in pieces: each gives rows, a row for each target or each piece, and
all rows together give the metrics, so that these are what they are over the whole split, a rank
statistic too; only once per split do numbers leave the device. A target that is not there (padding
behind a short sequence, an unobserved value) is marked in the targets themselves: `IGNORED` for
classes, NaN for numbers. Such a target counts neither in the loss nor in a metric.
"""

from __future__ import annotations

import abc
from collections.abc import Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor

from optcell_search.cells.model import Averaged
from optcell_search.raw.outputs import IGNORED

__all__ = ["IGNORED", "Averaged", "Goal"]


class Goal(abc.ABC):
    """A loss, and the metrics with their direction; the first metric is the primary one.

    A new goal gives `metrics`, `output_size`, `loss`, `tally` and `finish`; `predictions` where a
    model's outputs are not yet in the units of the targets, `diagnose` where the rows tell more
    than metrics do, and `averaged` where outputs stand for probabilities.

    Attributes:
        metrics: metric → ``"maximize"`` or ``"minimize"``.
        by_class: those of them that are what they say only where every class is among the targets.
        averaged: what is averaged where several models answer as one; see `cells.model.average`.
    """

    metrics: ClassVar[dict[str, str]]
    by_class: ClassVar[frozenset[str]] = frozenset()
    averaged: ClassVar[Averaged] = "outputs"

    @property
    @abc.abstractmethod
    def output_size(self) -> int:
        """Number of outputs the model must have."""

    def predictions(self, outputs: Tensor) -> Tensor:
        """Return the outputs in the units of the targets, as penalties judge them."""
        return outputs

    @abc.abstractmethod
    def loss(self, outputs: Tensor, targets: Tensor, weights: Tensor | None = None) -> Tensor:
        """Return the scalar to minimise, the mean over the targets that are there, 0 without any.

        Args:
            outputs: the model's.
            targets: what they should be.
            weights: (classes,) how much a target of each class counts; None: all the same. Only
                where there are classes.
        """

    @abc.abstractmethod
    def tally(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return rows (float64, 2-D), as `finish` needs them."""

    def merge(self, parts: Sequence[Tensor]) -> Tensor:
        """Return the rows of all pieces."""
        return torch.cat(list(parts))

    @abc.abstractmethod
    def finish(self, rows: Tensor) -> dict[str, float]:
        """Turn all rows into the metrics and ``loss``; NaN where a metric is not defined.

        None is where an output is NaN, of which no class would be the likeliest and no label hold.
        """

    def occurring(self, targets: Tensor) -> set[int]:
        """Return the numbers of the classes that are among the targets, for `by_class`."""
        return set()

    def constant(self, targets: Tensor) -> Tensor | None:
        """Return the outputs (outputs,) of a model that has seen the targets and nothing else.

        None where no such model is worth comparing with.
        """
        return None

    def diagnose(self, rows: Tensor, classes: tuple[str, ...]) -> dict[str, Any]:
        """Return what the rows tell beyond the metrics, as plain data; empty: nothing.

        Args:
            rows: all rows of a split.
            classes: names of the classes.
        """
        return {}
