"""A trial of the ledger as plain data, whichever way it was read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from ..format import GRADIENTS, METRICS, epochs_in, without_epochs
from .attributes import check_trial

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

# The names of Optuna's states of a trial.
STATES = ("RUNNING", "COMPLETE", "PRUNED", "FAIL", "WAITING")


@dataclass(frozen=True, slots=True)
class TrialRecord:
    """A trial of the ledger.

    Attributes:
        number: of the trial.
        state: name of Optuna's state: ``COMPLETE``, ``PRUNED``, ``FAIL``, ``RUNNING``, ``WAITING``.
        values: the objectives, empty unless it is complete.
        known: its user attributes, but for the epochs.
        metrics: those it ended with, or of its last epoch so far.
        violations: one a constraint, positive where it is broken; empty where none is recorded.
        epochs: how many it has trained.
        started, ended: local time, None where it has not.
    """

    number: int
    state: str
    values: tuple[float, ...]
    known: Mapping[str, Any]
    metrics: Mapping[str, float]
    violations: tuple[float, ...]
    epochs: int
    started: datetime | None
    ended: datetime | None

    def __post_init__(self) -> None:
        """Raise a ValueError where a trial is none that a search writes."""
        check_trial(self.number, self.known)
        if self.state == "COMPLETE" and not all(isinstance(v, float) for v in self.values):
            raise ValueError(f"trial {self.number}: complete, without its values")
        for name, moment in (("started", self.started), ("ended", self.ended)):
            # A database keeps what it is given, and local times alone can be compared.
            if not (moment is None or (isinstance(moment, datetime) and moment.tzinfo is None)):
                raise ValueError(f"trial {self.number}: {name} = {moment!r}; valid: a local time")

    @property
    def finished(self) -> bool:
        """Whether it will never change again."""
        return self.state in ("COMPLETE", "PRUNED", "FAIL")

    @property
    def feasible(self) -> bool:
        """Whether it is known to keep every constraint."""
        # A trial without recorded constraints (failed, still running) has not been shown to.
        return bool(self.violations) and all(value <= 0 for value in self.violations)

    @property
    def seconds(self) -> float:
        """From start to end, NaN where it has not ended, and 0 where the clock went back."""
        if self.started is None or self.ended is None:
            return float("nan")
        return max(0.0, (self.ended - self.started).total_seconds())

    @property
    def gradients(self) -> dict[int, float]:
        """Distance from the last step → norm of the gradient; empty where it was not measured."""
        return {int(distance): norm for distance, norm in self.known.get(GRADIENTS, {}).items()}

    @property
    def settings(self) -> dict[str, Any]:
        """The candidate in dotted names: ``cell``, ``rule``, ``heavy_ball.mu``, ``training.lr``."""
        sections = dict(self.known.get("candidate", {}))
        # Penalties are tables of their own, each under its name; 0.1 called them objectives.
        sections |= sections.pop("penalty", {}) | sections.pop("objective", {})
        flat: dict[str, Any] = {}
        for section, content in sections.items():
            values = dict(content)
            if section in ("cell", "rule"):
                flat[section] = values.pop("name")
                section = flat[section]
            start = f"{section}."
            for key, value in values.items():
                flat[start + key] = value
        return flat


def record_of(trial: FrozenTrial) -> TrialRecord:
    """Return the record of a trial that Optuna's interface gives."""
    epochs = epochs_in(trial.user_attrs)
    known = without_epochs(trial.user_attrs)
    return TrialRecord(
        number=trial.number,
        state=trial.state.name,
        values=tuple(trial.values or ()),
        known=known,
        metrics=known.get(METRICS) or (epochs[max(epochs)] if epochs else {}),
        violations=tuple(trial.constraints.values()),
        epochs=len(epochs),
        started=trial.datetime_start,
        ended=trial.datetime_complete,
    )
