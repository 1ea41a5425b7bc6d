"""Small candidates to train."""

from __future__ import annotations

from typing import Any

from optcell_search.space import Candidate

BATCHES = 12


def candidate(cell: str = "lstm", rule: str = "heavy_ball", **sections: Any) -> Candidate:
    model = {"hidden_size": 12, **sections.get("model", {})}
    training = {"batch_size": 100, "lr": 0.01, **sections.get("training", {})}
    return Candidate.from_dict(
        {"cell": {"name": cell}, "rule": {"name": rule}, "model": model, "training": training}
    )
