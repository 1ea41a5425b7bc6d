"""Examples of a user's file in three parts."""

from __future__ import annotations

import numpy as np

from optcell_search.raw import Outputs
from optcell_search.raw.ragged import Stored, flat
from optcell_search.tasks.splitting import Index, split_by_groups, stratified


def divide(
    targets: Stored,
    outputs: Outputs,
    shares: tuple[float, ...],
    where: str,
    groups: Index | None = None,
) -> tuple[Index, ...]:
    """Split whole sequences; classes keep their proportions where there is one per sequence.

    Args:
        targets: of all examples.
        outputs: what they are.
        shares: share of each part but the first, which takes the rest.
        where: file, for the message.
        groups: (examples,) of which none is divided; then there are training, validation and test,
            in fifths, whatever `shares` are.

    Raises:
        ValueError: there are too few examples, of a class or of all.
    """
    strata = np.zeros(len(targets), dtype=np.int64)
    names: tuple[str, ...] = ()
    if outputs.per == "sequence" and outputs.kind == "classes":
        strata, names = flat(targets).numpy().astype(np.int64), outputs.classes
    if groups is not None:
        return split_by_groups(groups, strata, where=where, names=names)
    return stratified(strata, shares, where=where, names=names)
