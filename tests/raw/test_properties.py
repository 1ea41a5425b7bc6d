"""Whatever a file holds: an answer, or one line that says where the fault is; never a traceback."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from task_examples import complaint_of

from optcell_search import tasks
from optcell_search.raw.reading.files import Form, read

# Cells of the kinds that files mix: numbers of all sizes, dates, texts that look like numbers.
CELLS = st.one_of(
    st.integers(-(2**70), 2**70).map(str),
    st.floats().map(repr),
    st.sampled_from(
        ["", "NA", "None", "null", "nan", "inf", "-1e400", "1_000", "0x10", "007", "7", "True",
         "9999-12-31", "2020-02-30", "03/04/2020", "9:00", "1,5", "1.234,5", " ", "é", "０１",
         "\x00", "a" * 70, "-100"]
    ),
    st.text(max_size=6),
)  # fmt: skip
PLAIN = st.integers(0, 9).map(str)
SLOW = {"deadline": None, "suppress_health_check": [HealthCheck.function_scoped_fixture]}
OPTIONS = st.sampled_from(
    ["", ",missing=mask", ",missing=forward,scale=standard", ",gaps=refuse", ",gaps=interpolate",
     ",kind=regression", ",kind=classification", ",kind=multilabel", ",per=step", ",per=sequence",
     ",exclude=a", ",categories=a", ",day_first=yes", ",sep=semicolon", ",encoding=latin-1"]
)  # fmt: skip


def answer(spec: str) -> str | None:
    """Return the complaint about a file, or None; anything else than a ValueError goes on."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", message=".*what never changes in the training part")
        try:
            task = tasks.load(spec)
            task.unseal()
        except ValueError as error:
            return str(error)
        raw = task.raw("validation")
    for split in (task.train, task.validation, task.test):
        assert split.inputs.isfinite().all()
    made = task.preprocessing.inputs(raw)
    assert made.values.isfinite().all()
    return None


@st.composite
def tables(draw: st.DrawFn) -> str:
    """Return a table that is sound but for some cells."""
    rows = draw(st.integers(0, 14))
    lines = [["id", "t", "a", "y"]]
    for number in range(rows):
        lines.append([str(number // 2), str(number), draw(PLAIN), str(number // 2 % 2)])
    for _ in range(draw(st.integers(0, 3)) if rows else 0):
        column, row = draw(st.integers(0, 3)), draw(st.integers(0 if rows < 3 else 1, rows))
        lines[row][column] = draw(CELLS)
    quoted = [['"' + cell.replace('"', '""') + '"' if cell else "" for cell in r] for r in lines]
    return "\n".join(",".join(row) for row in quoted)


@settings(max_examples=150, **SLOW)  # type: ignore[arg-type]
@given(text=tables(), options=OPTIONS, timed=st.booleans())
def test_any_table_is_read_or_refused_in_one_line(
    tmp_path: Path, text: str, options: str, timed: bool
) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(text.encode("utf-8", "replace"))
    for spec in (
        f"{path}:sequence=id,target=y{',time=t' if timed else ''}{options}",
        f"forecast:file={path},target=a,window=2{',time=t' if timed else ''}",
    ):
        complaint = answer(spec)
        if complaint is not None:
            assert "a.csv" in complaint
            assert "\n" not in complaint
            assert len(complaint) < 2000


@settings(max_examples=150, **SLOW)  # type: ignore[arg-type]
@given(
    content=st.binary(max_size=60), suffix=st.sampled_from([".csv", ".csv.gz", ".parquet", ".xlsx"])
)
def test_any_bytes_are_read_or_refused(tmp_path: Path, content: bytes, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    path.write_bytes(content)
    complaint = complaint_of(lambda: read(path, Form()))
    if complaint is not None:
        assert f"a{suffix}" in complaint
        assert "\n" not in complaint
    else:
        assert len(read(path, Form()).columns) > 0


@settings(max_examples=100, **SLOW)  # type: ignore[arg-type]
@given(cells=st.lists(st.lists(CELLS, min_size=2, max_size=2), max_size=5))
def test_what_is_read_is_what_was_written(tmp_path: Path, cells: list[list[str]]) -> None:
    """No value changes silently: every cell comes back as the text it was."""
    path = tmp_path / "a.csv"
    lines = [["x", "y"], *cells]
    quoted = ["\t".join('"' + c.replace('"', '""') + '"' for c in line) for line in lines]
    path.write_text("\n".join(quoted), encoding="utf-8", errors="surrogatepass", newline="")
    form = Form(sep="tab", decimal="point")
    complaint = complaint_of(lambda: read(path, form))
    if complaint is not None:
        assert "no utf-8" in complaint
        return
    found = read(path, form).to_numpy().tolist()
    assert found == [[cell or None for cell in line] for line in cells]


@pytest.mark.parametrize("label", ["y", "id"])
def test_a_wide_file_gives_what_a_narrow_one_gives(tmp_path: Path, label: str) -> None:
    """A label or identifier that changes its form far down is one column all the same."""
    rows, width = 3000, 40
    frame = pd.DataFrame(
        {f"c{k}": np.random.RandomState(k).randn(rows).round(3) for k in range(width)}
    )
    number = np.arange(rows) // 3
    frame["id"] = [f"{n:04}" if label == "y" or n < 900 else f"x{n}" for n in number]
    frame["y"] = ["7" if n % 2 else "007" if n < 900 or label == "id" else "z" for n in number]
    specs = []
    for name, columns in (("narrow", ["id", "y", "c0"]), ("wide", list(frame.columns))):
        frame[columns].to_csv(tmp_path / f"{name}.csv", index=False)
        specs.append(f"{tmp_path / name}.csv:sequence=id,target=y,columns=c0")
    narrow, wide = map(tasks.load, specs)
    assert narrow.fingerprint == wide.fingerprint
    assert narrow.classes == wide.classes
    assert set(narrow.classes) == {"007", "7"} | ({"z"} if label == "y" else set())


def test_every_cell_of_a_frame_that_is_none_of_a_table_is_named(tmp_path: Path) -> None:
    """A list as sequence, bytes, objects: one row a step is what is valid."""
    frame: Any = pd.DataFrame({"id": [*"aabbccddeeff"], "y": [0, 0, 1, 1] * 3, "x": [[1, 2]] * 12})
    frame.to_parquet(tmp_path / "a.parquet")
    for column, spec in (("x", "sequence=id,target=y"), ("x", "sequence=id,target=x"),
                         ("x", "sequence=x,target=y")):  # fmt: skip
        complaint = answer(f"{tmp_path / 'a.parquet'}:{spec}")
        assert complaint is not None
        assert f"column '{column}'" in complaint
        assert "row 1 holds" in complaint
