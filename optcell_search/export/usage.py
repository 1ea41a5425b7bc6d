"""What a package's README tells of its data: files, columns, categories, what is answered."""

from __future__ import annotations

from typing import Any

from ..raw import (
    ArrayPreprocessing,
    Preprocessing,
    SeriesPreprocessing,
    TablePreprocessing,
    TextPreprocessing,
    WindowPreprocessing,
)

_MOST = 20
_FILES = {
    "table": "new.csv",
    "forecast": "new.csv",
    "arrays": "new.npz",
    "series": "new.ts",
    "text": "new.txt",
}


def told(preprocessing: Preprocessing) -> dict[str, Any]:
    """Return what the README's template takes: the facts, a file to predict, columns of answers.

    The file's name is empty where there are no files of such data.
    """
    out = preprocessing.outputs
    names = out.names if out.kind in ("numbers", "labels") else out.classes
    return {
        "facts": _facts(preprocessing),
        "file": _FILES.get(preprocessing.kind, ""),
        "answered": _in_line(out.names),
        "classes": "" if out.kind == "numbers" else _in_line(names),
    }


def _facts(preprocessing: Preprocessing) -> list[tuple[str, str]]:
    """Return (what, how it is) of the raw data that a model takes and of what it answers."""
    return [*_given(preprocessing), *_answered(preprocessing)]


def _given(own: Preprocessing) -> list[tuple[str, str]]:
    if isinstance(own, TextPreprocessing):
        return [("text", f"UTF-8, by {own.unit}; {len(own.outputs.classes)} symbols are known")]
    if isinstance(own, ArrayPreprocessing):
        shape = "sequences, time, " + ", ".join(map(str, own.frame or (own.features,)))
        return [
            ("array x", f"({shape})"),
            ("array lengths", "steps of each sequence; may be absent"),
        ]
    if isinstance(own, SeriesPreprocessing):
        return [("channels", _some(own.features.names)), ("missing values", own.features.missing)]
    if not isinstance(own, TablePreprocessing | WindowPreprocessing):
        return []
    told = []
    if isinstance(own, TablePreprocessing):
        told.append(("sequence", own.layout.sequence))
        time = own.layout.time
    else:
        told.append(("rows needed", f"{own.window}, one a step"))
        time = own.time
    told.append(("time", time or "none: rows are in order"))
    told.append(("columns, in any order", _some(own.features.names)))
    if isinstance(own, WindowPreprocessing) and own.known is not None:
        told.append((f"known {own.horizon} rows ahead", _some(own.known.names)))
    for name, found in own.features.levels.items():
        how = "categories, embedded, of" if name in own.features.embedded else "categories of"
        told.append((f"{how} {name}", _some(found)))
    told.append(("empty cells", own.features.missing))
    return told


def _answered(own: Preprocessing) -> list[tuple[str, str]]:
    out = own.outputs
    told = [("answers", f"{_some(out.names)}; {out.kind}, one for each {out.per}")]
    if out.kind == "classes":
        told.append(("classes", _some(out.classes)))
    return told


def _some(names: tuple[str, ...]) -> str:
    """Return the first names and how many there are."""
    shown = ", ".join(names[:_MOST])
    return shown if len(names) <= _MOST else f"{shown}, … ({len(names)} in all)"


def _in_line(names: tuple[str, ...]) -> str:
    return " ".join(_some(names).split())
