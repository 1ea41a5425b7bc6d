"""What a task of another package predicts is what its exported package answers, in its unit."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
import torch
from exporting import no_formats
from runs import SPACE, installed

import optcell_search
from optcell_search import registry, tasks
from optcell_search.export import formats
from optcell_search.training import outputs_on

ANSWERS = """
import sys, torch
from winner_cell import predictor
said = predictor()
raw = torch.load(sys.argv[1])
said.predict(raw).to_csv(sys.argv[2], index=False)
if sys.argv[3]:
    said.predict_proba(raw).to_csv(sys.argv[3], index=False)
"""

NAMES = {
    "regression": "q,h",
    "one_scale": "output 0,output 1",
    "scaled": "output 0,output 1",
    "forecast": "load+1,load+2,load+3,heat+1,heat+2,heat+3",
    "quantiles": "output 0+1 q0.1,output 0+1 q0.5,output 1+1 q0.1,output 1+1 q0.5",
    "labels": "wet,cold",
    "classes": "class",
}


@pytest.fixture
def own_units(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The task is installed, for this test."""
    with installed(monkeypatch, registry.tasks):
        yield


@pytest.mark.usefixtures("own_units")
@pytest.mark.parametrize("kind", NAMES)
def test_outputs_mean_what_the_goal_makes_of_them(kind: str) -> None:
    task = tasks.load(f"own_units:kind={kind}")
    said, outputs = task.preprocessing.outputs, torch.randn(9, task.output_size).double()
    assert ",".join(said.names) == NAMES[kind]
    assert said.size == task.output_size
    if kind in ("labels", "classes"):
        assert (said.kind, said.classes) == (kind, () if kind == "labels" else ("0", "1", "2"))
    else:
        found = torch.from_numpy(said.numbers(outputs))
        torch.testing.assert_close(found, task.goal.predictions(outputs))


@pytest.mark.usefixtures("own_units", "cluster")
@pytest.mark.parametrize(
    "kind",
    ["quantiles", *(pytest.param(k, marks=pytest.mark.slow) for k in ("regression", "labels"))],
)
def test_an_export_answers_in_the_unit_of_the_task(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(formats, "write_formats", no_formats)
    task = tasks.load(f"own_units:kind={kind}")
    run = optcell_search.search(
        SPACE, task.spec, 1, tmp_path / "run", folds=1, epochs=1, workers=1, threads=1
    )
    run.export(0, tmp_path / "winner")
    model = run.candidate(0)[1].build(task)
    model.load_state_dict(dict(run.weights(0)))
    outputs = torch.cat(outputs_on(model, task.validation, task)).double()
    torch.save(task.validation.inputs, tmp_path / "raw.pt")
    numbers = kind != "labels"
    answers, shares = tmp_path / "answers.csv", "" if numbers else str(tmp_path / "shares.csv")
    program = f"import sys; sys.path.insert(0, {str(tmp_path / 'winner')!r})\n{ANSWERS}"
    command = [sys.executable, "-I", "-c", program, str(tmp_path / "raw.pt"), str(answers), shares]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    said = pd.read_csv(answers)
    assert ",".join(said) == NAMES[kind]
    found = torch.from_numpy(said.to_numpy("float64"))
    if numbers:
        torch.testing.assert_close(found, task.goal.predictions(outputs), rtol=1e-6, atol=1e-6)
        return
    known = torch.from_numpy(pd.read_csv(shares).to_numpy("float64"))
    torch.testing.assert_close(known, outputs.sigmoid(), rtol=1e-6, atol=1e-6)
    assert torch.equal(found, (outputs > 0).double())
