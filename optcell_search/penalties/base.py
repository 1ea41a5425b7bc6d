"""What a penalty is: violations of a law, measured on predictions and drivers."""

from __future__ import annotations

import abc
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from ..hyperparameters import Hyperparameters, real

Drivers = Mapping[str, Tensor]


@dataclass(frozen=True, kw_only=True)
class Penalty(Hyperparameters, abc.ABC):
    """Base of the penalties: a frozen, keyword-only dataclass of options, `weight` among them.

    Give a subclass `name`, `title`, `unit`, `needs` and `violations`, put it into a file of this
    room (or offer it as an entry point of group ``optcell_search.penalties``), and it is measured
    on every task that has the drivers it needs. From then on

    - the validation metrics hold ``NAME``, the mean violation in `unit`, and ``NAME_share``, the
      share (0 to 1) of violations above 0, both to be minimised and both open to a search;
    - a search space with a table ``[penalty.NAME]`` adds `weight` · mean violation to the
      training loss.

    The metrics use the defaults of all options, so that candidates can be compared; a table's
    options act on the loss alone.

    Class attributes:
        name: registered name.
        title: one line for people.
        unit: unit of the violations.
        needs: names of the drivers that `violations` reads.
    """

    title: ClassVar[str]
    unit: ClassVar[str]
    citation: ClassVar[str] = ""
    needs: ClassVar[tuple[str, ...]]

    weight: float = real(
        0.1,
        search=(1e-3, 1.0),
        valid=(0.0, 1e9),
        log=True,
        learnable=False,
        doc="weight of the penalty in the training loss; 0 leaves it out",
    )

    @abc.abstractmethod
    def violations(self, predictions: Tensor, drivers: Drivers) -> Tensor:
        """Return by how much the predictions break the law: 0 where they keep it, never below.

        Args:
            predictions: (sequences, time, values), in the units of the task's targets.
            drivers: the task's drivers by name, each (sequences, ...); at least `needs`.

        Returns:
            Any shape, in `unit`; one number for each occasion to break the law. What cannot be
            judged is left out, so there may be none.
        """

    def applies(self, drivers: Collection[str]) -> bool:
        """Whether a task with drivers of these names can be judged."""
        return bool(drivers) and set(self.needs) <= set(drivers)

    def penalty(self, predictions: Tensor, drivers: Drivers) -> Tensor:
        """Return the mean violation, a scalar in `unit`; 0 where nothing can be judged."""
        violations = self.violations(predictions, drivers)
        return violations.sum() / max(1, violations.numel())

    def tally(self, predictions: Tensor, drivers: Drivers) -> Tensor:
        """Return (sum of violations, violations above 0, violations); adds up over batches."""
        violations = self.violations(predictions.double(), drivers)
        count = violations.new_tensor(violations.numel())
        return torch.stack((violations.sum(), (violations > 0).sum().to(count), count))

    def finish(self, tally: Tensor) -> dict[str, float]:
        """Turn summed tallies into the two metrics."""
        total, broken, count = tally.tolist()
        return {self.name: total / max(1, count), f"{self.name}_share": broken / max(1, count)}

    @property
    def metrics(self) -> tuple[str, str]:
        """Names of the two metrics."""
        return self.name, f"{self.name}_share"
