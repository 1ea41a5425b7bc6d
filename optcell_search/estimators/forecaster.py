"""The next values of one or more series."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from sklearn.utils.validation import (
    check_array,
    check_consistent_length,
    check_is_fitted,
    validate_data,
)

from optcell_search.raw.reading.columns import listed
from optcell_search.raw.reading.unfit import refuse_unfit

from .base import SearchEstimator
from .folders import SearchFolder
from .sequences import Array, refuse_unchanging

if TYPE_CHECKING:
    import pandas as pd


@dataclass(eq=False, repr=False)
class OptCellForecaster(SearchEstimator):
    """A forecaster of series that is searched for when it is fitted.

    It is the task ``forecast``: the next `horizon` values from the `window` rows before. A search
    trains with the first 80 % of the rows and judges by the last 20 %, which only `refit` trains
    with.

    Args, besides those of `SearchEstimator`:
        window: rows that a forecast is made from.
        horizon: values of each series that are forecast at once.
        season: rows of one season; 1: none. Scores are relative to the value one season ago.
    """

    _: KW_ONLY
    window: int = 96
    horizon: int = 1
    season: int = 1

    def fit(self, y: Any, X: Any = None) -> Self:
        """Search on series.

        Args:
            y: (rows,) or (rows, series) numbers, oldest first, evenly apart in time.
            X: (rows, features) what else is known at the time of each row; None: nothing.

        Raises:
            ValueError: y or X is nothing of the kind, or too short; or an argument is wrong.
            RunFailedError: no candidate could be trained.
        """
        frame, targets = self._frame(y, X, reset=True)
        refuse_unchanging(np.asarray(y), "y")
        folder = SearchFolder(self.out)
        path = folder.path / "series.parquet"
        frame.to_parquet(path)
        task = (
            f'forecast:file="{path}",target="{",".join(targets)}",window={self.window},'
            f"horizon={self.horizon},season={self.season},test=none"
        )
        self._search(folder, task)
        self._last, self._targets = frame.tail(self.window), targets
        self._single, self._series = np.ndim(y) == 1, _columns(y)
        return self

    def predict(self, y: Any = None, X: Any = None) -> Array:
        """Return (horizon,), or (horizon, series), the values that follow the series.

        Args:
            y: the series as in `fit`, as many rows as `window` or more; None: those of `fit`.
            X: (rows, features) as in `fit`.

        Raises:
            ValueError: y or X is of other columns than in `fit`, or has them in another order; or
                there is X alone.
        """
        check_is_fitted(self)
        if y is None and X is not None:
            raise ValueError("X is given without y; valid: both, or neither for the series of fit")
        frame = self._last if y is None else self._like_in_fit(y, X)
        found = self._winner.predictor.predict(frame).to_numpy(np.float64)[-1]
        each = found.reshape(len(self._targets), self.horizon).T
        return np.asarray(each[:, 0] if self._single else each)

    def _like_in_fit(self, y: Any, X: Any) -> pd.DataFrame:
        frame, targets = self._frame(y, X, reset=False)
        if targets != self._targets:
            raise ValueError(
                f"y holds {len(targets)} series, but {type(self).__name__} is expecting "
                f"{len(self._targets)}"
            )
        series = _columns(y)
        if series and self._series and series != self._series:
            raise ValueError(
                f"y holds the series {listed(series)}, but {type(self).__name__} is expecting "
                f"{listed(self._series)}, in this order"
            )
        return frame

    def _frame(self, y: Any, X: Any, *, reset: bool) -> tuple[pd.DataFrame, list[str]]:
        """Return the series as the table that the task reads, and the columns they are in."""
        import pandas as pd

        for values, name in ((y, "y"), (X, "X")):
            refuse_unfit(values, name)
        y = check_array(y, ensure_2d=False, dtype=np.float64, input_name="y", estimator=self)
        columns = y.reshape(len(y), -1)
        targets = [f"y{number}" for number in range(columns.shape[1])]
        frame = pd.DataFrame(columns, columns=targets)
        X = np.empty((len(y), 0)) if X is None else X
        X = validate_data(self, X, reset=reset, dtype=np.float64, ensure_min_features=0)
        check_consistent_length(X, y)
        names = [f"x{number}" for number in range(X.shape[1])]
        return pd.concat([frame, pd.DataFrame(X, columns=names)], axis=1), targets


def _columns(y: Any) -> list[Any]:
    """Return what the series in a frame are called; nothing of any other y."""
    return list(getattr(y, "columns", []))
