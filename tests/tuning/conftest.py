from __future__ import annotations

from runs import cluster, faulty_rule, postgresql, tiny

__all__ = ["cluster", "faulty_rule", "postgresql", "tiny"]
