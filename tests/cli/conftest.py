from __future__ import annotations

from runs import cluster, faulty_rule, tiny

__all__ = ["cluster", "faulty_rule", "tiny"]
