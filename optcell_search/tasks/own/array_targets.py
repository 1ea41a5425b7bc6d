"""What an array of targets holds, and whether that can be understood in two ways."""

from __future__ import annotations

import numpy as np

from optcell_search.raw.outputs import IGNORED, Per
from optcell_search.raw.reading.columns import Content
from optcell_search.raw.reading.npz import Array


def refuse_doubt(y: Array, per: Per, where: str) -> None:
    """Refuse numbers that are whole beside a mark: an array has no other way to leave a class out.

    Marks are NaN, and where there is a target per step -100.
    """
    there = ~np.isnan(y)
    marked = ~there | (y == IGNORED if per == "step" else False)
    with np.errstate(invalid="ignore"):
        whole = (y[there] % 1 == 0).all()
    if marked.any() and there.any() and whole:
        mark = "NaN" if not there.all() else str(IGNORED)
        raise ValueError(
            f"{where} holds whole numbers and {mark}; valid: kind=classification or kind=regression"
        )


def content_of(y: Array, where: str) -> Content:
    """Return what an array of targets holds, judged by its type."""
    if y.dtype.kind not in "buifU":
        raise ValueError(f"{where}: y has type {y.dtype}, valid: numbers or texts")
    kinds: dict[str, Content] = {"U": "texts", "b": "truth values", "f": "numbers"}
    return kinds.get(y.dtype.kind, "whole numbers")
