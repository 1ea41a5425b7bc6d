"""Several trainings exported as one package, whose answers are averaged."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from raw_examples import EXAMPLES
from torch import Tensor

from optcell_search import tasks
from optcell_search.cells.model import Ensemble
from optcell_search.export import ExportError, TaskInfo, export, formats
from optcell_search.raw.predictor import Predictor
from optcell_search.space import Candidate
from optcell_search.training import examine_together, outputs_on
from optcell_search.tuning.raw_scores import reference

TASK = TaskInfo(
    spec="digits", input_size=3, output_size=4, metrics={"accuracy": "maximize"}, averaged="classes"
)
LEFT_OUT = {"written": False, "reason": "left out by the test"}


def a_candidate(**model: Any) -> Candidate:
    return Candidate.from_dict(
        {
            "cell": {"name": "gru"},
            "rule": {"name": "gd"},
            "model": {"hidden_size": 5, **model},
            "training": {},
        }
    )


def trainings(candidate: Candidate, task: Any, count: int = 3) -> list[dict[str, Tensor]]:
    weights = []
    for seed in range(count):
        torch.manual_seed(seed)
        weights.append(candidate.build(task).state_dict())
    return weights


def models(candidate: Candidate, task: Any, weights: list[dict[str, Tensor]]) -> list[Any]:
    built = [candidate.build(task).eval() for _ in weights]
    for model, known in zip(built, weights, strict=True):
        model.load_state_dict(known)
    return built


@pytest.fixture
def imported() -> Iterator[Any]:
    """Imports an exported package, and takes what it was away again."""
    taken: list[str] = []

    def take(folder: Path) -> ModuleType:
        taken.append(next(folder.glob("*_cell")).name)
        sys.path.insert(0, str(folder))
        try:
            return importlib.import_module(taken[-1])
        finally:
            sys.path.remove(str(folder))

    yield take
    for name in [name for name in sys.modules if name.partition(".")[0] in taken]:
        del sys.modules[name]


def test_the_package_averages_the_probabilities_of_its_members(
    tmp_path: Path, imported: Any
) -> None:
    candidate = a_candidate()
    weights = trainings(candidate, TASK)
    origin = {"of": "ensemble", "trial": 4, "seeds": [11, 12, 13]}
    target = export(
        candidate, weights, TASK, {"test": {"accuracy": 0.9}}, tmp_path / "three", origin=origin
    )
    package = imported(target)
    x = torch.randn(2, 6, 3)
    with torch.no_grad():
        model = package.load()
        each = [one(x).softmax(-1) for one in models(candidate, TASK, weights)]
        torch.testing.assert_close(model(x).softmax(-1), torch.stack(each).mean(0))
        assert model(x).dtype == torch.float32
        # Fed in pieces it is what it is at once.
        first, state = model.stream(x[:, :4])
        outputs, _ = model.stream(x[:, 4:], state)
        torch.testing.assert_close(outputs[:, -1], model(x))
        torch.testing.assert_close(first, model.stream(x)[0][:, :4])
    config = json.loads((target / "config.json").read_text())
    assert (config["members"], config["averaged"], config["weights"]) == (3, "classes", origin)
    assert config["parameters"] == 3 * sum(p.numel() for p in candidate.build(TASK).parameters())
    # Compared with the model when they were written.
    assert all(file["written"] for file in config["files"].values()), config["files"]
    fresh = package.load(weights=False, input_size=7)
    assert fresh(torch.zeros(1, 2, 7)).shape == (1, 4)
    readme = " ".join((target / "README.md").read_text().split())
    assert "| test | accuracy | 0.9 | 3 |" in readme
    assert "the average of 3 trainings of the same network" in readme
    assert "seeds 11, 12, 13" in readme
    assert "their probabilities of the classes are averaged" in readme


def test_a_package_of_one_member_has_none_to_average(
    tmp_path: Path, imported: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(formats, "write_formats", lambda *_: {"model.pt2": LEFT_OUT})
    candidate = a_candidate(bidirectional=True)
    (weights,) = trainings(candidate, TASK, 1)
    package = imported(export(candidate, weights, TASK, {}, tmp_path / "one"))
    assert package.CONFIG["members"] == 1
    assert package.load().state_dict().keys() == weights.keys()


@pytest.mark.parametrize("name", EXAMPLES)
def test_raw_rows_score_what_the_average_was_scored(name: str, tmp_path: Path) -> None:
    task = tasks.load(EXAMPLES[name](tmp_path), tmp_path)
    candidate = a_candidate()
    weights = trainings(candidate, task, 2)
    members = models(candidate, task, weights)
    answers = [outputs_on(model, task.validation, task) for model in members]
    noted, _ = examine_together(answers, task.validation, task)
    expected = reference(task, candidate, weights, None, "cpu")
    assert expected is not None
    assert expected.scores == pytest.approx(
        {k: noted[k] for k in (*task.metrics, "loss")}, nan_ok=True
    )
    predictor = Predictor(Ensemble(members, task.averaged).eval(), task.preprocessing, task.chunk)
    found = expected.score(predictor.outputs(predictor.preprocessing.inputs(expected.raw)))
    for metric in task.metrics:
        assert found[metric] == pytest.approx(noted[metric], rel=1e-5, abs=1e-6, nan_ok=True)
    assert len(predictor.predict(expected.raw))
    stream = predictor.stream() if name == "arrays" else None
    if stream is not None:
        assert len(stream.feed(task.raw("validation")["x"][0])) > 0


def test_an_average_that_the_predictor_does_not_have_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(formats, "write_formats", lambda *_: {"model.pt2": LEFT_OUT})
    task = tasks.load(EXAMPLES["classes"](tmp_path), tmp_path)
    candidate = a_candidate()
    weights = trainings(candidate, task, 2)
    expected = reference(task, candidate, weights, None, "cpu")
    target = export(candidate, weights, task, {}, tmp_path / "both", expected)
    assert json.loads((target / "config.json").read_text())["compared"] is True
    with pytest.raises(ExportError, match="the search noted"):
        # One training has other scores than two together.
        export(candidate, weights[0], task, {}, tmp_path / "one", expected)


def test_what_is_no_ensemble_is_refused() -> None:
    with pytest.raises(ValueError, match="valid: one model or more"):
        Ensemble([], "classes")
    member = a_candidate().build(TASK)
    with pytest.raises(ValueError, match="valid: outputs, classes, labels"):
        Ensemble([member], "median")
