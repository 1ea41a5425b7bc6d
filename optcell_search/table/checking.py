"""Whether the rows of a table are what training gives: one look at all of them as it is loaded."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from ..ledger.typed import short
from .curves import Counts, Curves
from .schema import CURVES

# All trainings may come one after the other, on a clock that ends with the year 9999.
_MOST_SECONDS = 1e11
# Which rows have a fault, and what is to be said of one of them.
_Fault = tuple[np.ndarray[Any, np.dtype[np.bool_]], Callable[[int], str]]


def check_rows(
    curves: Mapping[str, Mapping[str, Curves]],
    reasons: Sequence[str],
    epochs: int,
    needed: Collection[str],
    where: Callable[[int], str],
) -> None:
    """Raise a ValueError for the first row that no training has given.

    Args:
        curves: ``validation``, ``train`` or ``seconds`` → name → lists, one a row.
        reasons: why the training of each row failed; empty where it did not.
        epochs: for how many the table's candidates were trained.
        needed: columns that no row is without; others are for some candidates alone.
        where: from the number of a row to the file, and what the row is of.
    """
    for wrong, said in _faults(curves, reasons, epochs, needed):
        if wrong.any():
            row = int(wrong.argmax())
            raise ValueError(f"{where(row)}: {said(row)}")


def _faults(
    curves: Mapping[str, Mapping[str, Curves]],
    reasons: Sequence[str],
    epochs: int,
    needed: Collection[str],
) -> Iterator[_Fault]:
    failed = np.array([bool(reason) for reason in reasons])
    trained = curves["validation"]["epoch"].lengths
    whole = f"{epochs} without a reason why it failed, or fewer with one"
    yield (
        (trained > epochs) | ((trained < epochs) != failed),
        lambda row: f"{trained[row]} epochs, reason = {short(reasons[row])}; valid: {whole}",
    )
    for part in CURVES:
        for name, one in curves[part].items():
            column = f"{part}.{name}"
            absent = (one.lengths == 0) & (column not in needed)
            yield (one.lengths != trained) & ~absent, _length(column, one, trained)
    seconds, ends = curves["seconds"][""], trained + failed
    yield (
        seconds.lengths != ends,
        lambda row: (
            f"{seconds.lengths[row]} seconds; valid: {ends[row]}, the end of each epoch"
            f"{' and that of the failure' if failed[row] else ''}"
        ),
    )
    yield (
        ~seconds.rise,
        lambda row: (
            f"seconds = {short(seconds.all(row))}; valid: finite, from 0 on, never going back"
        ),
    )
    most = _MOST_SECONDS / len(reasons)
    yield (
        seconds.last > most,
        lambda row: f"seconds = {short(seconds.all(row))}; valid: up to {most:g}",
    )


def _length(column: str, one: Curves, trained: Counts) -> Callable[[int], str]:
    return lambda row: (
        f"{column} has {one.lengths[row]} numbers; valid: {trained[row]}, one an epoch"
    )
