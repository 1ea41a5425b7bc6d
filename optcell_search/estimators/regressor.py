"""Numbers for sequences."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from sklearn.base import RegressorMixin
from sklearn.utils.validation import check_array, check_consistent_length

from .sequences import Array, refuse_unchanging
from .supervised import SupervisedEstimator


@dataclass(eq=False, repr=False)
class OptCellRegressor(RegressorMixin, SupervisedEstimator):  # type: ignore[misc]
    """A regressor of sequences that is searched for when it is fitted.

    Its arguments and attributes are those of `SearchEstimator` and `layout`; what X may be,
    `SupervisedEstimator` says.
    """

    def fit(self, X: Any, y: Any) -> Self:
        """Search on sequences and their targets.

        Args:
            X: sequences; see above.
            y: (sequences,) or (sequences, targets) numbers, in any unit: they are scaled inside.

        Raises:
            ValueError: X or y is nothing of the kind, a target is the same for all sequences, or an
                argument is wrong.
            RunFailedError: no candidate could be trained.
        """
        sequences = self._sequences(X, reset=True)
        if y is None:
            raise ValueError("y = None; y should be a 1d array, a number for each sequence")
        y = check_array(y, ensure_2d=False, dtype=np.float64, input_name="y", estimator=self)
        check_consistent_length(sequences, y)
        refuse_unchanging(y, "y")
        folder, task = self._write(sequences, y, "regression")
        self._search(folder, task)
        self._single = y.ndim == 1
        return self

    def predict(self, X: Any) -> Array:
        """Return the numbers in their unit, shaped as y was."""
        found = self._answered(X, "predict").to_numpy(np.float64)
        return np.asarray(found[:, 0] if self._single else found)

    def __sklearn_tags__(self) -> Any:
        """Say that y may hold several targets."""
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
