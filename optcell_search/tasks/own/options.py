"""What a user can say about a file of his own, and about the table in it."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

from optcell_search.hyperparameters import choice
from optcell_search.raw.features import Missing
from optcell_search.raw.reading.columns import listed
from optcell_search.raw.reading.files import Form, read
from optcell_search.raw.reading.times import DayFirst
from optcell_search.tasks.base import Task

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, kw_only=True)
class OwnData(Task):
    """Base of the tasks over a user's file; `path` is where it is."""

    path: str
    kind: str = choice(
        "auto",
        options=("auto", "classification", "regression", "multilabel"),
        doc="what the target is; auto: whole numbers and texts are classes, others are predicted",
    )
    per: str = choice(
        "auto",
        options=("auto", "sequence", "step"),
        doc="whether there is a target for each sequence or each step; auto: as the targets look",
    )
    scale: str = choice(
        "none",
        options=("none", "standard"),
        doc="standard: features at mean 0 and deviation 1 over the training part; none: as is",
    )


@dataclass(frozen=True, kw_only=True)
class TableOptions(Task):
    """What can be said about any table.

    Args:
        columns: columns that are features, apart by commas, in quotes where a name has a comma;
            empty: all that are nothing else.
        exclude: columns that are left out.
        categories: columns that are categories, whatever they hold.
        sep, decimal, encoding, sheet: how the file is written, see
            `optcell_search.raw.reading.files.Form`.
    """

    missing: str = choice(
        "refuse",
        options=("refuse", "forward", "interpolate", "mean", "mask"),
        doc="empty cells: refuse, the one before, between its neighbours (by time, where that is a "
        "column), the training mean, or that and a feature that says so",
    )
    day_first: str = choice(
        "auto",
        options=("auto", "yes", "no"),
        doc="whether 3/4/2020 is in April; auto: as other rows leave no doubt",
    )
    columns: str = ""
    exclude: str = ""
    categories: str = ""
    sep: str = ""
    decimal: str = ""
    encoding: str = "utf-8"
    sheet: str = ""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.form()

    def form(self) -> Form:
        """Return how the file is written; raises ValueError for what is no such form."""
        return Form(sep=self.sep, decimal=self.decimal, encoding=self.encoding, sheet=self.sheet)

    def missing_cells(self) -> Missing:
        """Return what becomes of an empty cell."""
        return cast(Missing, self.missing)

    def days(self) -> DayFirst:
        """Return whether days stand before months."""
        return cast(DayFirst, self.day_first)

    def table(self, path: Path, special: Sequence[str], names: Sequence[str] = ()) -> pd.DataFrame:
        """Read the table, see `files.read`; names, categories and what is left out keep their form.

        Args:
            path: where it is.
            special: columns that are asked for besides the features.
            names: those of them that hold names and no numbers.
        """
        chosen = names_in(self.columns)
        left_out = {*names_in(self.exclude)} - {*special}
        kept = (*names, *names_in(self.categories), *left_out)
        return read(path, self.form(), kept, (*chosen, *special) if chosen else None)


def names_in(text: str) -> list[str]:
    """Return the names of columns in an option, apart by commas, in quotes where one has a comma.

    Raises:
        ValueError: one is empty, or stands there twice.
    """
    if not text:
        return []
    try:
        names = next(csv.reader([text], strict=True))
    except csv.Error as error:
        raise ValueError(f"{text!r} are no names of columns: {error}") from None
    if not all(names) or len(set(names)) < len(names):
        raise ValueError(f'{text!r} names a column twice, or none; valid: a,b or a,"b, c"')
    return names


def there(frame: pd.DataFrame, names: Sequence[str], option: str, where: str) -> None:
    """Refuse a table that lacks a column that an option names."""
    for name in names:
        if name not in frame.columns:
            shown = listed(list(frame.columns))
            raise ValueError(f"{where}: there is no column {name!r} for {option}; valid: {shown}")
