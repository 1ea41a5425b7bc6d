from __future__ import annotations

from runs import cluster, tiny

__all__ = ["cluster", "tiny"]
