"""The next values of a series."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from sklearn.utils.validation import check_array, check_consistent_length, check_is_fitted

from .base import SearchEstimator
from .folders import SearchFolder
from .sequences import Array

if TYPE_CHECKING:
    import pandas as pd

_TARGET = "y"


@dataclass(eq=False, repr=False)
class OptCellForecaster(SearchEstimator):
    """A forecaster of a series that is searched for when it is fitted.

    It is the task ``forecast``: the next `horizon` values from the `window` rows before. Of the
    series the first 70 % train, the next 10 % judge, and the last 20 % are the test that
    ``run_.finalize()`` reads.

    Args, besides those of `SearchEstimator`:
        window: rows that a forecast is made from.
        horizon: values that are forecast at once.
        season: rows of one season; 1: none. Scores are relative to the value one season ago.
    """

    _: KW_ONLY
    window: int = 96
    horizon: int = 1
    season: int = 1

    def fit(self, y: Any, X: Any = None) -> Self:
        """Search on a series.

        Args:
            y: (rows,) numbers, oldest first, evenly apart in time.
            X: (rows, features) what else is known at the time of each row; None: nothing.

        Raises:
            ValueError: y or X is nothing of the kind, or too short; or an argument is wrong.
            RunFailedError: no candidate could be trained.
        """
        frame = self._frame(y, X)
        self.n_features_in_ = frame.shape[1] - 1
        folder = SearchFolder(self.out)
        path = folder.path / "series.parquet"
        frame.to_parquet(path)
        task = (
            f'forecast:file="{path}",target={_TARGET},window={self.window},'
            f"horizon={self.horizon},season={self.season}"
        )
        self._search(folder, task)
        self._last = frame.tail(self.window)
        return self

    def predict(self, y: Any = None, X: Any = None) -> Array:
        """Return (horizon,) the values that follow a series.

        Args:
            y: (rows,) the series, as many rows as `window` or more; None: that of `fit`.
            X: (rows, features) as in `fit`.
        """
        check_is_fitted(self)
        frame = self._last if y is None else self._frame(y, X)
        if y is not None and frame.shape[1] - 1 != self.n_features_in_:
            raise ValueError(
                f"X has {frame.shape[1] - 1} features, but {type(self).__name__} is expecting "
                f"{self.n_features_in_} features as input"
            )
        return np.asarray(self._winner.predictor.predict(frame).to_numpy(np.float64)[-1])

    def _frame(self, y: Any, X: Any) -> pd.DataFrame:
        """Return the series as the table that the task reads."""
        import pandas as pd

        y = check_array(y, ensure_2d=False, dtype=np.float64, input_name="y", estimator=self)
        if y.ndim != 1:
            raise ValueError(f"y has shape {y.shape}; valid: (rows,), the values of one series")
        frame = pd.DataFrame({_TARGET: y})
        if X is not None:
            X = check_array(X, dtype=np.float64, input_name="X", estimator=self)
            check_consistent_length(X, y)
            names = [f"x{number}" for number in range(X.shape[1])]
            frame = pd.concat([frame, pd.DataFrame(X, columns=names)], axis=1)
        return frame
