"""Hyperparameters as data: dataclass fields that know their default, valid and search range.

A rule, a cell, a task or a section of a search space is a frozen dataclass whose fields are made
by `real`, `integer` and `choice`. Whoever needs the ranges, such as a search space, reads them with
`specification`; whoever builds an object gets them checked by `Hyperparameters`.

A field that has `needs` exists only beside certain values of others, declared before it; elsewhere
its default says that there is nothing. A field that was added to its owner after the first release
says `since` which one: objects described before it hold its default, and keep their names
(`distinguishing`).
"""

from __future__ import annotations

from .conditions import Needs, in_words, unmet
from .declaring import choice, field_of, integer, real, specification
from .kinds import Choice, Integer, Real, Specification, exists
from .owner import Hyperparameters, distinguishing
from .showing import oversized, shown

__all__ = [
    "Choice",
    "Hyperparameters",
    "Integer",
    "Needs",
    "Real",
    "Specification",
    "choice",
    "distinguishing",
    "exists",
    "field_of",
    "in_words",
    "integer",
    "oversized",
    "real",
    "shown",
    "specification",
    "unmet",
]
