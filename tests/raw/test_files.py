"""Tables as they are written: separators, decimal signs, encodings, typed files."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from optcell_search.raw.fitting import chosen
from optcell_search.raw.reading.files import SUFFIXES, Form, read


def write(folder: Path, content: str | bytes, name: str = "a.csv") -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def cells(folder: Path, content: str | bytes, name: str = "a.csv", **form: str) -> list[list[str]]:
    frame = read(write(folder, content, name), Form(**form))
    return [list(frame.columns), *frame.to_numpy().tolist()]


EXPECTED = [["a", "b"], ["1.5", "x,y"], ["-2.25", None]]


@pytest.mark.parametrize(
    ("content", "form"),
    [
        ('a,b\n1.5,"x,y"\n-2.25,\n', {}),
        ('a,b\r\n1.5,"x,y"\r\n-2.25,\r\n', {}),
        ("a;b\n1,5;x,y\n-2,25;\n", {}),
        ("a\tb\n1.5\tx,y\n-2.25\t\n", {}),
        ("a|b\n1.5|x,y\n-2.25|\n", {"sep": "bar"}),
        ("\ufeffa;b\n1.5;x,y\n-2.25;\n", {"sep": ";"}),
        ("a;b\n1.5;x,y\n-2.25;\n".encode("utf-16"), {"encoding": "utf-16"}),
    ],
)
def test_separator_and_decimal_sign_are_found(
    tmp_path: Path, content: str | bytes, form: dict[str, str]
) -> None:
    assert cells(tmp_path, content, **form) == EXPECTED


def test_the_decimal_sign_is_that_of_numbers_and_not_of_names(tmp_path: Path) -> None:
    path = write(tmp_path, "id;a\n1.5;2,5\n2,5;3,75\n", "a.csv")
    assert read(path, Form(), kept=["id"]).to_numpy().tolist() == [["1.5", "2.5"], ["2,5", "3.75"]]
    path = write(tmp_path, "id;a\n1,500;2\n", "a.csv")
    assert read(path, Form(), kept=["id"]).to_numpy().tolist() == [["1,500", "2"]]


def test_of_both_decimal_signs_in_one_file_those_of_numbers_count(tmp_path: Path) -> None:
    path = write(tmp_path, "id;fw;temp\na;2.1;20,5\nb;2.1;21\n")
    for told in (
        read(path, Form(decimal="comma")),
        read(path, Form(), kept=["id", "fw"]),
        read(path, Form(), numbers=["temp"]),
    ):
        assert told.to_numpy().tolist() == [["a", "2.1", "20.5"], ["b", "2.1", "21"]]
    # Where nobody can tell, what has a comma stays a text, which no column of numbers takes.
    assert read(path, Form())["temp"].tolist() == ["20,5", "21"]


def test_cells_stay_as_they_are_written(tmp_path: Path) -> None:
    content = "id,label\n007,NA\n7,None\n 7,null\n1e3,\n"
    assert cells(tmp_path, content) == [
        ["id", "label"], ["007", "NA"], ["7", "None"], [" 7", "null"], ["1e3", None],
    ]  # fmt: skip


def test_encoding_and_compression(tmp_path: Path) -> None:
    assert cells(tmp_path, "é\nß\n".encode("latin-1"), encoding="latin-1") == [["é"], ["ß"]]
    with pytest.raises(ValueError, match=r"a\.csv: .* no utf-8 at byte 0; valid: encoding=NAME"):
        cells(tmp_path, "é\nß\n".encode("latin-1"))
    packed = gzip.compress(b"a,b\n1,2\n")
    assert cells(tmp_path, packed, "a.csv.gz") == [["a", "b"], ["1", "2"]]
    with pytest.raises(ValueError, match=r"a\.csv\.gz: not a readable file"):
        cells(tmp_path, packed[:-9], "a.csv.gz")


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("", "empty"),
        ("a,b\n1,2\n1,2,3\n", "line 3 has 3 cells, but there are 2 columns"),
        ("a,b\n1\n", "line 2 has 1 cells, but there are 2 columns"),
        ("\0\1\2\0", "column 1 holds a NUL, as of a binary file"),
        ("a,a\n1,2\n", "two columns are called 'a', the second is column 2"),
        ('a,b\n"1,2\n', "not a readable table: line 2"),
        ("a,b;c\n1,2;4\n", "more than one separator fits; valid: sep=comma or sep=semicolon"),
        ("a;b\n1,234;x\n", "'1,234' may be a decimal number or thousands; valid: decimal=comma"),
    ],
)
def test_what_is_no_table_is_refused(tmp_path: Path, content: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint) as caught:
        cells(tmp_path, content)
    assert "a.csv" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_form_that_is_said_decides(tmp_path: Path) -> None:
    assert cells(tmp_path, "a;b\n1,234;x\n", decimal="comma")[1] == ["1.234", "x"]
    assert cells(tmp_path, "a;b\n1,234;x\n", decimal="point")[1] == ["1,234", "x"]
    for form, valid in (
        ({"sep": "dots"}, "comma, semicolon, tab"),
        ({"decimal": "x"}, "point or comma"),
        ({"encoding": "nonsense"}, "utf-8"),
        ({"encoding": "base64"}, "utf-8"),
    ):
        with pytest.raises(ValueError, match=valid):
            Form(**form)


def test_points_that_may_mark_thousands_are_refused_beside_decimal_commas(tmp_path: Path) -> None:
    """Of 1,234 people there would be 1.234; as the mirror, 1,234 beside 0.5, is refused."""
    for pop in ("1.234", "1.234,5", "-1.234.567"):
        content = f"a;pop\n0,5;999\n0,7;{pop}\n"
        with pytest.raises(ValueError, match=r"'pop' .* row 2, whose point may .*exclude=pop"):
            cells(tmp_path, content, decimal="comma")
        path = tmp_path / "a.csv"
        assert read(path, Form(decimal="comma"), kept=["pop"])["pop"].tolist() == ["999", pop]
        assert read(path, Form(decimal="comma"), numbers=["a"])["pop"].tolist() == ["999", pop]
    # Where one point can mark no thousands, none does.
    assert cells(tmp_path, "a;b\n0,5;1.234\n0,7;2.5\n", decimal="comma")[1:] == [
        ["0.5", "1.234"], ["0.7", "2.5"],
    ]  # fmt: skip


def test_a_decimal_comma_is_read_in_each_form_that_a_number_has(tmp_path: Path) -> None:
    assert cells(tmp_path, "a;b\n0,125;x\n-0,250;y\n")[1:] == [["0.125", "x"], ["-0.250", "y"]]
    found = cells(tmp_path, "a;b\n,5;x,5\n+1,5e3;1,5,2\n -2,5E-1 ;\n")
    assert found[1:] == [[".5", "x,5"], ["+1.5e3", "1,5,2"], [" -2.5E-1 ", None]]


def test_typed_files_keep_their_named_index_and_refuse_what_is_none(tmp_path: Path) -> None:
    frame = pd.DataFrame({"x": [1.0, 2.0]}, index=pd.Index([5, 6], name="who"))
    frame.to_parquet(tmp_path / "a.parquet")
    assert list(read(tmp_path / "a.parquet", Form()).columns) == ["who", "x"]
    frame.reset_index().to_feather(tmp_path / "a.feather")
    assert read(tmp_path / "a.feather", Form())["who"].tolist() == [5, 6]
    pd.DataFrame({"x": [1.0, 2.0]}, index=[1, 0]).to_parquet(tmp_path / "b.parquet")
    assert list(read(tmp_path / "b.parquet", Form()).columns) == ["x"]
    for suffix in SUFFIXES:
        path = write(tmp_path, b"PAR1 no such file", f"bad{suffix}")
        if ".csv" in suffix or ".tsv" in suffix:
            continue
        with pytest.raises(ValueError, match=f"bad{suffix}: not a readable") as caught:
            read(path, Form())
        assert "\n" not in str(caught.value)


def test_a_sheet_is_chosen_by_its_name(tmp_path: Path) -> None:
    pytest.importorskip("openpyxl", reason="openpyxl is an optional extra")
    path = tmp_path / "a.xlsx"
    with pd.ExcelWriter(path) as book:
        pd.DataFrame({"id": ["007"], "x": [1.5]}).to_excel(book, sheet_name="one", index=False)
        pd.DataFrame({"id": ["7"], "x": [None]}).to_excel(book, sheet_name="two", index=False)
    with pytest.raises(ValueError, match="more than one sheet; valid: sheet=NAME, one of one, two"):
        read(path, Form())
    assert read(path, Form(sheet="one")).to_numpy().tolist() == [["007", 1.5]]
    assert read(path, Form(sheet="two"))["x"].isna().all()


def test_a_blank_line_is_an_empty_cell_where_there_is_one_column(tmp_path: Path) -> None:
    assert cells(tmp_path, "\na\n1\n\n2\n\n\n") == [["a"], ["1"], [None], ["2"]]
    assert cells(tmp_path, 'a\n1\n""\n\n') == [["a"], ["1"], [None]]
    assert cells(tmp_path, "a,b\n1,2\n\n3,4\n\n") == [["a", "b"], ["1", "2"], ["3", "4"]]


def test_two_columns_of_one_name_are_refused_in_a_sheet_too(tmp_path: Path) -> None:
    pytest.importorskip("openpyxl", reason="openpyxl is an optional extra")
    path = tmp_path / "a.xlsx"
    pd.DataFrame([["a", "b", "a"], [1, 2, 3]]).to_excel(path, header=False, index=False)
    with pytest.raises(ValueError, match="two columns are called 'a', the second is column 3"):
        read(path, Form())
    pd.DataFrame([["a", None, 2020], [1, "x", None]]).to_excel(path, header=False, index=False)
    frame = read(path, Form())
    assert list(frame.columns) == ["a", "Unnamed: 1", "2020"]
    assert frame.iloc[0].tolist()[:2] == [1, "x"]
    assert frame["2020"].isna().all()
    pd.DataFrame().to_excel(path, index=False)
    assert read(path, Form()).empty


@pytest.mark.parametrize("rows", [[0, 1, 2], [7, 3, 5], [0, 1, 0], ["a", "b", "c"], [0.5, 1, 2]])
def test_numbers_of_rows_that_pandas_writes_are_no_feature_unasked(
    tmp_path: Path, rows: list[Any]
) -> None:
    path = tmp_path / "a.csv"
    pd.DataFrame({"x": [1.5, 2.5, 3.5]}, index=rows).to_csv(path)
    frame = read(path, Form())
    unasked = chosen(frame, [], [], [], "a.csv")
    whole = all(isinstance(row, int) for row in rows)
    assert unasked == (["x"] if whole else ["Unnamed: 0", "x"])
    assert chosen(frame, ["Unnamed: 0"], [], [], "a.csv") == ["Unnamed: 0"]
