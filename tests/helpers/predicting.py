"""A model of raw data, exported with its predictor."""

from __future__ import annotations

import functools
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from optcell_search.export import export, formats
from optcell_search.raw.predictor import Predictor
from optcell_search.space import Candidate
from optcell_search.tasks import LoadedTask
from optcell_search.training import evaluate
from optcell_search.tuning.raw_scores import reference

CANDIDATE = Candidate.from_dict(
    {"cell": {"name": "gru"}, "rule": {"name": "gd"}, "model": {"hidden_size": 5}, "training": {}}
)


LEFT_OUT = {"written": False, "reason": "left out by the test"}


def no_formats(*_: Any) -> dict[str, formats.Outcome]:
    return {"model.pt2": LEFT_OUT, "step.onnx": LEFT_OUT}


@functools.cache
def a_model(task: LoadedTask) -> torch.nn.Module:
    torch.manual_seed(1)
    return CANDIDATE.build(task).eval()


def exported(task: LoadedTask, target: Path, **changed: float) -> Path:
    """Export an untrained model, checked against what it scores, or what is `changed` of that."""
    model = a_model(task)
    weights = model.state_dict()
    noted = {**evaluate(model, task.validation, task), **changed}
    expected = reference(task, CANDIDATE, weights, noted, "cpu")
    scores = {"validation": {name: noted[name] for name in task.metrics}}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(formats, "write_formats", no_formats)
        return export(CANDIDATE, weights, task, scores, target, expected)


def a_predictor(task: LoadedTask) -> Predictor:
    return Predictor(a_model(task), task.preprocessing, task.chunk)


def in_new_interpreter(winner: Path, program: str) -> str:
    done = subprocess.run(
        [sys.executable, "-I", "-c", f"import sys; sys.path.insert(0, {str(winner)!r})\n{program}"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout
