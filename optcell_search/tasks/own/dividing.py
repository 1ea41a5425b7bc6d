"""Examples of a user's file in three parts."""

from __future__ import annotations

import numpy as np
from torch import Tensor

from optcell_search.raw import Outputs
from optcell_search.tasks.splitting import Index, stratified


def divide(
    targets: Tensor, outputs: Outputs, shares: tuple[float, ...], where: str
) -> tuple[Index, ...]:
    """Split whole sequences; classes keep their proportions where there is one per sequence.

    Args:
        targets: of all examples.
        outputs: what they are.
        shares: share of each part but the first, which takes the rest.
        where: file, for the message.

    Raises:
        ValueError: there are too few examples, of a class or of all.
    """
    strata = np.zeros(len(targets), dtype=np.int64)
    names: tuple[str, ...] = ()
    if outputs.per == "sequence" and outputs.kind == "classes":
        strata, names = targets.numpy().astype(np.int64), outputs.classes
    return stratified(strata, shares, where=where, names=names)
