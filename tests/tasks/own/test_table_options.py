"""What a user can say about a table, and what is refused until he says it."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from optcell_search import tasks
from optcell_search.raw.fitting import fit
from optcell_search.tasks import IGNORED, LoadedTask
from optcell_search.tasks.goals import Labels, Regression


def frame(sequences: int = 20, steps: int = 4) -> pd.DataFrame:
    rows = [
        {"id": s, "t": f"{9 + t}:00", "a": s + t / 10, "b": t, "y": f"k{s % 2}"}
        for s in range(sequences)
        for t in range(steps)
    ]
    return pd.DataFrame(rows)


def load(folder: Path, table: pd.DataFrame, options: str = "time=t,target=y") -> LoadedTask:
    table.to_csv(folder / "a.csv", index=False)
    return tasks.load(f"{folder / 'a.csv'}:sequence=id,{options}")


def test_times_of_day_are_sorted_as_times(tmp_path: Path) -> None:
    """10:00 comes after 9:00, whatever the order of their letters."""
    task = load(tmp_path, frame().sample(frac=1, random_state=0))
    assert torch.equal(task.train.inputs[0, :, 1], torch.arange(4.0))


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


def test_categories_are_one_hot_and_doubtful_ones_refused(tmp_path: Path) -> None:
    table = frame()
    table["mode"] = np.where(table["b"] % 2, "fast", "slow")
    task = load(tmp_path, table)
    assert task.input_size == 4
    assert task.train.inputs[0, :, 2:].tolist() == [[0, 1], [1, 0], [0, 1], [1, 0]]
    table.loc[7, "mode"] = "3"
    with pytest.raises(ValueError, match=r"'mode' holds texts and, in row 8, '3'; .*categories="):
        load(tmp_path, table)
    assert load(tmp_path, table, "time=t,target=y,categories=mode").input_size == 5
    table["mode"] = [str(number) for number in range(len(table))]
    table.loc[[3, 5], "mode"] = ["seven", "eight"]
    with pytest.raises(ValueError, match="'mode' holds numbers and, in row 4, 'seven'; valid"):
        load(tmp_path, table)
    table["mode"] = [f"text {number}" for number in range(len(table))]
    with pytest.raises(ValueError, match=r"80 different ones, 'text 0' in row 1 .*exclude="):
        load(tmp_path, table)
    table["mode"] = table["mode"].to_numpy()[::-1]
    with pytest.raises(ValueError, match="80 different ones, 'text 79' in row 1 first"):
        load(tmp_path, table)


@pytest.mark.parametrize(
    ("cells", "complaint"),
    [
        ([1.5, 2, "x", 3], "row 3 'x' unlike most"),
        (["x", "y", 3, None], "row 3 3 unlike most"),
        (["x", 1, True, 2.5, 3], "row 1 'x' unlike most"),
    ],
)
def test_a_column_of_several_kinds_names_the_odd_cell(cells: list[object], complaint: str) -> None:
    table = pd.DataFrame({"a": pd.Series(cells, dtype=object)})
    train = np.arange(len(cells))
    how: dict[str, Any] = {"missing": "mean", "scale": "none", "categories": ()}
    with pytest.raises(ValueError, match=f"several kinds, {complaint}; valid: categories=a"):
        fit(table, ["a"], train=train, where="a.csv", **how)


def stations(count: int = 25) -> pd.DataFrame:
    table = frame()
    table["station"] = [f"s{number % count}" for number in range(len(table))]
    return table


def test_categories_of_many_levels_are_embedded(tmp_path: Path) -> None:
    task = load(tmp_path, stations(), "time=t,target=y,categories=station")
    features = task.preprocessing.features
    assert features.embedded == ("station",)
    assert task.input_size == 3
    # One number more than there are levels is for a cell that is empty.
    assert task.embedded == ((2, 26),)
    rows = task.preprocessing.inputs(stations()).values
    found = [features.levels["station"][int(number)] for number in rows[3, :, 2]]
    assert found == ["s12", "s13", "s14", "s15"]
    few = load(tmp_path, stations(20), "time=t,target=y,categories=station")
    assert (few.input_size, few.embedded) == (22, ())
    with pytest.raises(
        ValueError, match=r"column 'station', row 1 holds 'new', which training did"
    ):
        task.preprocessing.inputs(frame().assign(station="new"))


@pytest.mark.parametrize(
    ("missing", "expected"),
    [
        ("forward", [25, 1, 1, 3]),
        ("mean", [25, 1, 25, 3]),
        ("interpolate", [25, 1, 25, 3]),
        ("mask", [25, 1, 25, 3]),
    ],
)
def test_an_empty_cell_of_an_embedded_column_is_a_category_of_its_own(
    tmp_path: Path, missing: str, expected: list[int]
) -> None:
    table = stations()
    table.loc[[0, 2], "station"] = None
    # In order of their texts, so that 1 is s1.
    table["station"] = table["station"].str.replace(r"s(\d)$", r"s0\1", regex=True)
    options = "time=t,target=y,categories=station"
    task = load(tmp_path, table, f"{options},missing={missing}")
    first = task.preprocessing.inputs(pd.read_csv(tmp_path / "a.csv")).values[0]
    assert first[:, 2].tolist() == expected
    if missing == "mask":
        assert first[:, 3].tolist() == [1, 0, 1, 0]
    with pytest.raises(ValueError, match=r"2 missing values .* in column 'station'"):
        load(tmp_path, table, options)


def test_a_step_that_is_missing_has_the_category_before_it(tmp_path: Path) -> None:
    table = stations()
    table["station"] = table["station"].str.replace(r"s(\d)$", r"s0\1", regex=True)
    table = table.drop(index=2)
    task = load(tmp_path, table, "time=t,target=y,categories=station,gaps=interpolate")
    first = task.preprocessing.inputs(pd.read_csv(tmp_path / "a.csv")).values[0]
    assert first[:, 2].tolist() == [0, 1, 1, 3], "and not the one between its neighbours"
    assert first[:, 1].tolist() == [0, 1, 2, 3]


def test_a_column_of_times_is_no_category(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"'t' holds times, such as '10:00'; valid: time=t, "):
        load(tmp_path, frame(), "target=y")


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


def with_a_slip(beyond: float) -> Callable[[pd.DataFrame], pd.DataFrame]:
    """Return what makes targets of numbers, one of them a text."""

    def change(table: pd.DataFrame) -> pd.DataFrame:
        numbers = [str(i + beyond) if beyond else str(i) for i in range(len(table))]
        return table.assign(y=[*numbers[:7], "n/a", *numbers[8:]])

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
        (with_a_slip(0.5), "y,per=step", "holds numbers and texts, 'n/a' in row 8 unlike most"),
        (with_a_slip(0.5), "y,per=step,kind=classification", None),
        (with_a_slip(0.0), "y,per=step", "80 different whole numbers and texts in 80"),
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
