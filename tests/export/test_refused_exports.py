"""Exports that are refused, and packages that would not do what the model does."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
import torch
from exporting import SCORES, TASK, a_candidate, trained

from optcell_search.export import ExportError, export, package, verify


def test_an_existing_target_is_not_touched(tmp_path: Path) -> None:
    target = tmp_path / "winner"
    target.mkdir()
    (target / "mine.txt").write_text("mine")
    candidate = a_candidate()
    with pytest.raises(FileExistsError, match="winner: already exists"):
        export(candidate, trained(candidate).state_dict(), TASK, SCORES, target)
    assert [path.name for path in tmp_path.rglob("*")] == ["winner", "mine.txt"]


def test_weights_of_another_model_are_refused(tmp_path: Path) -> None:
    weights = trained(a_candidate(hidden_size=5)).state_dict()
    with pytest.raises(ValueError, match=r"the weights do not fit the candidate: .*weight_ih_l0"):
        export(a_candidate(), weights, TASK, SCORES, tmp_path / "winner")
    assert not list(tmp_path.iterdir())


def sabotage(monkeypatch: pytest.MonkeyPatch, file: str, old: str, new: str) -> None:
    """Change a copied file behind the export's back."""
    copy = package._copy_rooms

    def copy_and_change(home: Path) -> None:
        copy(home)
        text = (home / file).read_text()
        assert old in text
        (home / file).write_text(text.replace(old, new))

    monkeypatch.setattr(package, "_copy_rooms", copy_and_change)


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        ("rules/heavy_ball.py", 'p["s"] * z', '2 * p["s"] * z', "forward differs by"),
        ("cells/base.py", "import torch\n", "import pandas\n", "No module named 'pandas'"),
    ],
)
def test_a_package_that_does_something_else_is_an_error_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str, old: str, new: str, message: str
) -> None:
    sabotage(monkeypatch, file, old, new)
    candidate = a_candidate("rnn", "heavy_ball")
    with pytest.raises(ExportError, match=message):
        export(candidate, trained(candidate).state_dict(), TASK, SCORES, tmp_path / "a" / "winner")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("output", "message"),
    [
        (torch.tensor([1.0, 2.1]), "forward differs by 0.1"),
        (torch.tensor([1.0, torch.nan]), "forward differs by nan"),
        (torch.tensor([[1.0, 2.0]]), r"forward has shape \(1, 2\) instead of \(2,\)"),
        (torch.tensor([1.0, 2.0 + 1e-6]), None),
    ],
)
def test_outputs_are_compared_by_shape_and_value(output: torch.Tensor, message: str | None) -> None:
    expected = torch.tensor([1.0, 2.0])
    refused = pytest.raises(ExportError, match=message) if message else contextlib.nullcontext()
    with refused:
        verify._compare({"forward": expected}, {"forward": output})
