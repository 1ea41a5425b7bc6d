"""Reading a table, whatever file it stands in: CSV, Parquet, Feather, an Excel sheet."""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import zlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from . import sniffing, times
from .columns import content

if TYPE_CHECKING:
    import pandas as pd

TEXT = (".csv", ".csv.gz", ".tsv", ".tsv.gz")
PARQUET, ARROW, EXCEL = (".parquet",), (".feather", ".arrow"), (".xlsx",)
SUFFIXES = (*TEXT, *PARQUET, *ARROW, *EXCEL)
_SEPARATORS = {"comma": ",", "semicolon": ";", "tab": "\t", "bar": "|", "space": " "}
_DECIMALS = {"point": ".", "comma": ","}
_DAMAGES = (OSError, EOFError, ValueError, KeyError, MemoryError, zlib.error)


@dataclass(frozen=True, kw_only=True)
class Form:
    """How a table is written, as far as its file does not say itself.

    Args:
        sep: separator of a text table: comma, semicolon, tab, bar, space or any one character;
            empty: found out.
        decimal: decimal sign, point or comma; empty: found out.
        encoding: of a text table.
        sheet: of an Excel file; empty: its only one.
    """

    sep: str = ""
    decimal: str = ""
    encoding: str = "utf-8"
    sheet: str = ""

    def __post_init__(self) -> None:
        if len(self.sep) > 1 and self.sep not in _SEPARATORS:
            raise ValueError(
                f"sep = {self.sep!r}; valid: {', '.join(_SEPARATORS)} or a single character"
            )
        if self.decimal and self.decimal not in (*_DECIMALS, *_DECIMALS.values()):
            raise ValueError(f"decimal = {self.decimal!r}; valid: point or comma")
        try:
            known = codecs.lookup(self.encoding)._is_text_encoding
        except (LookupError, ValueError):
            known = False
        if not known:
            raise ValueError(
                f"encoding = {self.encoding!r} is unknown; valid: utf-8, utf-16, latin-1, cp1252 …"
            )

    def otherwise(self, how: Mapping[str, object]) -> tuple[Form, times.DayFirst | None]:
        """Return the form with what is said of a file, and which of day and month is first.

        Args:
            how: see `raw.base.How`.

        Raises:
            ValueError: an option is unknown or not valid.
        """
        names = [field.name for field in fields(self)]
        for name in how:
            if name not in (*names, "day_first"):
                raise ValueError(f"{name}: no such option; valid: {', '.join(names)}, day_first")
        days = how.get("day_first")
        if days not in (None, "auto", "yes", "no"):
            raise ValueError(f"day_first = {days!r}; valid: auto, yes or no")
        told = {name: value for name, value in how.items() if name != "day_first"}
        return replace(self, **cast(dict[str, Any], told)), days

    def to_dict(self) -> dict[str, Any]:
        """Return the form as plain data, as ``Form(**data)`` takes it."""
        return asdict(self)


def suffix_of(path: str) -> str:
    """Return which of `SUFFIXES` a path ends in, or an empty text."""
    fits = [suffix for suffix in SUFFIXES if path.lower().endswith(suffix)]
    return max(fits, key=len, default="")


def read(
    path: Path, form: Form, kept: Collection[str] = (), numbers: Collection[str] | None = None
) -> pd.DataFrame:
    """Read a table; cells of a text file stay texts, an empty one is None.

    Named levels of an index are columns. Without a name, an index that only counts rows is none.

    Args:
        path: the file; its suffix says what it is.
        form: how it is written.
        kept: columns of names and not of numbers, in which a comma is no decimal sign.
        numbers: columns that numbers are asked of, by which alone the decimal sign is told and
            what is in doubt is refused. None: all that are not kept.

    Raises:
        ValueError: the file cannot be read; the message names it, and the first row at fault.
    """
    suffix = suffix_of(str(path))
    if not suffix:
        raise ValueError(f"{path}: no table, by its name; valid: a file {', '.join(SUFFIXES)}")
    if suffix in TEXT:
        return _read_text(path, form, kept, numbers)
    try:
        frame = _read_typed(path, suffix, form)
    except ImportError:
        package = "openpyxl" if suffix in EXCEL else "pyarrow"
        raise ValueError(
            f"{path}: reading {suffix} needs {package}: pip install {package}"
        ) from None
    except Exception as error:
        if not _is_damage(error):
            raise
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise ValueError(f"{path}: not a readable {suffix} file: {reason}") from None
    return checked(frame, str(path))


def checked(frame: pd.DataFrame, where: str) -> pd.DataFrame:
    """Return a frame, a user's own or a file's, with its index as columns and each name once.

    Raises:
        ValueError: two columns have one name, or it is no frame.
    """
    import pandas as pd

    if not isinstance(frame, pd.DataFrame):
        raise ValueError(
            f"{where}: a {type(frame).__name__}; valid: a frame of pandas, or the path of a table"
        )
    counted = frame.index.nlevels == 1 and frame.index.name is None
    if not counted or frame.index.dtype.kind not in "iu":
        frame = frame.reset_index()
    else:
        frame = frame.reset_index(drop=True)
    frame.columns = frame.columns.map(str)
    _check_names(list(frame.columns), where)
    return frame


def is_index(column: pd.Series[Any]) -> bool:
    """Return whether a column is what pandas writes before a table: nameless numbers of rows."""
    # They repeat where several tables have been put together.
    return column.name == _names([""])[0] and content(column, "index") == "whole numbers"


def _check_names(names: list[str], where: str) -> None:
    seen: set[str] = set()
    for number, name in enumerate(names):
        if name in seen:
            raise ValueError(
                f"{where}: two columns are called {name!r}, the second is column {number + 1}; "
                "valid: a name of its own for each"
            )
        if "\0" in name:
            raise ValueError(
                f"{where}: the name of column {number + 1} holds a NUL, as of a binary file or of "
                "utf-16; valid: a table of text, or encoding=NAME"
            )
        seen.add(name)


def _names(written: Sequence[Any]) -> list[str]:
    """Return the names of columns; one without is called what pandas calls it."""
    return [str(name) or f"Unnamed: {number}" for number, name in enumerate(written)]


def _read_typed(path: Path, suffix: str, form: Form) -> pd.DataFrame:
    import pandas as pd

    if suffix in PARQUET:
        return pd.read_parquet(path)
    if suffix in ARROW:
        return pd.read_feather(path)
    with pd.ExcelFile(path) as book:
        sheets = [str(name) for name in book.sheet_names]
        if form.sheet not in sheets and (form.sheet or len(sheets) != 1):
            said = f"no sheet {form.sheet!r}" if form.sheet else "more than one sheet"
            raise ValueError(f"{said}; valid: sheet=NAME, one of {', '.join(sheets)}")
        # Without a header: pandas would call a second column of one name otherwise, unasked.
        cells = book.parse(
            form.sheet or sheets[0],
            header=None,
            dtype=object,
            keep_default_na=False,
            na_values=[""],
        )
    if cells.empty:
        return cells
    cells.columns = pd.Index(_names(["" if pd.isna(name) else name for name in cells.iloc[0]]))
    return cells.iloc[1:].reset_index(drop=True)


def _is_damage(error: Exception) -> bool:
    """Say whether a reader's error is about the file: libraries raise classes of their own."""
    home = type(error).__module__.partition(".")[0]
    return isinstance(error, _DAMAGES) or home in {"pyarrow", "zipfile", "openpyxl", "xml"}


def _read_text(
    path: Path, form: Form, kept: Collection[str], numbers: Collection[str] | None
) -> pd.DataFrame:
    import pandas as pd

    text = _decoded(path, form.encoding)
    sep = _SEPARATORS.get(form.sep, form.sep) or sniffing.separator(text, str(path))
    lines = _cells(path, text, sep)
    if not lines or not any(lines[0]):
        raise ValueError(f"{path}: empty; valid: a line of column names, then a line for each row")
    names = _names(lines[0])
    rows = lines[1:]
    _check_names(names, str(path))
    decimal = _DECIMALS.get(form.decimal, form.decimal)
    places = [place for place, name in enumerate(names) if name not in kept]
    asked = places if numbers is None else [p for p in places if names[p] in numbers]
    if (decimal or sniffing.decimal_sign(rows, asked, sep, str(path))) == ",":
        for place in asked:
            sniffing.refuse_thousands([row[place] for row in rows], names[place], str(path))
        for row in rows:
            for place in places:
                row[place] = _with_point(row[place])
    cells = np.empty((len(rows), len(names)), dtype=object)
    for number, row in enumerate(rows):
        cells[number] = [cell or None for cell in row]
    return pd.DataFrame(cells, columns=pd.Index(names, dtype=object), dtype=object)


def _decoded(path: Path, encoding: str) -> str:
    try:
        content = path.read_bytes()
        if path.name.lower().endswith(".gz"):
            content = gzip.decompress(content)
    except (OSError, EOFError, zlib.error) as error:
        raise ValueError(f"{path}: not a readable file: {error}") from None
    try:
        return codecs.decode(content, encoding).removeprefix("\ufeff")
    except UnicodeError as error:
        at = f" at byte {error.start}" if isinstance(error, UnicodeDecodeError) else ""
        raise ValueError(
            f"{path}: not a readable text file, no {encoding}{at}; valid: encoding=NAME, "
            "such as latin-1, cp1252 or utf-16"
        ) from None


def _cells(path: Path, text: str, sep: str) -> list[list[str]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=sep, strict=True)
    lines: list[list[str]] = []
    try:
        for line in reader:
            # A line with nothing on it is no row, as for pandas, unless there is one column only:
            # there it is an empty cell, if others follow.
            if not line and not (lines and len(lines[0]) == 1):
                continue
            if line and lines and len(line) != len(lines[0]):
                raise ValueError(
                    f"{path}: line {reader.line_num} has {len(line)} cells, "
                    f"but there are {len(lines[0])} columns"
                )
            lines.append(line)
    except csv.Error as error:
        raise ValueError(f"{path}: not a readable table: line {reader.line_num}: {error}") from None
    while lines and not lines[-1]:
        lines.pop()
    return [line or [""] for line in lines]


def _with_point(cell: str) -> str:
    """Return a number with a decimal comma as one with a point, anything else as it is."""
    number = sniffing.DECIMAL_COMMA.fullmatch(cell) if "," in cell else None
    return f"{number[1]}.{number[2]}" if number else cell
