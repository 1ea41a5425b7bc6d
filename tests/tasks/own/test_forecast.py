"""Forecasts: windows, parts in order of time, the seasonal-naive forecast, what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from optcell_search import tasks
from optcell_search.raw.windows import moved
from optcell_search.space import Candidate
from optcell_search.tasks.base import Task
from optcell_search.training import Training

ROWS = 400
DAYS = np.array([f"{1 + k % 12}/{1 + k // 40}/2020" for k in range(ROWS)])


def table() -> dict[str, np.ndarray]:
    t = np.arange(ROWS)
    noise = np.random.default_rng(0).normal(size=ROWS)
    load = 50 + 10 * np.sin(2 * np.pi * t / 12) + 0.05 * t + noise
    return {"t": t, "load": load, "heat": np.cos(2 * np.pi * t / 12)}


def write(folder: Path, columns: dict[str, np.ndarray]) -> Path:
    path = folder / "a.csv"
    rows = [",".join(columns), *(",".join(map(str, row)) for row in zip(*columns.values()))]  # noqa: B905
    path.write_text("\n".join(rows))
    return path


def load(folder: Path, options: str = "", columns: dict[str, np.ndarray] | None = None) -> tuple:
    path = write(folder, table() if columns is None else columns)
    task = tasks.load(f"forecast:file={path},target=load,time=t,season=12,window=24{options}")
    return task, task.task


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


def test_rows_are_put_in_order_of_time(tmp_path: Path) -> None:
    ordered, _ = load(tmp_path)
    columns = {name: values[::-1] for name, values in table().items()}
    assert load(tmp_path, columns=columns)[0].fingerprint == ordered.fingerprint


@pytest.mark.parametrize("form", ["%Y-%m-%d", "%Y-%m-%dT%H:%M+02:00"])
def test_dates_are_put_in_order_of_time(tmp_path: Path, form: str) -> None:
    ordered, _ = load(tmp_path)
    days = pd.date_range("2019-12-01", periods=ROWS).strftime(form).to_numpy()
    shuffled = np.random.default_rng(1).permutation(ROWS)
    columns = {name: values[shuffled] for name, values in {**table(), "t": days}.items()}
    assert load(tmp_path, columns=columns)[0].fingerprint == ordered.fingerprint


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


def hourly(rows: int = 400, **columns: np.ndarray) -> dict[str, np.ndarray]:
    hours = pd.date_range("2020-01-01", periods=rows, freq="h").strftime("%Y-%m-%d %H:%M")
    return {**{name: values[:rows] for name, values in table().items()}, "t": hours, **columns}


def without(columns: dict[str, np.ndarray], *rows: int) -> dict[str, np.ndarray]:
    return {name: np.delete(np.asarray(values), rows) for name, values in columns.items()}


def test_hours_that_are_missing_are_found_and_not_counted_over(tmp_path: Path) -> None:
    gappy = without(hourly(), 100, 101, 300)
    with pytest.raises(
        ValueError, match=r"2020-01-05 03:00 in row 100 is followed by 2020-01-05 06:00: 2 dist"
    ):
        load(tmp_path, "", gappy)
    filled, _ = load(tmp_path, ",gaps=forward", gappy)
    whole, _ = load(tmp_path, "", hourly())
    assert filled.train.inputs.shape == whole.train.inputs.shape
    # A value that nobody measured is seen, but not forecast.
    assert filled.train.targets.isnan().sum() == 2
    row = 100 - 24 + 1  # the window that ends with the first missing hour
    assert torch.equal(filled.train.inputs[row, -1], filled.train.inputs[row, -2])
    kept, _ = load(tmp_path, ",gaps=keep", gappy)
    assert len(kept.train) < len(whole.train)


def test_months_are_regular_and_a_missing_one_is_a_gap(tmp_path: Path) -> None:
    months = pd.date_range("1980-01-01", periods=ROWS, freq="MS").strftime("%Y-%m")
    assert len(load(tmp_path, "", {**table(), "t": months.to_numpy()})[0].train)
    gappy = without({**table(), "t": months.to_numpy()}, 50)
    with pytest.raises(ValueError, match="1984-02 in row 50 is followed by 1984-04"):
        load(tmp_path, "", gappy)


def test_nothing_looks_ahead(tmp_path: Path) -> None:
    for option in ("missing=interpolate", "gaps=interpolate"):
        with pytest.raises(ValueError, match=r"looks ahead|valid: 'refuse', 'forward'"):
            load(tmp_path, f",{option}", hourly())
    holes = hourly()
    holes["heat"] = holes["heat"].astype(object)
    holes["heat"][200] = ""
    task, _ = load(tmp_path, ",missing=forward", holes)
    split = task.train
    start = 201 - 24
    assert split.inputs[start, -1, 1] == split.inputs[start, -2, 1]


def test_quantiles_are_forecast_side_by_side(tmp_path: Path) -> None:
    task, plugin = load(tmp_path, ",horizon=3,quantiles=0.1;0.5;0.9")
    assert task.output_size == 9
    assert set(task.chance) == set(task.metrics)
    assert "quantile_loss" in task.metrics
    assert plugin.spec.endswith("quantiles=0.1;0.5;0.9")
    for levels in ("0.5;0.1", "0", "x", "0.5;0.5"):
        with pytest.raises(ValueError, match="ascending numbers between 0 and 1"):
            load(tmp_path, f",quantiles={levels}")


def several(folder: Path, options: str = "") -> tasks.LoadedTask:
    path = write(folder, table())
    columns = 'target="load,heat",time=t,season=5,window=24,horizon=3'
    return tasks.load(f"forecast:file={path},{columns}{options}")


def test_several_columns_are_forecast_each_in_its_own_unit(tmp_path: Path) -> None:
    task = several(tmp_path)
    assert (task.input_size, task.output_size) == (2, 6)
    load, heat = (table()[name] for name in ("load", "heat"))
    for split, first in ((task.train, 24), (task.validation, 280), (task.unseal(), 320)):
        expected = np.concatenate((load[first : first + 3], heat[first : first + 3]))
        np.testing.assert_allclose(split.targets[0], expected, rtol=1e-12)
    names = ("load+1", "load+2", "load+3", "heat+1", "heat+2", "heat+3")
    assert task.preprocessing.outputs.names == names
    # The output 0 stands for the mean of a column in training.
    outputs = torch.zeros(len(task.validation), 6)
    answers = task.preprocessing.answers(outputs, task.preprocessing.inputs(task.raw("validation")))
    np.testing.assert_allclose(answers["load+2"], load[:280].mean())
    np.testing.assert_allclose(answers["heat+3"], heat[:280].mean())


def test_several_columns_are_judged_as_each_is_by_itself(tmp_path: Path) -> None:
    task = several(tmp_path)
    outputs = torch.randn(len(task.validation), 6)
    found = task.score(outputs, task.validation.targets, {})
    single, losses = [], []
    for place, name in enumerate(("load", "heat")):
        own = tasks.load(
            f"forecast:file={tmp_path / 'a.csv'},target={name},time=t,season=5,window=24,horizon=3"
        )
        part = outputs[:, 3 * place : 3 * place + 3]
        single.append(own.score(part, own.validation.targets, {}))
        losses.append(float(own.loss(part, own.validation.targets)))
    for metric in ("mase", "mae", "r2", "loss"):
        assert found[metric] == pytest.approx(np.mean([one[metric] for one in single])), metric
    assert float(task.loss(outputs, task.validation.targets)) == pytest.approx(np.mean(losses))
    naive = task.task.seasonal_naive(tmp_path, "validation")
    assert naive["mase"] == pytest.approx(task.chance["mase"])
    assert task.diagnose(task.tally(outputs, task.validation.targets, {}))["names"] == [
        f"{name}+{ahead}" for name in ("load", "heat") for ahead in (1, 2, 3)
    ]


def test_quantiles_of_several_columns_stand_side_by_side(tmp_path: Path) -> None:
    task = several(tmp_path, ",quantiles=0.1;0.5")
    assert task.output_size == 12
    assert task.preprocessing.outputs.names[:3] == ("load+1 q0.1", "load+1 q0.5", "load+2 q0.1")
    targets = task.validation.targets
    # What is forecast exactly costs nothing, whichever the quantile.
    goal = task.goal
    offset = torch.tensor(goal.offset, dtype=torch.float64).repeat_interleave(3)
    scale = torch.tensor(goal.scale, dtype=torch.float64).repeat_interleave(3)
    exact = ((targets - offset) / scale).repeat_interleave(2, 1)
    scores = task.score(exact, targets, {})
    assert scores["quantile_loss"] == pytest.approx(0, abs=1e-9)
    assert scores["mase"] == pytest.approx(0, abs=1e-9)
    load_up = exact + torch.tensor([1.0] * 6 + [0.0] * 6).double()
    # A forecast that is too high by e costs (1 - q) e.
    expected = goal.scale[0] * (0.9 + 0.5) / 2 / 2
    assert task.score(load_up, targets, {})["quantile_loss"] == pytest.approx(expected)


def test_what_is_wrong_with_one_of_several_columns_names_it(tmp_path: Path) -> None:
    path = write(tmp_path, {**table(), "flat": np.zeros(ROWS)})
    begin = f"forecast:file={path},time=t,window=24,target="
    with pytest.raises(ValueError, match=r"column 'flat' repeats itself every 1 rows"):
        tasks.load(begin + '"load,flat"')
    with pytest.raises(ValueError, match="no column 'cold' for target"):
        tasks.load(begin + '"load,cold"')
    with pytest.raises(ValueError, match="target and time are both 't'"):
        tasks.load(begin + '"load,t"')
    with pytest.raises(ValueError, match="names a column twice"):
        tasks.load(begin + '"load,load"')
    with pytest.raises(ValueError, match="known names the target"):
        tasks.load(begin + '"load,heat",known=heat')


def test_a_name_with_a_comma_is_one_column(tmp_path: Path) -> None:
    pd.DataFrame({"t": range(ROWS), "a,b": table()["load"]}).to_csv(tmp_path / "a.csv", index=False)
    task = tasks.load(f'forecast:file={tmp_path / "a.csv"},time=t,window=24,target="a,b"')
    assert task.preprocessing.outputs.names == ("a,b+1",)


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
