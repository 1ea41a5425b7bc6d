from __future__ import annotations

from runs import cluster, tiny
from zones import kathmandu

__all__ = ["cluster", "kathmandu", "tiny"]
