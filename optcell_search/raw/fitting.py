"""From a table and the wishes of a user to the description of its features."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt

from .constant import constant, tell
from .features import MOST_LEVELS, Features, Missing
from .reading import columns, files, sniffing, times

if TYPE_CHECKING:
    import pandas as pd

Scale = Literal["none", "standard"]


def chosen(
    frame: pd.DataFrame,
    wanted: Sequence[str],
    excluded: Sequence[str],
    special: Sequence[str],
    where: str,
) -> list[str]:
    """Return which columns are features: those `wanted`, or all but the excluded and special ones.

    Numbers of rows, as pandas writes them into a text file before all other columns, are none
    unless they are wanted.

    Raises:
        ValueError: a column is not there, or there is none left.
    """
    for option, names in (("columns", wanted), ("exclude", excluded)):
        for name in names:
            if name not in frame.columns:
                raise ValueError(f"{where}: there is no column {name!r} for {option}")
            if option == "columns" and name in special:
                raise ValueError(f"{where}: column {name!r} cannot be a feature, too")
    left_out = {*excluded, *special}
    offered = wanted or [name for name in frame.columns if not files.is_index(frame[name])]
    names = [name for name in offered if name not in left_out]
    if not names or frame.empty:
        raise ValueError(f"{where}: there is no feature column, or no row")
    return names


def fit(
    frame: pd.DataFrame,
    names: Sequence[str],
    *,
    train: npt.NDArray[np.int64],
    missing: Missing,
    scale: Scale,
    categories: Sequence[str],
    where: str,
) -> Features:
    """Return how the features are made, means and deviations from the training rows.

    See `fit_and_read`, which gives what the rows hold besides.
    """
    return fit_and_read(
        frame,
        names,
        train=train,
        missing=missing,
        scale=scale,
        categories=categories,
        where=where,
    )[0]


def fit_and_read(
    frame: pd.DataFrame,
    names: Sequence[str],
    *,
    train: npt.NDArray[np.int64],
    missing: Missing,
    scale: Scale,
    categories: Sequence[str],
    where: str,
) -> tuple[Features, columns.Floats]:
    """Return how the features are made, and what `Features.block` gives of the whole table.

    Args:
        frame: the whole table; the levels of categories are all that it has.
        names: columns of the features.
        train: numbers of the training rows.
        missing: see `Features`.
        scale: "standard" brings numbers to mean 0 and deviation 1; "none" takes them as they are.
        categories: columns that are categories whatever they hold; of more than `MOST_LEVELS`
            levels they are embedded.
        where: file, for messages.

    Raises:
        ValueError: a column cannot be a feature; the message names it and the options that decide.
    """
    plain, found = _plain(frame, names, categories, missing, where)
    mean = _means(found[train], plain, where)
    for place, levels in plain.places:
        mean[place] = levels - 1
    places = [plain.first[name] for name in plain.numeric]
    offset, deviation = plain.offset, plain.scale
    unchanging: list[str] = []
    if scale == "standard":
        seen = found[train][:, places]
        spread = np.nanstd(seen, axis=0)
        same = constant(seen, spread)
        unchanging = [plain.numeric[place] for place in np.flatnonzero(same)]
        tell(unchanging, where)
        offset, deviation = (
            tuple(mean[places].tolist()),
            tuple(np.where(same, 1.0, spread).tolist()),
        )
    gone = np.atleast_1d(np.isnan(found).any(0))
    masked = [n for n in names if missing == "mask" and gone[plain.first[n]]]
    described = Features(
        names=plain.names,
        levels=plain.levels,
        offset=offset,
        scale=deviation,
        missing=missing,
        mean=() if missing == "refuse" else tuple(mean.tolist()),
        masked=tuple(masked),
        embedded=plain.embedded,
        truths=columns.truths(frame, plain.numeric),
        constant=tuple(unchanging),
    )
    _check_precision(found, described, where)
    return described, found


def _plain(
    frame: pd.DataFrame,
    names: Sequence[str],
    categories: Sequence[str],
    missing: Missing,
    where: str,
) -> tuple[Features, columns.Floats]:
    """Return the features as they are, and their numbers, NaN where a cell is empty."""

    def described(levels: dict[str, tuple[str, ...]]) -> Features:
        width = len(names) - len(levels)
        plain = (0.0,) * width, (1.0,) * width
        return Features(
            names=tuple(names),
            levels=levels,
            offset=plain[0],
            scale=plain[1],
            missing=missing,
            embedded=tuple(name for name, found in levels.items() if len(found) > MOST_LEVELS),
        )

    if not {*categories} & {*names}:
        try:
            found = columns.block(frame, list(names), where)
        except ValueError:
            pass
        else:
            # Nothing but numbers, as a single look shows; an empty column is refused below.
            if len(found) and not np.isnan(found).all(0).any():
                features = described({})
                features.check_missing(found, where)
                return features, found
    levels = {
        name: _levels(frame[name], name, name in categories, where)
        for name in names
        if name in categories or not _numeric(frame, name, where)
    }
    features = described(levels)
    return features, features.block(frame, where)


def _numeric(frame: pd.DataFrame, name: str, where: str) -> bool:
    place = f"{where}: column {name!r}"
    found = columns.content(frame[name], place)
    if found in ("truth values", "whole numbers", "numbers"):
        return True
    if found == "texts":
        return False
    valid = f"exclude={columns.named(name)} leaves it out"
    if found == "empty":
        raise ValueError(f"{place} has missing values only; valid: {valid}")
    if found == "times":
        raise ValueError(f"{place} holds times; valid: time={columns.named(name)}, or {valid}")
    odd = columns.odd_cell(frame[name])
    raise ValueError(
        f"{place} holds cells of several kinds, {columns.row(odd)} "
        f"{columns.shown(frame[name].iloc[odd])} unlike most; valid: "
        f"categories={columns.named(name)}, or {valid}"
    )


def _levels(column: pd.Series[str], name: str, asked: bool, where: str) -> tuple[str, ...]:
    texts, option = columns.texts(column), columns.named(name)
    found = columns.in_order({text for text in texts if text is not None})
    if asked:
        return tuple(found)
    feature = f"{where}: feature column {name!r} holds"
    odd = columns.odd_text(column)
    if odd is not None:
        usual = "texts" if columns.is_number(str(texts[odd])) else "numbers"
        raise ValueError(
            f"{feature} {usual} and, in {columns.row(odd)}, {columns.shown(texts[odd])}; valid: "
            f"one of both, an empty cell for what is missing, categories={option}, or "
            f"exclude={option}"
        )
    number = sniffing.maybe_number(texts)
    if number is not None:
        raise ValueError(
            f"{feature} {columns.shown(texts[number])} in {columns.row(number)}, which may be a "
            f"number; valid: {sniffing.VALID}, categories={option}, or exclude={option}"
        )
    if not 2 <= len(found) <= MOST_LEVELS:
        first = next(i for i, text in enumerate(texts) if text is not None)
        raise ValueError(
            f"{feature} texts, {len(found)} different ones, {columns.shown(texts[first])} in "
            f"{columns.row(first)} first; valid: numbers, 2 to {MOST_LEVELS} different texts, "
            f"categories={option}, or exclude={option}"
        )
    if times.are_times(found):
        raise ValueError(
            f"{feature} times, such as {columns.shown(found[0])}; valid: time={option}, "
            f"categories={option}, or exclude={option}"
        )
    return tuple(found)


def _means(found: columns.Floats, features: Features, where: str) -> columns.Floats:
    nothing = np.isnan(found).all(0)
    if nothing.any():
        name = features.column_of(int(np.flatnonzero(nothing)[0]))
        raise ValueError(f"{where}: column {name!r} has missing values only in the training part")
    if np.isnan(found).any():
        mean: columns.Floats = np.nanmean(found, axis=0)
        return mean
    return np.asarray(found.mean(0))


def _check_precision(found: columns.Floats, features: Features, where: str) -> None:
    """Refuse numbers so far from 0 that float32 would round their changes off."""
    places = [features.first[name] for name in features.numeric]
    numbers = found[:, places]
    with np.errstate(invalid="ignore"):
        spread = np.nanstd(numbers, axis=0)
        error = np.nanmax(np.abs((numbers - features.offset) / features.scale), axis=0) * 2.0**-24
        changes = ~constant(numbers, spread)
    lost = changes & (error > 1e-2 * spread / np.array(features.scale))
    if lost.any():
        name = features.numeric[int(np.flatnonzero(lost)[0])]
        raise ValueError(
            f"{where}: column {name!r} is so far from 0 that float32 would round its changes off; "
            f"valid: scale=standard, or exclude={columns.named(name)}"
        )
