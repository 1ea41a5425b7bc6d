"""A GPU's memory as made up as the GPU: for machines that have none."""

from __future__ import annotations

from typing import Any

from optcell_search.training import Training


class PretendedMeter:
    """Says that a training holds a GiB for every hundred parameters.

    Args:
        total: GiB that the GPU has.
    """

    def __init__(self, total: int) -> None:
        self._total = total

    def start(self) -> None:
        self._parameters: list[int] = []
        real, seen = Training.epoch, self._parameters

        def epoch(training: Training) -> Any:
            Training.epoch = real  # type: ignore[method-assign]
            seen.append(sum(p.numel() for p in training.model.parameters()))
            return real(training)

        Training.epoch = epoch  # type: ignore[method-assign]

    def peak(self) -> int:
        return max(self._parameters) * 2**30 // 100

    def total(self) -> int:
        return self._total * 2**30
