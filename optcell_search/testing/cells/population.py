"""That candidates of a cell are in a population what they are alone."""

from __future__ import annotations

from ...cells import Cell
from ..side_by_side import every_rule, in_double, largest_gap, noise_task
from .making import WithEveryRule


class SideBySide(WithEveryRule):
    """Training in a population."""

    def test_under_every_rule_side_by_side_is_each_one_alone(self, cell: Cell) -> None:
        """Five steps in float64; see `training.Population`."""
        with in_double():
            candidates = every_rule(cell.name, cell.values(), {"hidden_size": 8})
            task = noise_task(sequences=20)
            gap, population = largest_gap(candidates, [task] * len(candidates), epochs=1)
        assert population.reasons == {}
        assert gap < 1e-10
