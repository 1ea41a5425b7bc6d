"""What a user can say about a table, and what is refused until he says it."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
import torch
from table_examples import frame, load

from optcell_search import tasks
from optcell_search.tasks import IGNORED
from optcell_search.tasks.goals import Labels, Regression


def test_times_of_day_are_sorted_as_times(tmp_path: Path) -> None:
    """10:00 comes after 9:00, whatever the order of their letters."""
    task = load(tmp_path, frame().sample(frac=1, random_state=0))
    assert torch.equal(task.train.inputs[0, :, 1], torch.arange(4.0))


def test_times_of_day_that_go_past_midnight_are_refused(tmp_path: Path) -> None:
    """In training, and in new rows; sorted, 0:30 would be the first of its sequence."""
    known = load(tmp_path, frame()).preprocessing
    late = frame().replace({"t": {"11:00": "23:50", "12:00": "0:30"}})
    said = "'23:50' in row 3 is followed by '0:30' in row 4, which may be the day after; valid: "
    with pytest.raises(ValueError, match=rf"a\.csv: column 't': {said}"):
        load(tmp_path, late)
    with pytest.raises(ValueError, match=said):
        known.inputs(late)


def test_rows_written_in_nanoseconds_are_as_far_apart_as_those_of_training(tmp_path: Path) -> None:
    table = frame()
    seconds = pd.Timestamp("2024-01-01") + pd.to_timedelta(table["b"], unit="s")
    table["t"] = seconds.dt.strftime("%Y-%m-%dT%H:%M:%S")
    table = table.drop(index=[1, 6])
    made = load(tmp_path, table, "time=t,target=y,gaps=forward").preprocessing
    fine = table.assign(t=table["t"] + ".000000007")
    assert torch.equal(made.inputs(fine).values, made.inputs(table).values)


def test_columns_are_chosen_and_quoted(tmp_path: Path) -> None:
    table = frame().rename(columns={"a": "a, in °C", "b": 'b "raw"'})
    task = load(tmp_path, table, 'time=t,target=y,exclude="""a, in °C"""')
    assert task.preprocessing.features.names == ('b "raw"',)
    assert tasks.load(task.spec).fingerprint == task.fingerprint
    task = load(tmp_path, table, 'time=t,target=y,columns="""a, in °C"""')
    assert task.preprocessing.features.names == ("a, in °C",)
    with pytest.raises(ValueError, match="no column 'x' for columns"):
        load(tmp_path, table, "target=y,columns=x")
    with pytest.raises(ValueError, match="column 'y' cannot be a feature, too"):
        load(tmp_path, table, "target=y,columns=y")
    with pytest.raises(ValueError, match="names a column twice"):
        load(tmp_path, table, 'target=y,columns="x,x"')


def test_missing_cells_are_what_the_user_says(tmp_path: Path) -> None:
    table = frame()
    table["b"] = table["b"].astype(float)
    table.loc[[0, 2], "b"] = math.nan
    with pytest.raises(
        ValueError, match=r"2 missing values .* 'b', the first in row 1; .*missing="
    ):
        load(tmp_path, table)
    filled = {}
    for option in ("forward", "interpolate", "mean", "mask"):
        task = load(tmp_path, table, f"time=t,target=y,missing={option}")
        first = next(x for s in (task.train, task.validation, task.unseal())
                     for x in s.inputs if x[0, 0] == 0)  # fmt: skip
        filled[option] = first[:, 1:].tolist()
        mean = task.preprocessing.features.mean[1]
    assert 1.4 < mean < 1.7
    approx = pytest.approx
    assert filled["forward"] == [approx([mean], rel=0.05), [1], [1], [3]]
    assert filled["interpolate"] == [[1], [1], [2], [3]]
    assert filled["mean"] == [approx([mean], rel=0.05), [1], approx([mean], rel=0.05), [3]]
    assert [row[1] for row in filled["mask"]] == [1, 0, 1, 0]


def test_gaps_in_time_are_found_and_filled(tmp_path: Path) -> None:
    table = frame().drop(index=[1, 2]).reset_index(drop=True)
    assert load(tmp_path, table).train.lengths is not None
    with pytest.raises(ValueError, match=r"9:00 in row 1 is followed by 12:00.*gaps=forward"):
        load(tmp_path, table, "time=t,target=y,gaps=refuse")
    for option, expected in (("forward", [0, 0, 0, 3]), ("interpolate", [0, 1, 2, 3])):
        task = load(tmp_path, table, f"time=t,target=y,gaps={option}")
        assert task.train.lengths is None
        found = [x[:, 1].tolist() for s in (task.train, task.validation, task.unseal())
                 for x in s.inputs if x[0, 0] == 0]  # fmt: skip
        assert found == [expected]
    twice = pd.concat([table, table.iloc[[3]]])
    with pytest.raises(ValueError, match=r"two rows with t = .*, row 4 and row 79"):
        load(tmp_path, twice)


@pytest.mark.parametrize("gaps", ["keep", "interpolate"])
@pytest.mark.parametrize("dates", [False, True])
def test_what_is_interpolated_is_so_by_time(tmp_path: Path, gaps: str, dates: bool) -> None:
    table = pd.DataFrame({"id": range(80), "y": range(80)})
    table = table.assign(y=table["y"] % 2).loc[table.index.repeat(4)].reset_index(drop=True)
    table["t"] = [0, 1, 11, 12] * 80
    table["a"] = [0, None, 11, 12] * 80
    if dates:
        days = pd.Timestamp("2020-01-01") + pd.to_timedelta(table["t"], unit="D")
        table["t"] = days.dt.strftime("%Y-%m-%d")
    task = load(tmp_path, table, f"time=t,target=y,missing=interpolate,gaps={gaps}")
    expected = range(13) if gaps == "interpolate" else (0, 1, 11, 12)
    assert task.train.inputs[0, :, 0].tolist() == pytest.approx([*expected])


def test_standard_scaling_is_by_the_training_part(tmp_path: Path) -> None:
    task = load(tmp_path, frame(), "time=t,target=y,scale=standard")
    steps = task.train.inputs.flatten(0, 1)
    torch.testing.assert_close(steps.mean(0), torch.zeros(2), atol=1e-5, rtol=0)
    torch.testing.assert_close(steps.std(0, unbiased=False), torch.ones(2), atol=1e-5, rtol=0)


def per_step(table: pd.DataFrame) -> pd.DataFrame:
    table["y"] = table["b"] % 3
    table["y"] = table["y"].astype(object)
    table.loc[[1, 2], "y"] = [-100, None]
    return table


def test_steps_without_a_target_are_no_class(tmp_path: Path) -> None:
    task = load(tmp_path, per_step(frame()))
    assert (task.readout, task.classes) == ("every", ("0", "1", "2"))
    every = torch.cat([s.targets for s in (task.train, task.validation, task.unseal())])
    assert int((every == IGNORED).sum()) == 2


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_the_mark_of_a_step_without_a_target_may_have_a_point(tmp_path: Path, suffix: str) -> None:
    table = per_step(frame()).astype({"y": float})
    path = tmp_path / f"a.{suffix}"
    table.to_csv(path, index=False) if suffix == "csv" else table.to_parquet(path)
    task = tasks.load(f"{path}:sequence=id,time=t,target=y,kind=classification,per=step")
    assert task.classes == ("0.0", "1.0", "2.0")
    every = torch.cat([s.targets for s in (task.train, task.validation, task.unseal())])
    assert int((every == IGNORED).sum()) == 2


def with_a_slip(beyond: float, slip: str = "n/a") -> Callable[[pd.DataFrame], pd.DataFrame]:
    """Return what makes targets of numbers, one of them a text."""

    def change(table: pd.DataFrame) -> pd.DataFrame:
        numbers = [str(i + beyond) if beyond else str(i) for i in range(len(table))]
        return table.assign(y=[*numbers[:7], slip, *numbers[8:]])

    return change


def two(table: pd.DataFrame) -> pd.DataFrame:
    return table.assign(z=table["id"] % 2, y=table["id"] % 3)


@pytest.mark.parametrize(
    ("change", "options", "complaint"),
    [
        (
            lambda t: t.assign(y=t["y"].where(t["b"] == 0)),
            "y",
            "first in row .*per=sequence .* or per=step",
        ),
        (lambda t: t.assign(y=t["b"]), "y,per=sequence", "changes within .* '0', first at row 2"),
        (lambda t: t.assign(y=range(len(t))), "y,per=step", "80 different whole numbers in 80"),
        (lambda t: t.assign(y=range(len(t))), "y,per=step,kind=classification", None),
        (with_a_slip(0.5), "y,per=step", "holds numbers and texts, 'n/a' in row 8; valid: "),
        (with_a_slip(0.172, "nan"), "y,per=step", "'nan' in row 8; .* an empty cell for what is"),
        (
            with_a_slip(0.0, "NaN"),
            "y,per=step",
            "and texts, 'NaN' in row 8; valid: kind=class",
        ),
        *(
            (with_a_slip(0.0, gone), "y,per=step", "in row 8; valid: kind=classification")
            for gone in ("#N/A", "<NA>", "?", "-", "NaT", "-nan", "#DIV/0!", "1.#IND", "missing")
        ),
        (with_a_slip(0.5), "y,per=step,kind=classification", None),
        (with_a_slip(0.0, "x"), "y,per=step", "80 different whole numbers and texts in 80"),
        (with_a_slip(0.5), "y,kind=regression", r"\('n/a' in row 8 of column 'y'\), which cannot"),
        (with_a_slip(0.5), '"a,y"', r"numbers and texts \('n/a' in row 8 of column 'y'\)"),
        (lambda t: t.assign(y=t["id"].where(t["id"] != 2)), "y", "in all rows of sequence '2', fr"),
        (lambda t: t.assign(y=t["id"] % 3 + (t.index == 7)), "y", "first at row 8.*19 of 20 seque"),
        (lambda t: t.assign(y=t["id"] % 3 + (t.index == 7)), "y,per=step", None),
        (lambda t: t.assign(y=t["id"] + 100), "y", "class '100' .*kind=regression"),
        (lambda t: t.assign(y=(t["id"] % 3).replace(2, -100)), "y", "-100, which marks a step"),
        (lambda t: t.assign(y="x"), "y,kind=regression", "cannot be predicted as numbers"),
        (two, '"y,z"', "kind=regression .*kind=multilabel"),
        (two, '"y,z",kind=multilabel', "holds 2; valid"),
        (lambda t: t.assign(y=None), "y", "holds empty, which cannot be predicted"),
    ],
)
def test_what_is_doubtful_names_the_option_that_decides(
    tmp_path: Path,
    change: Callable[[pd.DataFrame], pd.DataFrame],
    options: str,
    complaint: str | None,
) -> None:
    options = f"time=t,target={options}"
    if complaint is None:
        assert load(tmp_path, change(frame()), options).readout == "every"
        return
    with pytest.raises(ValueError, match=complaint) as caught:
        load(tmp_path, change(frame()), options)
    assert "a.csv" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_label_in_one_row_of_a_sequence_is_that_of_all(tmp_path: Path) -> None:
    whole = load(tmp_path, frame())
    table = frame()
    table["y"] = table["y"].where(table["b"] == 2)
    once = load(tmp_path, table, "time=t,target=y,per=sequence")
    assert once.fingerprint == whole.fingerprint


def test_several_targets(tmp_path: Path) -> None:
    table = frame().assign(u=lambda t: t["id"] * 2.5, v=lambda t: 1e9 + t["id"])
    task = load(tmp_path, table, 'time=t,target="u,v",exclude=y,kind=regression')
    assert isinstance(task.goal, Regression)
    assert task.goal.names == ("u", "v")
    # A number so far from 0 keeps its changes.
    ids = (task.train.targets[:, 0] / 2.5).double()
    torch.testing.assert_close(task.train.targets[:, 1] - 1e9, ids)
    offset, scale = (
        torch.tensor(values, dtype=torch.float64) for values in (task.goal.offset, task.goal.scale)
    )
    outputs = (task.train.targets - offset) / scale
    assert float(task.loss(outputs.float(), task.train.targets)) < 1e-8
    labels = table.assign(u=table["id"] % 2, v=(table["id"] % 3 == 0).astype(int))
    task = load(tmp_path, labels, 'time=t,target="u,v",exclude=y,kind=multilabel')
    assert isinstance(task.goal, Labels)
    assert set(task.train.targets.flatten().tolist()) == {0, 1}


def test_numbers_that_float32_cannot_tell_apart_are_refused(tmp_path: Path) -> None:
    table = frame().assign(a=lambda t: 1e9 + t["b"])
    with pytest.raises(ValueError, match=r"'a' is so far from 0 .*scale=standard"):
        load(tmp_path, table)
    task = load(tmp_path, table, "time=t,target=y,scale=standard")
    assert len(set(task.train.inputs[0, :, 0].tolist())) == 4


def test_regression_on_targets_far_from_0_is_learned(tmp_path: Path) -> None:
    """In their own unit, such targets would train to nothing without a word."""
    from optcell_search.space import Candidate
    from optcell_search.training import train

    table = frame(60).assign(y=lambda t: 20_000.0 + 500 * (t["id"] % 2))
    table["a"] = table["id"] % 2
    task = load(tmp_path, table)
    candidate = Candidate.from_dict(
        {
            "cell": {"name": "gru"},
            "rule": {"name": "gd"},
            "model": {"hidden_size": 8},
            "training": {"optimizer": "adam", "lr": 2e-2, "batch_size": 8},
        }
    )
    scores = list(train(candidate, task, epochs=12, seed=0))[-1]
    assert scores["r2"] > 0.9
    assert scores["rmse"] < 80
    assert task.chance["r2"] < 0.05


def test_targets_that_stand_apart_or_nowhere_are_named(tmp_path: Path) -> None:
    table = frame().assign(u=lambda t: 1.5 * t["id"], v=lambda t: 0.5 + t["id"])
    last = table["b"] == 3
    table["u"], table["v"] = table["u"].where(last), table["v"].where(~last)
    spec = 'time=t,target="u,v",kind=regression,per=sequence'
    with pytest.raises(ValueError, match="columns 'u' and 'v' stand together in no row of seq"):
        load(tmp_path, table, spec)
    table["u"] = table["u"].where(table["id"] != 2)
    with pytest.raises(ValueError, match="column 'u' is empty in all rows of sequence '2'"):
        load(tmp_path, table.assign(v=0.5 + table["id"]), spec)
