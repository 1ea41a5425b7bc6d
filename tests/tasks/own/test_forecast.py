"""Forecasts: windows, parts in order of time, the seasonal-naive forecast, what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from forecasts import ROWS, load, table, write

from optcell_search import tasks
from optcell_search.raw.kinds.windows import moved
from optcell_search.space import Candidate
from optcell_search.tasks.base import Task
from optcell_search.training import Training

DAYS = np.array([f"{1 + k % 12}/{1 + k // 40}/2020" for k in range(ROWS)])


def test_windows_and_targets_are_the_rows_before_and_after(tmp_path: Path) -> None:
    task, _ = load(tmp_path, ",horizon=3")
    assert (task.input_size, task.output_size) == (2, 3)
    series, heat = table()["load"], table()["heat"]
    mean, deviation = series[:280].mean(), series[:280].std()
    for split, first in ((task.train, 24), (task.validation, 280), (task.unseal(), 320)):
        expected = (series[first - 24 : first] - mean) / deviation
        np.testing.assert_allclose(split.inputs[0, :, 0], expected, rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(split.targets[0], series[first : first + 3], rtol=1e-6)
    warm = (heat - heat[:280].mean()) / heat[:280].std()
    np.testing.assert_allclose(task.train.inputs[5, :, 1], warm[5:29], rtol=1e-4, atol=1e-5)


def test_forecast_values_never_leave_their_part(tmp_path: Path) -> None:
    task, _ = load(tmp_path, ",horizon=3")
    series = table()["load"].astype(np.float32)
    for split, start, end in (
        (task.train, 24, 280),
        (task.validation, 280, 320),
        (task.unseal(), 320, 400),
    ):
        assert len(split) == end - start - 2
        assert set(split.targets.float().flatten().tolist()) == set(series[start:end].tolist())


def test_a_series_far_from_0_keeps_its_changes(tmp_path: Path) -> None:
    """A meter's reading: float32 knows no numbers between 1e9 and 1e9 + 64."""
    near, _ = load(tmp_path, ",horizon=3")
    far, _ = load(tmp_path, ",horizon=3", {**table(), "load": table()["load"] + 1e9})
    outputs = torch.randn(len(near.train), 3)
    scores = [t.score(outputs, t.train.targets, {}) for t in (near, far)]
    assert scores[1] == pytest.approx(scores[0], rel=1e-4)
    losses = [float(t.loss(outputs, t.train.targets)) for t in (near, far)]
    assert losses[1] == pytest.approx(losses[0], rel=1e-4)
    assert far.loss(outputs, far.train.targets).dtype == torch.float32


@pytest.mark.parametrize("horizon", [1, 12, 15])
def test_the_seasonal_naive_forecast_is_the_last_season(tmp_path: Path, horizon: int) -> None:
    _, plugin = load(tmp_path, f",horizon={horizon}")
    series = table()["load"]
    naive_error = np.abs(series[12:280] - series[:268]).mean()
    errors = []
    for start in range(320, 400 - horizon + 1):
        for ahead in range(horizon):
            row = start + ahead
            seen = row - 12
            while seen >= start:
                seen -= 12
            errors.append(series[row] - series[seen])
    scores = plugin.seasonal_naive(tmp_path, "test")
    assert scores["mae"] == pytest.approx(np.abs(errors).mean(), rel=1e-6)
    assert scores["rmse"] == pytest.approx(np.sqrt(np.square(errors).mean()), rel=1e-6)
    assert scores["mase"] == pytest.approx(np.abs(errors).mean() / naive_error, rel=1e-6)


def test_a_season_of_1_in_training_has_a_mase_of_1(tmp_path: Path) -> None:
    path = write(tmp_path, table())
    spec = f"forecast:file={path},target=load,time=t,window=1"
    plugin = tasks.load(spec).task
    # The training part but for its first row, which no window precedes.
    assert plugin.seasonal_naive(tmp_path, "train")["mase"] == pytest.approx(1.0, rel=1e-6)


def test_a_trained_cell_beats_the_seasonal_naive_forecast(tmp_path: Path) -> None:
    task, plugin = load(tmp_path)
    candidate = Candidate.from_dict(
        {
            "cell": {"name": "gru"},
            "rule": {"name": "gd"},
            "model": {"hidden_size": 16},
            "training": {"optimizer": "adam", "lr": 1e-2, "batch_size": 32},
        }
    )
    training = Training(candidate, task, seed=0)
    scores = [training.epoch() for _ in range(12)][-1]
    assert scores["mase"] < plugin.seasonal_naive(tmp_path, "validation")["mase"]


def broken(name: str, value: object) -> dict[str, np.ndarray]:
    columns = table()
    changed = columns[name].astype(object)
    changed[7] = value
    return {**columns, name: changed}


@pytest.mark.parametrize(
    ("options", "columns", "complaint"),
    [
        ("", broken("heat", ""), "1 missing values .* in column 'heat', the first in row 8"),
        ("", broken("load", "inf"), "column 'load': row 8 holds 'inf', which is no finite number"),
        ("", broken("load", "1e39"), "column 'load': row 8 holds '1e39', .* within float32"),
        ("", {name: values[:0] for name, values in table().items()}, r"a\.csv: no row below"),
        ("", broken("t", ""), "column 't' lacks the time of 1 rows"),
        ("", {**table(), "t": DAYS}, r"'1/1/2020' may be a day and a month .* day_first=yes"),
        ("", {**table(), "t": np.arange(ROWS) // 2}, "column 't': 0 stands in more than one row"),
        ("", broken("heat", "warm"), "column 'heat' holds numbers and, in row 8, 'warm'; valid"),
        ("", {"t": np.arange(9), "heat": np.arange(9)}, "no column 'load' for target; valid: t, "),
        (
            ",horizon=300",
            None,
            "400 rows are too few: .* 24 rows, season of 12 and forecast of 300 .* train",
        ),
        (",horizon=41", None, "too few: .* validation part"),
        ("", {**table(), "load": np.arange(ROWS) % 12}, "repeats itself every 12 rows"),
    ],
)
def test_tables_that_cannot_be_used(
    tmp_path: Path, options: str, columns: dict[str, np.ndarray] | None, complaint: str
) -> None:
    with pytest.raises(ValueError, match=complaint):
        load(tmp_path, options, columns)


def test_a_season_that_is_too_long_is_named(tmp_path: Path) -> None:
    path = write(tmp_path, table())
    with pytest.raises(ValueError, match="season of 300 and forecast of 1 fit its train part"):
        tasks.load(f"forecast:file={path},target=load,season=300")


def test_the_target_is_not_the_time(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="target and time are both 'load'"):
        tasks.load(f"forecast:file={write(tmp_path, table())},target=load,time=load")


def test_a_relative_file_is_the_same_one_from_any_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, table())
    monkeypatch.chdir(tmp_path)
    here = tasks.load("forecast:file=a.csv,target=load")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert tasks.load(here.spec).fingerprint == here.fingerprint


def test_a_forecast_without_a_file_says_how_to_give_one(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="forecast:file=PATH"):
        tasks.load("forecast", tmp_path)
    with pytest.raises(FileNotFoundError, match=r"nowhere\.csv not found"):
        tasks.load("forecast:file=nowhere.csv,target=y", tmp_path)


def test_loss_is_in_units_of_the_training_deviation(tmp_path: Path) -> None:
    task, plugin = load(tmp_path)
    assert isinstance(plugin, Task)
    truth = (task.train.targets - task.goal.offset[0]) / task.goal.scale[0]
    assert float(task.loss(truth, task.train.targets)) == pytest.approx(0, abs=1e-9)
    assert float(task.loss(truth + 2, task.train.targets)) == pytest.approx(4, rel=1e-5)
    scores = task.score(truth + 2, task.train.targets, {})
    assert scores["mae"] == pytest.approx(2 * task.goal.scale[0], rel=1e-5)
    assert torch.allclose(task.goal.predictions(truth), task.train.targets)


def test_without_a_test_part_the_end_is_for_validation(tmp_path: Path) -> None:
    task, _ = load(tmp_path, ",test=none")
    assert len(task.validation) == 80
    assert len(task.train) == 320 - 24
    with pytest.raises(ValueError, match="holds no test split back"):
        task.unseal()


def test_known_columns_need_a_window_as_long_as_the_horizon(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="known columns need a window of 25 rows"):
        load(tmp_path, ",horizon=25,known=heat")
    with pytest.raises(ValueError, match="known names the target or the time"):
        load(tmp_path, ",known=load")


def test_windows_are_views_here_and_on_another_device(tmp_path: Path) -> None:
    task, _ = load(tmp_path)
    for inputs in (task.train.inputs, task.validation.inputs):
        held = inputs.untyped_storage().nbytes()
        assert held < inputs.numel() * inputs.element_size() / 4
    batch = task.train.take(torch.tensor([3, 0, 3]))
    assert torch.equal(batch.inputs, task.train.inputs[[3, 0, 3]])
    values = moved(task.train.inputs.double(), torch.device("cpu"))
    assert values.shape == task.train.inputs.shape
