"""Forecasts: the next values of columns of any table, from the rows before."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, cast

import numpy as np

from optcell_search.hyperparameters import choice, integer
from optcell_search.raw import Outputs, WindowPreprocessing, fitting
from optcell_search.raw.reading import columns, times
from optcell_search.raw.reading.gaps import Gaps, in_time
from optcell_search.tasks.base import Data, Split
from optcell_search.tasks.own.finding import find
from optcell_search.tasks.own.options import TableOptions, names_in, there
from optcell_search.tasks.own.series import TESTED, UNTESTED, Series

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, kw_only=True)
class Forecast(TableOptions):
    """The next `horizon` values of one or more columns, from the `window` rows before.

    As ``forecast:file=PATH.csv,target=COLUMN,season=24,horizon=24``, or any other table that the
    task ``table`` reads; one row a time step, oldest first, or in the order of column `time`, whose
    times must be equally far apart unless `gaps` says what to do. Several columns are forecast
    together by ``target="A,B"``, each scaled by itself. Every other column is an input, the
    targets' own past among them whatever `columns` and `exclude` say, numbers at mean 0 and
    variance 1 over the training part, texts of few kinds one-hot, or embedded as in ``table``.
    Columns that are `known` in advance, such as a holiday or a price, are given for the rows that
    are forecast. Nothing looks ahead: an empty cell is never filled from what follows it, and an
    empty target is no target.

    With `quantiles` such as 0.1;0.5;0.9 these are forecast instead of single numbers. What judges
    single numbers then judges the median; where it is not among them, it is read off a straight
    line between the two beside it.

    Split by time: the first 70 % of the rows train, the next 10 % are for validation, the last
    20 % for test; with ``test=none`` the last 20 % are for validation, and nothing is held back.
    Forecast values never leave their part, windows may reach back before it.
    Metric: mase, the mean absolute error over that of the seasonal-naive forecast (the value one
    season ago) in the training part, of several columns the mean of theirs, however many values
    each has. That forecast is the level of chance, about 1; what it has itself on a split,
    `seasonal_naive` says.
    """

    name: ClassVar[str] = "forecast"
    title: ClassVar[str] = "next values of a column: forecast:file=PATH.csv,target=COLUMN"

    file: str = ""
    target: str = ""
    time: str = ""
    window: int = integer(96, search=(16, 256), valid=(1, 10**5), log=True, doc="rows seen")
    horizon: int = integer(1, search=(1, 48), valid=(1, 10**4), doc="values forecast at once")
    season: int = integer(1, search=(1, 168), valid=(1, 10**5), doc="rows of one season; 1: none")
    stride: int = integer(1, search=(1, 24), valid=(1, 10**5), doc="rows between two windows")
    known: str = ""
    quantiles: str = ""
    test: str = choice(
        "split",
        options=("split", "none"),
        doc="none: whoever searches tests with data of their own, and nothing can be finalized",
    )
    gaps: str = choice(
        "refuse",
        options=("refuse", "forward", "keep"),
        doc="rows of time that are missing: refused, filled by the one before, or not looked for",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.target and self.time in (self.target, *_named(self.target)):
            raise ValueError(
                f"forecast: target and time are both {self.time!r}; valid: two columns"
            )
        if self.missing == "interpolate":
            raise ValueError(
                "forecast: missing=interpolate looks ahead; valid: refuse, forward, mean, mask"
            )
        if {*_named(self.target), self.time} & {*names_in(self.known)}:
            raise ValueError("forecast: known names the target or the time; valid: other columns")
        if self.known and self.horizon > self.window:
            raise ValueError(
                f"forecast: known columns need a window of {self.horizon} rows, the horizon, "
                f"or more; it has {self.window}"
            )
        self.levels()
        if Path(self.file).is_file():
            # The same file for a worker that runs in another folder.
            object.__setattr__(self, "file", str(Path(self.file).absolute()))

    def levels(self) -> tuple[float, ...]:
        """Return the quantiles that are forecast; raises ValueError for what are none."""
        try:
            found = tuple(float(text) for text in self.quantiles.split(";") if text)
        except ValueError:
            found = (-1.0,)
        if list(found) != sorted({*found}) or not all(0 < level < 1 for level in found):
            raise ValueError(
                f"forecast: quantiles = {self.quantiles!r}; valid: ascending numbers between 0 and "
                "1, as 0.1;0.5;0.9"
            )
        return found

    def search_data(self, folder: Path) -> Data:
        """Read the table and take the windows of its first 80 %."""
        return self._data(self._read(folder))

    def all_data(self, folder: Path) -> tuple[Data, Split]:
        """Read the table once and take all its windows."""
        read = self._read(folder)
        return self._data(read), read.split("test")

    def _data(self, read: Series) -> Data:
        return Data(
            train=read.split("train"),
            validation=read.split("validation"),
            goal=read.goal,
            readout="last",
            preprocessing=read.preprocessing,
        )

    def test_data(self, folder: Path) -> Split:
        """Read the table and take the windows of its last 20 %."""
        return self._read(folder).split("test")

    @property
    def has_test(self) -> bool:
        """Whether the end of the table is held back."""
        return self.test == "split"

    def raw(self, folder: Path, part: str) -> pd.DataFrame:
        """Return the rows of a part, and before them those of its first window."""
        return self._read(folder).rows(part)

    def seasonal_naive(self, folder: Path, part: str) -> dict[str, float]:
        """Return the metrics that the seasonal-naive forecast has on a part.

        Each value is forecast by the last one seen at its place in the season.

        Args:
            folder: the user's data folder.
            part: ``"train"``, ``"validation"`` or ``"test"``.
        """
        return self._read(folder).naive(part)

    def _read(self, folder: Path) -> Series:
        if not self.file or not self.target:
            raise ValueError(
                "task forecast needs a file and a column: forecast:file=PATH.csv,target=COLUMN"
            )
        path = find(self.file, folder)
        special = (self.time, self.target, *_named(self.target), *names_in(self.known))
        where, frame = str(path), self.table(path, special)
        # A name with a comma, as the file has it, is one column.
        named = [self.target] if self.target in frame.columns else _named(self.target)
        there(frame, named, "target", where)
        there(frame, names_in(self.known), "known", where)
        if frame.empty:
            raise ValueError(f"{where}: no row below the names of the columns")
        order, step = in_time(frame, self.time, self.days(), cast(Gaps, self.gaps), 0.0, where)
        written = np.stack(
            [columns.numbers(frame[name], f"{where}: column {name!r}") for name in named], axis=1
        )
        values = np.where(order[:, None] >= 0, written[np.maximum(order, 0)], np.nan)
        series = Series(
            frame=frame,
            order=order,
            names=tuple(named),
            values=values,
            parts=TESTED if self.has_test else UNTESTED,
            window=self.window,
            horizon=self.horizon,
            season=self.season,
            stride=self.stride,
            where=where,
        )
        series.check()
        day_first = times.settled(frame[self.time], self.days()) if self.time else "auto"
        return replace(
            series,
            goal=series.goal_of(self.levels()),
            preprocessing=self._preprocessing(frame, series, step, day_first, where),
        )

    def _preprocessing(
        self,
        frame: pd.DataFrame,
        series: Series,
        step: float,
        day_first: times.DayFirst,
        where: str,
    ) -> WindowPreprocessing:
        known = names_in(self.known)
        special = [*([self.time] if self.time else []), *known]
        chosen = fitting.chosen(
            frame, names_in(self.columns), names_in(self.exclude), special, where
        )
        if not {*series.names} <= {*chosen}:
            chosen = [name for name in frame.columns if name in (*chosen, *series.names)]
        own, ahead = (
            fitting.fit(
                frame,
                names,
                train=series.train_rows,
                missing=self.missing_cells(),
                scale="standard",
                categories=[name for name in names_in(self.categories) if name in names],
                where=where,
            )
            if names
            else None
            for names in (chosen, known)
        )
        assert own is not None
        goal = series.goal_of(self.levels())
        ahead_names = goal.ahead(series.names)
        each = len(ahead_names) // len(series.names)
        return WindowPreprocessing(
            outputs=Outputs(
                kind="numbers",
                per="sequence",
                names=ahead_names,
                offset=tuple(number for number in goal.offset for _ in range(each)),
                scale=tuple(number for number in goal.scale for _ in range(each)),
            ),
            forecast=series.names,
            features=own,
            known=ahead,
            window=self.window,
            horizon=self.horizon,
            stride=self.stride,
            time=self.time,
            day_first=day_first,
            gaps=cast(Gaps, self.gaps),
            step=step,
            form=self.form(),
            where=Path(where).name,
        )


def _named(target: str) -> list[str]:
    """Return the columns that an option names; raises ValueError for what are no names."""
    return names_in(target) if "," in target else [target]
