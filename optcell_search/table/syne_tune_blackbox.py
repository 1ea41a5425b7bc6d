"""A table as a black box of Syne Tune, whose schedulers are simulated on it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from syne_tune import config_space
from syne_tune.blackbox_repository.blackbox import Blackbox

from ..training import COSTS
from ..tuning.resolving.amounts import integer
from .asked import distributions
from .trained import TrainedCandidates

EPOCH = "epoch"
ELAPSED = "elapsed_time"


class TableBlackbox(Blackbox):  # type: ignore[misc]  # Syne Tune has no annotations
    """What a table's candidates score on validation after every epoch, and after how many seconds.

    For ``UserBlackboxBackend(TableBlackbox("digits"), elapsed_time_attr="elapsed_time")``. A
    configuration has every hyperparameter of any candidate, by the names of `Candidate.flat`; those
    that its cell and rule do not have are not looked at. What the table does not hold is stood for
    by the nearest candidate that it does (`TrainedCandidates.nearest`).

    The objectives are the metrics of the task, ``parameters``, ``train_seconds``, ``latency_ms``
    and ``elapsed_time``, in processor seconds from the start of the training; the fidelity is
    ``epoch``. Without a seed one is taken that follows from the candidate, so that a configuration
    is one training whenever it is asked for. A training that diverged scores, from then on, the
    worst that any candidate of the table ever did, so that whatever goes by scores leaves it alone;
    it takes no more time.

    Args:
        table: a table, the name of a shipped one, or the path of a Parquet file.

    Attributes:
        table: the table.
        num_seeds: how many trainings of each configuration there are.
    """

    def __init__(self, table: TrainedCandidates | str | Path) -> None:
        if isinstance(table, str | Path):
            table = TrainedCandidates.load(table)
        self.table = table
        self.num_seeds = len(self.table.seeds)
        self._directions = self.table.metrics | dict.fromkeys(COSTS, "minimize")
        space = distributions(self.table.space)
        super().__init__(
            configuration_space={name: _domain(one) for name, one in space.items()},
            fidelity_space={EPOCH: config_space.randint(1, self.table.epochs)},
            objectives_names=[*self._directions, ELAPSED],
        )
        self._worst = self._find_worst()

    @property
    def fidelity_values(self) -> npt.NDArray[np.int64]:
        """The epochs, from 1 on."""
        return np.arange(1, self.table.epochs + 1)

    # What Syne Tune calls; it checks neither seed nor epoch.
    def _objective_function(
        self,
        configuration: Mapping[str, Any],
        fidelity: Mapping[str, int] | None = None,
        seed: int | None = None,
    ) -> dict[str, float] | npt.NDArray[np.float64]:
        # Syne Tune's own samplers give numbers of NumPy's.
        candidate = self.table.nearest_to(
            {n: v.item() if isinstance(v, np.generic) else v for n, v in configuration.items()}
        )
        if seed is None:
            digest = hashlib.sha256(candidate.key.encode()).digest()
            seed = int.from_bytes(digest[:4], "big") % self.num_seeds
        integer("seed", seed, 0, self.num_seeds - 1)
        row = self.table.rows.index[candidate.key, self.table.seeds[seed]]
        if fidelity is None:
            return np.array([self._at(row, epoch) for epoch in self.fidelity_values])
        epoch = integer(EPOCH, fidelity[EPOCH], 1, self.table.epochs)
        return dict(zip(self.objectives_names, self._at(row, epoch), strict=True))

    def _at(self, row: int, epoch: int) -> list[float]:
        seconds = self.table.rows.seconds(row)
        scores = self._worst
        if epoch <= self.table.rows.epochs(row):
            scores = self.table.rows.at("validation", row, epoch)
        elapsed = seconds[min(epoch, len(seconds)) - 1]
        return [*(scores[name] for name in self._directions), elapsed]

    def _find_worst(self) -> dict[str, float]:
        rows = self.table.rows
        curves = [
            rows.at("validation", row, epoch)
            for row in rows.index.values()
            for epoch in range(1, rows.epochs(row) + 1)
        ]
        return {
            name: (min if direction == "maximize" else max)(one[name] for one in curves)
            for name, direction in self._directions.items()
        }


def _domain(distribution: BaseDistribution) -> config_space.Domain:
    """Return what Syne Tune calls what Optuna calls so."""
    if isinstance(distribution, CategoricalDistribution):
        return config_space.choice(list(distribution.choices))
    assert isinstance(distribution, FloatDistribution | IntDistribution)
    low, high, step = distribution.low, distribution.high, distribution.step
    whole = isinstance(distribution, IntDistribution)
    if distribution.log:
        return (config_space.lograndint if whole else config_space.loguniform)(low, high)
    if step is None:
        return config_space.uniform(low, high)
    size = round((high - low) / step) + 1
    return config_space.finrange(low, low + (size - 1) * step, size, cast_int=whole)
