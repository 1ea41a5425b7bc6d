"""Columns of categories in a table: one-hot, embedded, and doubtful ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from table_examples import frame, load

from optcell_search import tasks
from optcell_search.raw.fitting import fit


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


@pytest.mark.parametrize("sep", [";", ","])
def test_numbers_with_a_comma_are_no_categories_unasked(tmp_path: Path, sep: str) -> None:
    """A version 2.1 says that no comma is a decimal sign, and so do commas between cells."""
    table = frame()
    table.insert(2, "version", "2.1")
    table["temp"] = [f"{20 + row % 15 / 10:.1f}".replace(".", ",") for row in range(len(table))]
    path = tmp_path / "a.csv"
    table.to_csv(path, sep=sep, index=False)
    said = f"{path}:sequence=id,time=t,target=y"
    with pytest.raises(ValueError, match=r"'temp' holds '20,0' in row 1, .* decimal=comma") as no:
        tasks.load(said)
    assert "\n" not in str(no.value)
    assert "temp" in tasks.load(f"{said},categories=temp").preprocessing.features.levels
    told = tasks.load(f"{said},decimal=comma").preprocessing.features
    assert {"version", "temp"} <= {*told.numeric}
    # A target is as little a class unasked.
    with pytest.raises(ValueError, match=r"'temp' holds '20,0' in row 1, .* kind=classification"):
        tasks.load(f"{path}:sequence=id,time=t,target=temp,per=step")


@pytest.mark.parametrize(
    "cell",
    [
        "1.234.567",
        "1.234,5",
        "1 234,5",
        "1'234,50",
        "1,234,567",
        ",5",
        "1 234",
        "1’234",
        "1'234.5",
        "1_234",
        "١",
        "1.5\N{NO-BREAK SPACE}",
    ],
)
def test_a_number_with_marks_of_thousands_is_no_category_unasked(tmp_path: Path, cell: str) -> None:
    table = frame().assign(pop=cell)
    table.loc[::2, "pop"] = "x"
    with pytest.raises(ValueError, match=r"'pop' holds .* in row 2, which may be a number; valid"):
        load(tmp_path, table)


@pytest.mark.parametrize("slip", ["nan", "NaN", "1_000", "-", "NA"])
@pytest.mark.parametrize("digits", [0, 1, 3])
def test_what_is_no_number_among_numbers_makes_no_category(
    tmp_path: Path, slip: str, digits: int
) -> None:
    """Two levels or twenty: each number would be a name, and the slip one of them."""
    table = frame()
    table["dose"] = [f"{row % 6 + 0.172:.{digits}f}" for row in range(len(table))]
    table.loc[4, "dose"] = slip
    with pytest.raises(
        ValueError, match=rf"'dose' holds numbers and, in row 5, '{slip}'; .* empty"
    ):
        load(tmp_path, table)


@pytest.mark.parametrize("told", ["", ",decimal=comma"])
def test_columns_of_no_numbers_decide_no_sign_and_are_not_refused(
    tmp_path: Path, told: str
) -> None:
    """Neither what is left out or not chosen, nor categories, be it in training or afterwards."""
    table = frame().drop(columns="a").assign(version="2.1", pop="1.234")
    table["temp"] = [f"{20 + row % 15 / 10:.1f}".replace(".", ",") for row in range(len(table))]
    path = tmp_path / "a.csv"
    table.to_csv(path, sep=";", index=False)
    asked = f"{path}:sequence=id,time=t,target=y{told}"
    for said in (
        'exclude="version,pop"',
        "columns=temp",
        'columns="temp,pop,version",categories="version,pop"',
    ):
        task = tasks.load(f"{asked},{said}")
        made = task.preprocessing
        assert "temp" in made.features.numeric
        assert set(task.raw("train")["temp"]) <= {*made.read(path)["temp"]}
        assert len(made.inputs(made.read(path))) == table["id"].nunique()


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
