"""What targets are: classes, labels or numbers, as the user says or as the whole column shows."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch
from torch import Tensor

from optcell_search.raw import Outputs
from optcell_search.raw.outputs import IGNORED, MARKS, Per
from optcell_search.raw.reading.columns import (
    Content,
    is_number,
    named,
    odd_text,
    row,
    shown,
    texts,
)
from optcell_search.raw.reading.sniffing import VALID, maybe_number
from optcell_search.tasks.goals import Classification, Goal, Labels, Regression

if TYPE_CHECKING:
    import pandas as pd

Kind = Literal["classes", "labels", "numbers"]
# Whole numbers that are classes are of no more kinds, or of each there are at least so many.
_MANY, _RARE = 20, 5
# Texts that say, beside numbers, that there is none: #N/A, <NA>, -nan, 1.#IND, ?, - and others.
_GONE = re.compile(r"[-+<]?(nan?|nat|n/a|null|none|missing)>?|.*#.*|\W+", re.IGNORECASE)
_NUMERIC = ("truth values", "whole numbers", "numbers")


def decide(
    kind: str, contents: Sequence[Content], where: str, cells: Sequence[pd.Series[Any]] = ()
) -> Kind:
    """Return what the targets are.

    Args:
        kind: the user's option.
        contents: what each column of targets holds.
        where: what holds them, for messages.
        cells: the columns themselves, of which messages name the first row at fault.

    Raises:
        ValueError: they are not what the user says, or nobody can tell; the message says which
            option decides.
    """
    held = " and ".join(dict.fromkeys(contents))
    if "empty" in contents or "times" in contents:
        raise ValueError(f"{where} holds {held}, which cannot be predicted")
    numeric = all(content in _NUMERIC for content in contents)
    if kind == "regression":
        if not numeric:
            raise ValueError(
                f"{where} holds {held}{_first(cells)}, which cannot be predicted as numbers"
            )
        return "numbers"
    if kind == "multilabel":
        if not numeric:
            raise ValueError(
                f"{where} holds {held}{_first(cells)}; valid for kind=multilabel: 0 and 1"
            )
        return "labels"
    if len(contents) == 1:
        if kind == "classification":
            return "classes"
        if contents[0] == "mixed":
            raise ValueError(
                f"{where} holds numbers and texts{_first(cells)}; valid: kind=classification, or "
                "one of both"
            )
        return "numbers" if contents[0] == "numbers" else "classes"
    if kind == "classification":
        raise ValueError(
            f"{where}: several columns are no one class; valid: one column, or kind=multilabel"
        )
    if "numbers" in contents and numeric:
        return "numbers"
    raise ValueError(
        f"{where}: several columns of {held}{_first(cells)}; valid: kind=regression predicts them "
        "as numbers, kind=multilabel each as there or not"
    )


def refuse_doubt(columns: Sequence[pd.Series[Any]], where: str) -> None:
    """Refuse floating-point numbers that are whole, beside missing ones: numbers, or classes?

    A file of typed columns has no other way to leave a whole number out.
    """
    for column in columns:
        if column.dtype.kind != "f":
            continue
        missing = column.isna() | (column == IGNORED)
        if missing.any() and (column.dropna() % 1 == 0).all():
            raise ValueError(
                f"{where} holds whole numbers, some of them missing or {IGNORED}; valid: "
                "kind=classification or kind=regression"
            )


def _first(cells: Sequence[pd.Series[Any]]) -> str:
    """Return the first cell that is no number, for a message, or nothing."""
    for column in cells:
        for place, text in enumerate(texts(column)):
            if text is not None and not is_number(text):
                return f" ({shown(text)} in {row(place)} of column {str(column.name)!r})"
    return ""


def refuse_mixture(column: pd.Series[Any], where: str) -> None:
    """Refuse texts some of which may be numbers with decimals, or missing: a slip, or classes?"""
    number = maybe_number(texts(column))
    if number is not None:
        raise ValueError(
            f"{where} holds {shown(column.iloc[number])} in {row(number)}, which may be a number; "
            f"valid: {VALID}, or kind=classification"
        )
    odd = odd_text(column)
    if odd is None:
        return
    written = [text or "" for text in texts(column)]
    gone = [place for place, text in enumerate(written) if _GONE.fullmatch(text.strip())]
    if gone or any(float(text) % 1 != 0 for text in written if is_number(text)):
        first = gone[0] if gone else odd
        raise ValueError(
            f"{where} holds numbers and texts, {shown(column.iloc[first])} in {row(first)}; valid: "
            "kind=classification, or one of both, an empty cell for what is missing"
        )


def refuse_many(classes: int, targets: int, where: str, kinds: str = "whole numbers") -> None:
    """Refuse whole numbers of many kinds, few of each: numbers, such as ages, or classes?

    Args:
        classes: how many different ones there are.
        targets: how many targets there are.
        where: what holds them, for the message.
        kinds: what they are, for the message.
    """
    if classes > _MANY and targets < _RARE * classes:
        raise ValueError(
            f"{where} holds {classes} different {kinds} in {targets} targets; valid: "
            "kind=regression or kind=classification"
        )


def without_mark(classes: set[str], per: Per, where: str) -> set[str]:
    """Return the classes without -100, which marks a step that has none.

    Raises:
        ValueError: a whole sequence is marked so, or there is a class of that name; nobody can
            tell which.
    """
    marked = sorted(classes & {*MARKS})
    if per == "sequence" and marked:
        raise ValueError(
            f"{where} holds {marked[0]}, which marks a step without a target; leave out the "
            "sequences without one, or name that class otherwise"
        )
    return classes - {*MARKS}


def described(
    kind: Kind, per: Per, names: Sequence[str], classes: Sequence[str], where: str
) -> Outputs:
    """Return what the outputs mean, numbers not yet scaled.

    Raises:
        ValueError: there is one class only.
    """
    if kind == "classes" and len(classes) < 2:
        raise ValueError(f"{where} has one class only, {named(classes[0]) if classes else 'none'}")
    width = len(names) if kind == "numbers" else 0
    return Outputs(
        kind=kind,
        per=per,
        names=tuple(names),
        classes=tuple(classes) if kind == "classes" else (),
        offset=(0.0,) * width,
        scale=(1.0,) * width,
    )


def scaled(outputs: Outputs, targets: Tensor, where: str) -> Outputs:
    """Return outputs with the mean and deviation of the training targets (..., values).

    Raises:
        ValueError: a value is in no training target, or is the same in all of them.
    """
    if outputs.kind != "numbers":
        return outputs
    flat = targets.double().reshape(-1, targets.shape[-1]).numpy()
    lacking = np.isnan(flat).all(0)
    if lacking.any():
        name = outputs.names[int(lacking.argmax())]
        raise ValueError(f"{where}: target {name!r} has no value in the training part")
    offset, scale = np.nanmean(flat, axis=0), np.nanstd(flat, axis=0)
    same = np.nanmin(flat, axis=0) == np.nanmax(flat, axis=0)
    if same.any():
        place = int(same.argmax())
        raise ValueError(
            f"{where}: target {outputs.names[place]!r} is {offset[place]:g} in all of the training "
            "part, so there is nothing to learn; valid: one that changes"
        )
    return replace(outputs, offset=tuple(offset.tolist()), scale=tuple(scale.tolist()))


def check_labels(targets: Tensor, outputs: Outputs, where: str) -> None:
    """Refuse labels that are neither 0 nor 1."""
    there = targets[~targets.isnan()]
    if outputs.kind == "labels" and not torch.isin(there, torch.tensor([0.0, 1.0])).all():
        odd = there[~torch.isin(there, torch.tensor([0.0, 1.0]))][0]
        raise ValueError(f"{where} holds {float(odd):g}; valid for kind=multilabel: 0 and 1")


def goal_of(outputs: Outputs) -> Goal:
    """Return what is asked of a model with such outputs."""
    if outputs.kind == "classes":
        return Classification(classes=outputs.size)
    if outputs.kind == "labels":
        return Labels(names=outputs.names)
    return Regression(
        values=outputs.size, offset=outputs.offset, scale=outputs.scale, names=outputs.names
    )
