"""A candidate, its task and scores, to export."""

from __future__ import annotations

from typing import Any

import torch

from optcell_search.export import TaskInfo, formats
from optcell_search.space import Candidate

TASK = TaskInfo(spec="digits", input_size=8, output_size=10, metrics={"accuracy": "maximize"})


SCORES = {
    "validation": {"accuracy": [0.9, 0.92], "train_seconds": [1.0, 2.0]},
    "test": {"accuracy": [0.89, 0.91]},
}


def a_candidate(cell: str = "gru", rule: str = "adam", **model: Any) -> Candidate:
    tables = {"cell": {"name": cell}, "rule": {"name": rule}}
    return Candidate.from_dict({**tables, "model": {"hidden_size": 12, **model}, "training": {}})


def trained(candidate: Candidate, task: TaskInfo = TASK) -> torch.nn.Module:
    torch.manual_seed(1)
    return candidate.build(task).eval()


def no_formats(*_: Any) -> dict[str, formats.Outcome]:
    refused = {"written": False, "reason": "left out by the test"}
    return {"model.pt2": refused, "step.onnx": refused}
