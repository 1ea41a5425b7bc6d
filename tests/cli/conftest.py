from __future__ import annotations

from calling import space
from runs import cluster, faulty_rule, tiny

__all__ = ["cluster", "faulty_rule", "space", "tiny"]
