"""Splits and folds without a single target: refused before anything is trained."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from runs import a_request

from optcell_search import tasks
from optcell_search.tasks import IGNORED, Data, LoadedTask, Ragged, Split
from optcell_search.tasks.folds import automatic_folds, chance_in, fold, refusal


def series(folder: Path, gap: slice, rows: int = 240, more: str = "") -> str:
    values = [f"{value:.3f}" for value in np.random.RandomState(0).randn(rows).cumsum()]
    values[gap] = [""] * len(values[gap])
    (folder / "series.csv").write_text(
        "\n".join(["t,y", *(f"{i},{v}" for i, v in enumerate(values))])
    )
    return f"forecast:file={folder / 'series.csv'},target=y,time=t,window=6,missing=forward{more}"


def test_a_fold_of_a_forecast_without_a_target_is_refused(tmp_path: Path) -> None:
    # 186 windows of training and validation; the second of four blocks is empty.
    spec = series(tmp_path, slice(50, 102))
    task = tasks.load(spec)
    assert refusal(task, 3) == "nothing that fold 1 of 3 validates on has a target"
    assert refusal(task, 2) == ""
    assert automatic_folds(task) == 1
    expected = (
        "folds = 3, but task .*: nothing that fold 1 of 3 validates on has a target; valid: 1 to 2$"
    )
    with pytest.raises(ValueError, match=expected):
        a_request(spec, folds=3)
    assert a_request(spec, folds="auto").folds == 1


def test_what_a_fold_trains_on_has_a_target(tmp_path: Path) -> None:
    task = tasks.load(series(tmp_path, slice(1, 60)))
    assert refusal(task, 3) == "nothing that fold 1 of 3 trains on has a target"


def test_valid_numbers_of_folds_are_named_one_by_one_where_some_between_are_not(
    tmp_path: Path,
) -> None:
    spec = series(tmp_path, slice(60, 103))
    task = tasks.load(spec)
    valid = [1, *(k for k in range(2, 8) if not refusal(task, k))]
    assert len(valid) < valid[-1]
    with pytest.raises(ValueError, match=f"valid: {', '.join(map(str, valid))}$"):
        a_request(spec, folds=valid[-1] + 1)


def test_sequences_with_a_target_are_dealt_into_all_folds() -> None:
    y = torch.full((20, 1), torch.nan)
    y[:6, 0] = torch.arange(6.0)
    x = torch.arange(20.0)[:, None, None].expand(20, 3, 1)
    data = Data(
        train=Split(x[:16], y[:16]), validation=Split(x[16:], y[16:]),
        goal=tasks.Regression(values=1), readout="last",
    )  # fmt: skip
    task = LoadedTask(tasks.parse("adding"), Path(), data=data)
    assert refusal(task, 6) == ""
    for seed in range(5):
        for number in range(6):
            assert int(fold(task, number, 6, seed).validation.answered.sum()) == 1
        assert np.isfinite(chance_in(task, 6, seed)["mae"])
    assert refusal(task, 7).startswith("nothing that fold")


def test_a_sequence_is_answered_by_one_step() -> None:
    classes = torch.tensor([[IGNORED, IGNORED], [IGNORED, 1]])
    assert Split(torch.ones(2, 2, 1), classes).answered.tolist() == [False, True]
    values = torch.tensor([torch.nan, 1.0, torch.nan])[:, None]
    ragged = Ragged(values, torch.tensor([1, 2]), torch.nan)
    steps = Ragged(torch.ones(3, 1), torch.tensor([1, 2]))
    assert Split(steps, ragged, ragged.lengths).answered.tolist() == [False, True]


@pytest.mark.parametrize("more", ["", ",test=none"])
def test_a_test_part_without_a_target_is_refused_before_the_search(
    tmp_path: Path, more: str
) -> None:
    spec = series(tmp_path, slice(190, 240) if not more else slice(0, 0), more=more)
    if more:
        assert a_request(spec).task.endswith("test=none")
        return
    expected = (
        "no step of the test split has a target; valid: a test split with targets, or test=none$"
    )
    with pytest.raises(ValueError, match=expected):
        a_request(spec)
    with pytest.raises(ValueError, match=expected):
        tasks.load(spec).unseal()
