"""Deterministic splits.

All draws come from `numpy.random.RandomState`, whose stream numpy keeps unchanged for good, so a
split is the same on every machine and under every version.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Index = npt.NDArray[np.int64]

TEST_SHARE = 0.2
# A fifth of what the test leaves.
VALIDATION_SHARE = 0.16


def stratified(
    labels: npt.NDArray[np.int64],
    shares: tuple[float, ...],
    *,
    where: str,
    names: Sequence[str] = (),
) -> tuple[Index, ...]:
    """Deal examples into ``len(shares) + 1`` parts, each class in the same proportion.

    Args:
        labels: (examples,) class numbers; all 0 for a split without classes.
        shares: share of all examples that goes to each part but the first, which takes the rest.
            Every part gets at least one example of every class.
        where: what is split, for the error message.
        names: what the classes are called there; empty: by their numbers.

    Returns:
        Sorted example numbers: first the rest, then one array for each share.

    Raises:
        ValueError: a class has fewer examples than there are parts.
    """
    random = np.random.RandomState(0)
    parts: list[list[Index]] = [[] for _ in range(len(shares) + 1)]
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        if len(members) < len(parts):
            called = repr(names[label]) if len(names) else f"number {label}"
            of = f" of class {called}" if len(names) or labels.any() else ""
            # A column of measured numbers, taken for classes, has one example of most of them.
            hint = "; if these are numbers: kind=regression" if len(names) else ""
            raise ValueError(
                f"{where}: too few examples{of} to split: {len(members)}, "
                f"needed are at least {len(parts)}{hint}"
            )
        members = random.permutation(members)
        end = len(members)
        for part, share in zip(parts[1:], shares, strict=True):
            start = end - max(1, round(share * len(members)))
            part.append(members[start:end])
            end = start
        parts[0].append(members[:end])
    return tuple(np.sort(np.concatenate(part)).astype(np.int64) for part in parts)
