"""Whether a target belongs to a sequence or to each of its steps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from optcell_search.raw.outputs import Per
from optcell_search.raw.ragged import Ragged
from optcell_search.raw.reading import columns
from optcell_search.tasks.own.targets import Kind
from optcell_search.tasks.splitting import Index

if TYPE_CHECKING:
    import pandas as pd


# Where fewer than one sequence in so many has more than one target, it may be a slip of the pen.
_SELDOM = 10


def per_of(
    targets: Sequence[pd.Series[Any]],
    kind: Kind,
    places: Ragged,
    names: Sequence[str],
    asked: str,
    where: str,
) -> Per:
    """Return whether targets are the same in all rows of each sequence.

    Args:
        targets: columns of the targets.
        kind: what they are.
        places: which row each step comes from, negative: none.
        names: of the sequences.
        asked: the user's option, "auto" or "sequence".
        where: target, for messages.

    Raises:
        ValueError: they change, and the user says that they do not; or the user says nothing, and
            they change in few sequences only, or some of a sequence's rows lack the target that the
            others share.
    """
    rows, starts = places.values.numpy(), places.starts.numpy()
    there = rows >= 0
    partly, first, changes = "", "", np.zeros(len(places), dtype=bool)
    for target in targets:
        code = _codes(target, kind, where)[np.maximum(rows, 0)]
        known = there & (code >= 0)
        highest = np.maximum.reduceat(np.where(known, code, -1), starts)
        lowest = np.minimum.reduceat(np.where(known, code, np.iinfo(np.int64).max), starts)
        changing = np.flatnonzero((highest >= 0) & (highest != lowest))
        if len(changing) and not first:
            place = changing[0]
            own = slice(starts[place], starts[place] + int(places.lengths[place]))
            row = _change(code[own], known[own], rows[own])
            first = f"within sequence {names[place]!r}, first at {row}"
        changes[changing] = True
        gaps = np.flatnonzero(_any(there & ~known, starts) & _any(known, starts))
        if len(gaps) and not partly:
            own = slice(starts[gaps[0]], starts[gaps[0]] + int(places.lengths[gaps[0]]))
            row = columns.row(int(rows[own][there[own] & ~known[own]].min()))
            partly = f"sequence {names[gaps[0]]!r}, first in {row},"
    if first and asked == "sequence":
        raise ValueError(f"{where} changes {first}; valid: per=step")
    if first:
        longer = int((np.add.reduceat(there.astype(np.int64), starts) > 1).sum())
        if changes.sum() * _SELDOM < longer:
            raise ValueError(
                f"{where} changes {first}, and is the same within {longer - int(changes.sum())} of "
                f"{longer} sequences; valid: per=step, or per=sequence once it is the same in each"
            )
        return "step"
    if partly and asked == "auto":
        raise ValueError(
            f"{where} is empty in some rows of {partly} and the same in all "
            "others; valid: per=sequence (one target for all of them) or per=step"
        )
    return "sequence"


def _any(steps: npt.NDArray[np.bool_], starts: Index) -> npt.NDArray[np.bool_]:
    """Return of which sequences any step is true."""
    return np.logical_or.reduceat(steps, starts)


def _codes(target: pd.Series[Any], kind: Kind, where: str) -> npt.NDArray[np.int64]:
    """Return a number for each cell, equal where cells are; −1 where a cell is empty."""
    import pandas as pd

    if kind == "classes":
        values = pd.Series(columns.texts(target), dtype=object)
    else:
        values = pd.Series(columns.numbers(target, where))
    return pd.factorize(values)[0].astype(np.int64)


def _change(code: Index, known: npt.NDArray[np.bool_], rows: Index) -> str:
    inside = np.flatnonzero(known)
    first = inside[int(np.flatnonzero(code[inside] != code[inside[0]])[0])]
    return columns.row(int(rows[first]))
