"""Sequences that belong together, such as all of one patient, and stay in one part of the data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from optcell_search.raw.ragged import Ragged
from optcell_search.raw.reading import columns
from optcell_search.tasks.splitting import Index

if TYPE_CHECKING:
    import pandas as pd


def groups_of(column: pd.Series[Any], places: Ragged, names: Sequence[str], where: str) -> Index:
    """Return the number of the group that each sequence belongs to, (sequences,).

    Args:
        column: what the groups are called, in each row of the table.
        places: which row each step comes from, negative: none.
        names: of the sequences.
        where: file and column, for messages.

    Raises:
        ValueError: a cell is empty, or a sequence belongs to two groups.
    """
    columns.content(column, where)
    called = columns.texts(column)
    if None in called:
        raise ValueError(f"{where}: empty in {columns.row(called.index(None))}; valid: a group")
    _, code = np.unique(np.array(called, dtype=object).astype(str), return_inverse=True)
    rows, starts = places.values.numpy(), places.starts.numpy()
    owner = np.repeat(np.arange(len(places)), places.lengths.numpy())
    # The first step of a sequence is a row of the table: what is filled in lies between two.
    groups: Index = code[rows[starts]].astype(np.int64)
    torn = np.flatnonzero((rows >= 0) & (code[np.maximum(rows, 0)] != groups[owner]))
    if len(torn):
        number = owner[torn[0]]
        first, second = int(rows[starts[number]]), int(rows[torn[0]])
        raise ValueError(
            f"{where}: sequence {names[number]!r} belongs to {columns.shown(called[first])} in "
            f"{columns.row(first)} and to {columns.shown(called[second])} in {columns.row(second)}"
        )
    return groups
