from __future__ import annotations

import hypothesis
from runs import cluster, faulty_rule, postgresql, tiny

__all__ = ["cluster", "faulty_rule", "postgresql", "tiny"]

# How long an example takes says more about the machine than about what is tested.
hypothesis.settings.register_profile("no deadline", deadline=None)
hypothesis.settings.load_profile("no deadline")
