"""What reads a ledger, and which reader suits which storage."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from ...results import TrialRecord


@dataclass(frozen=True, slots=True)
class Curve:
    """Metrics of one trial over its epochs; ``columns[name][i]`` belongs to ``epochs[i]``."""

    epochs: tuple[int, ...]
    columns: Mapping[str, array[float]]

    @classmethod
    def of(cls, steps: Sequence[tuple[int, Mapping[str, float]]]) -> Curve:
        """Return the curve of (epoch, metrics) pairs; a metric that an epoch lacks is NaN there."""
        nan = float("nan")
        names = dict.fromkeys(name for _, metrics in steps for name in metrics)
        return cls(
            tuple(epoch for epoch, _ in steps),
            {
                name: array("d", [metrics.get(name, nan) for _, metrics in steps])
                for name in names
                if name != "epoch"
            },
        )


class Source(Protocol):
    """Reads one study. Asked again, it tells what is new."""

    def attributes(self) -> dict[str, Any]:
        """Return the study's user attributes as they are now."""

    def changes(self) -> list[TrialRecord]:
        """Return the rows that are new or may have changed since the last call."""

    def curves(self, numbers: Iterable[int]) -> dict[int, Curve]:
        """Return the learning curves of these trials; one without epochs is left out."""
