"""Deterministic splits.

All draws come from `numpy.random.RandomState`, whose stream numpy keeps unchanged for good, so a
split is the same on every machine and under every version. Groups are dealt out by scikit-learn,
from such a stream; another version of it may deal them otherwise.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Index = npt.NDArray[np.int64]

TEST_SHARE = 0.2
# A fifth of what the test leaves.
VALIDATION_SHARE = 0.16
_FIFTHS = 5


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


def grouped(groups: Index, labels: Index, folds: int, seed: int) -> Index:
    """Return the fold of each example: those of a group in one, classes nearly in proportion.

    Args:
        groups: (examples,) group numbers.
        labels: (examples,) class numbers; all 0 for examples without classes.
        folds: how many, 2 to `most_folds`.
        seed: of the dealing.
    """
    from sklearn.model_selection import StratifiedGroupKFold

    random = np.random.RandomState(seed % 2**32)
    dealing = StratifiedGroupKFold(folds, shuffle=True, random_state=random)
    dealt = np.empty(len(groups), dtype=np.int64)
    with warnings.catch_warnings():
        # That a class has fewer examples than folds: there may be many folds and few of a class.
        warnings.simplefilter("ignore", UserWarning)
        for number, (_, members) in enumerate(dealing.split(labels, labels, groups)):
            dealt[members] = number
    return dealt


def most_folds(groups: Index, labels: Index) -> int:
    """Return into how many folds `grouped` can deal: of as many groups, and one class's examples.

    Of classes that all have fewer examples than folds none could be in proportion.
    """
    _, counts = np.unique(labels, return_counts=True)
    return min(len(np.unique(groups)), int(counts.max()))


def split_by_groups(
    groups: Index, labels: Index, *, where: str, names: Sequence[str] = ()
) -> tuple[Index, Index, Index]:
    """Return training, validation and test examples, no group in two of them.

    A fifth is for the test, and a fifth of what that leaves for validation, as nearly as groups
    allow; more where no class has five examples.

    Args:
        groups: (examples,) group numbers.
        labels: (examples,) class numbers; all 0 for examples without classes.
        where: what is split, for the error message.
        names: what the classes are called there; empty: by their numbers.

    Raises:
        ValueError: there are fewer than three groups, or a class is missing in a part.
    """
    different = len(np.unique(groups))
    if different < 3:
        raise ValueError(f"{where}: too few groups to split: {different}, needed are at least 3")
    test = _fifth(groups, labels)
    rest = np.flatnonzero(~test)
    held = _fifth(groups[rest], labels[rest])
    parts = rest[~held], rest[held], np.flatnonzero(test)
    for part, called in zip(parts, ("training", "validation", "test"), strict=True):
        lacking = np.setdiff1d(labels, labels[part])
        if len(lacking):
            name = repr(names[lacking[0]]) if len(names) else f"number {lacking[0]}"
            raise ValueError(
                f"{where}: class {name} is missing in the {called} part: its examples are in "
                f"{len(np.unique(groups[labels == lacking[0]]))} of {different} groups"
            )
    return parts


def _fifth(groups: Index, labels: Index) -> npt.NDArray[np.bool_]:
    """Return which examples are set aside; none where every class has a single one."""
    aside = np.zeros(len(groups), dtype=np.bool_)
    folds = min(_FIFTHS, most_folds(groups, labels))
    if folds > 1:
        aside[grouped(groups, labels, folds, 0) == 0] = True
    return aside
