"""Predictions of new files, by the command line and by the package itself."""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from calling import call
from predicting import (
    a_predictor,
    in_new_interpreter,
)
from raw_examples import write_table

from optcell_search.tasks import LoadedTask


@pytest.fixture(scope="module")
def new(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A second raw file: without targets, and its columns in another order."""
    folder = tmp_path_factory.mktemp("new")
    frame = write_table(folder).drop(columns=["kind", "level"])
    path = folder / "new.csv"
    frame[frame.columns[::-1]].to_csv(path, index=False)
    return path


def test_three_ways_give_the_same_predictions(
    of_classes: Path,
    new: Path,
    classes: LoadedTask,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    expected = a_predictor(classes).predict(new)
    assert len(expected) == 30
    mine, theirs = tmp_path / "mine.csv", tmp_path / "theirs.csv"
    code, output, errors = call(capfd, "predict", str(of_classes), str(new), "--out", str(mine))
    assert (code, output, errors) == (0, "", f"{mine}: 30 predictions\n")
    command = f"""
import runpy
sys.argv[1:] = ["predict", {str(new)!r}, "--out", {str(theirs)!r}]
try:
    runpy.run_module("winner_cell", run_name="__main__")
except SystemExit as end:
    assert end.code == 0
"""
    in_new_interpreter(of_classes, command)
    for path in (mine, theirs):
        found = pd.read_csv(path, dtype=str).set_index("id")
        pd.testing.assert_frame_equal(found, expected, check_dtype=False, check_index_type=False)
    code, output, _ = call(
        capfd,
        "predict",
        str(of_classes),
        str(new),
        "--out",
        str(mine),
        "--proba",
        "--force",
        "--json",
    )
    assert (code, json.loads(output)) == (0, {"predictions": str(mine)})
    assert list(pd.read_csv(mine).columns) == ["id", "k0", "k1"]


def test_an_existing_file_is_replaced_only_by_force(
    of_classes: Path, new: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "mine.csv"
    out.write_text("mine")
    code, _, errors = call(capfd, "predict", str(of_classes), str(new), "--out", str(out))
    assert code == 2
    assert errors == (
        f"winner_cell: --out {out}: exists already; name another file, or add --force\n"
    )
    assert out.read_text() == "mine"
    assert list(tmp_path.iterdir()) == [out]


def test_predictions_are_written_as_the_name_of_the_file_says(
    of_classes: Path, new: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    plain, packed = tmp_path / "a.csv", tmp_path / "a.csv.gz"
    for file in (plain, packed):
        assert call(capfd, "predict", str(of_classes), str(new), "--out", str(file))[0] == 0
    assert gzip.decompress(packed.read_bytes()) == plain.read_bytes()
    other = tmp_path / "a.parquet"
    code, _, errors = call(capfd, "predict", str(of_classes), str(new), "--out", str(other))
    assert code == 2
    assert errors.endswith("a.parquet: a CSV file is written; valid: a name in .csv or .csv.gz\n")
    assert not other.exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f: f.drop(columns="a"), r"new\.csv: there is no column 'a'; there are "),
        (lambda f: f.drop(columns="id"), r"new\.csv: there is no column 'id' for sequence"),
        (lambda f: f.assign(a="warm"), r"new\.csv: column 'a': row 1 holds 'warm'"),
        (
            lambda f: f.assign(mode=["slow", "idle", *f["mode"][2:]]),
            r"new\.csv: column 'mode', row 2.*holds 'idle', which training did not see",
        ),
    ],
    ids=["absent", "no sequence", "type", "category"],
)
def test_what_does_not_fit_is_named_in_one_line(
    of_classes: Path, new: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str], change: Any,
    message: str,
) -> None:  # fmt: skip
    wrong = tmp_path / "new.csv"
    change(pd.read_csv(new, dtype=str)).to_csv(wrong, index=False)
    out = tmp_path / "out.csv"
    code, output, errors = call(capfd, "predict", str(of_classes), str(wrong), "--out", str(out))
    assert (code, output, errors.count("\n")) == (2, "", 1)
    assert re.match(f"winner_cell: .*{message}", errors), errors
    assert not out.exists()


@pytest.mark.parametrize("name", ["none.csv", "new.txt"])
def test_files_that_are_none(
    name: str, of_classes: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / name
    code, _, errors = call(
        capfd, "predict", str(of_classes), str(path), "--out", str(tmp_path / "o")
    )
    assert (code, errors.count("\n")) == (2, 1)
    assert errors.startswith(f"winner_cell: {path}: ")


def test_folders_that_are_no_package(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    asked = ("predict", str(tmp_path), "new.csv", "--out", "o.csv")
    code, _, errors = call(capfd, *asked)
    assert (code, errors) == (
        2,
        f"optcell-search: {tmp_path}: no exported package; valid: a folder that `export` has "
        "written\n",
    )
    (tmp_path / "config.json").write_text("{}")
    assert "this package has no predictor" in call(capfd, *asked)[2]
