"""Other forms of an exported model: the program of torch.export and the ONNX step."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from exporting import SCORES, TASK, a_candidate, trained

from optcell_search.export import export, formats


def test_the_onnx_step_follows_the_model_from_the_state_the_config_names(winner: Path) -> None:
    onnxruntime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
    config = json.loads((winner / "config.json").read_text())
    session = onnxruntime.InferenceSession(winner / "step.onnx")
    state = {
        part["name"]: torch.full(
            [1 if size == "batch" else size for size in part["shape"]],
            part["initial"],
            dtype=getattr(torch, part["type"]),
        ).numpy()
        for part in config["files"]["step.onnx"]["state"]
    }
    x = torch.randn(1, 5, 8)
    outputs = []
    for t in range(5):
        y, *after = session.run(None, {"x": x[:, t].numpy(), **state})
        state = dict(zip(state, after, strict=True))
        outputs.append(torch.from_numpy(y))
    with torch.no_grad():
        expected = trained(a_candidate()).stream(x)[0]
    torch.testing.assert_close(torch.stack(outputs, 1), expected, atol=1e-5, rtol=1e-4)


def test_forms_that_torch_cannot_write_are_named_with_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise NotImplementedError("no such operator\nand a long story")

    model = trained(a_candidate())
    monkeypatch.setattr(torch.export, "export", refuse)
    monkeypatch.setattr(formats, "_ONNX", ("onnx", "not_a_package"))
    outcome = formats.write_formats(model, 8, tmp_path)
    assert outcome["model.pt2"] == {
        "written": False,
        "reason": "NotImplementedError: no such operator",
    }
    assert outcome["step.onnx"]["written"] is False
    assert "not installed: not_a_package" in outcome["step.onnx"]["reason"]
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("inner", "lost"), [("_SCAN", {"model.pt2"}), ("_TREES", {"model.pt2", "step.onnx"})]
)
def test_a_form_is_left_out_where_torch_no_longer_has_what_writes_it(
    inner: str, lost: set[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(formats, inner, "torch.not_there_any_more")
    outcome = formats.write_formats(trained(a_candidate("rnn", "gd")), 8, tmp_path)
    assert {name for name, form in outcome.items() if not form["written"]} == lost
    for name in lost:
        assert "has no torch.not_there_any_more" in outcome[name]["reason"]


def test_a_form_whose_outputs_differ_is_not_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = trained(a_candidate("rnn", "gd"))
    monkeypatch.setattr(formats._Step, "forward", other_step(formats._Step.forward))
    outcome = formats.write_formats(model, 8, tmp_path)
    for name in ("model.pt2", "step.onnx"):
        assert outcome[name]["reason"].startswith("ArithmeticError: its outputs differ"), name
    assert not list(tmp_path.iterdir())


def other_step(forward: Any) -> Any:
    def step(self: Any, x: torch.Tensor, *state: torch.Tensor) -> tuple[torch.Tensor, ...]:
        y, *after = forward(self, x, *state)
        return (y + 0.1, *after)

    return step


def test_a_bidirectional_model_has_no_step(tmp_path: Path) -> None:
    outcome = formats.write_formats(trained(a_candidate(bidirectional=True)), 8, tmp_path)
    assert all("needs the whole sequence" in form["reason"] for form in outcome.values())


@pytest.mark.parametrize(
    ("cell", "rule"),
    [
        ("lstm", "adam"),
        pytest.param("orthogonal", "heavy_ball", marks=pytest.mark.slow),
        pytest.param("hippo", "gd", marks=pytest.mark.slow),
    ],
)
def test_matrices_memories_and_learned_rules_have_a_step(
    cell: str, rule: str, tmp_path: Path
) -> None:
    pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
    model = trained(a_candidate(cell, rule, learn_rule=True))
    outcome = formats.write_formats(model, 8, tmp_path)
    assert outcome["step.onnx"]["written"], outcome


def test_the_readme_says_which_form_is_left_out_and_why(quick: None, tmp_path: Path) -> None:
    candidate = a_candidate("rnn", "gd")
    folder = export(candidate, trained(candidate).state_dict(), TASK, SCORES, tmp_path / "it")
    text = (folder / "README.md").read_text()
    for name in ("model.pt2", "step.onnx"):
        assert f"`{name}` is left out: `left out by the test`." in text
