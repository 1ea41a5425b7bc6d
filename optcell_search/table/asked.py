"""What a search space asks of an optimizer, all at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from ..space import SearchSpace


def distributions(space: SearchSpace) -> dict[str, BaseDistribution]:
    """Return by dotted name what each hyperparameter of any candidate may be.

    ``cell`` and ``rule`` are among them where there is a choice; what is fixed is not. Of all these
    a candidate has those of its own cell and rule.
    """
    trial = _Recorder()
    for name, names in (("cell", space.cells), ("rule", space.rules)):
        if len(names) > 1:
            trial.suggest_categorical(name, names)
    for name, domain in space.domains.items():
        domain.suggest(trial, name)
    return trial.asked


class _Recorder:
    """An Optuna trial that notes what it is asked for."""

    def __init__(self) -> None:
        self.asked: dict[str, BaseDistribution] = {}

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
        self.asked[name] = CategoricalDistribution(choices)
        return choices[0]

    def suggest_float(
        self, name: str, low: float, high: float, *, step: float | None = None, log: bool = False
    ) -> float:
        self.asked[name] = FloatDistribution(low, high, log=log, step=step)
        return low

    def suggest_int(
        self, name: str, low: int, high: int, *, step: int = 1, log: bool = False
    ) -> int:
        self.asked[name] = IntDistribution(low, high, log=log, step=step)
        return low
