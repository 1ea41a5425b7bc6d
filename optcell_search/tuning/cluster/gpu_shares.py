"""Shares of a GPU."""

from __future__ import annotations


def larger(share: float) -> float | None:
    """Return twice a share of a GPU, at most a whole one; None where no share is larger.

    Ray does not divide a GPU's memory: a larger share means fewer neighbors on the same GPU, which
    is what mends running out of it. Nothing mends it on the CPU (0), or where the GPU was all ours.
    """
    return min(1.0, 2 * share) if 0 < share < 1 else None
