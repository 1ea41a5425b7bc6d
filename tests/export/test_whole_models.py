"""Fronts, pooled read-outs, norms and residual layers go into exports."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from optcell_search.export import TaskInfo, export
from optcell_search.space import Candidate

TASK = TaskInfo(spec="digits", input_size=8, output_size=10, metrics={"accuracy": "maximize"})


@pytest.mark.parametrize(
    "model",
    [
        {"readout": "mean_max", "front": "serial", "norm": "batch"},
        {
            "readout": "attention",
            "front": "parallel",
            "num_layers": 2,
            "residual": True,
            "glu": True,
        },
        pytest.param(
            {"readout": "mean", "num_layers": 2, "norm": "layer", "bidirectional": True},
            marks=pytest.mark.slow,
        ),
        pytest.param(
            {"readout": "max", "front": "serial", "front_stride": 3}, marks=pytest.mark.slow
        ),
    ],
    ids=lambda model: model["readout"],
)
def test_a_whole_model_is_exported_and_steps_where_it_can(
    tmp_path: Path, model: dict[str, Any]
) -> None:
    tables = {"cell": {"name": "gru"}, "rule": {"name": "heavy_ball"}}
    sizes = {"hidden_size": 6, **({"front_width": 5} if "front" in model else {})}
    candidate = Candidate.from_dict({**tables, "model": {**sizes, **model}})
    torch.manual_seed(1)
    built = candidate.build(TASK)
    for _ in range(3):
        # Statistics of the norms move off where they start.
        built(torch.randn(4, 9, 8))
    # Loading it alone, and that its outputs are the same, is what an export ends with.
    target = export(
        candidate, built.state_dict(), TASK, {"validation": {"accuracy": 0.9}}, tmp_path / "whole"
    )
    config = json.loads((target / "config.json").read_text())
    assert config["candidate"]["model"] == candidate.model.values()
    for name, outcome in config["files"].items():
        stepwise = not candidate.model.bidirectional and candidate.model.front_stride == 1
        assert outcome["written"] == stepwise, (name, outcome)
