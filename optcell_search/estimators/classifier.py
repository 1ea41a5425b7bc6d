"""Classes of sequences."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import pandas as pd
from sklearn.base import ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_consistent_length, column_or_1d

from .sequences import Array
from .supervised import SupervisedEstimator

_LEAST = 2


@dataclass(eq=False, repr=False)
class OptCellClassifier(ClassifierMixin, SupervisedEstimator):  # type: ignore[misc]
    """A classifier of sequences that is searched for when it is fitted.

    Its arguments and attributes are those of `SearchEstimator` and `layout`; what X may be,
    `SupervisedEstimator` says.

    Attributes, once fitted:
        classes_: the classes, sorted, as y has them.
    """

    def fit(self, X: Any, y: Any) -> Self:
        """Search on sequences and their classes.

        Args:
            X: sequences; see above.
            y: (sequences,) classes: numbers or texts, two examples of each or more.

        Raises:
            ValueError: X or y is nothing of the kind, or an argument is wrong.
            RunFailedError: no candidate could be trained.
        """
        sequences = self._sequences(X, reset=True)
        if y is None:
            raise ValueError("y = None; y should be a 1d array, a class for each sequence")
        gone = np.argwhere(pd.isna(np.asarray(y, dtype=object)))
        if len(gone):
            raise ValueError(f"y: sequence {gone[0][0]} has no class; valid: one for each sequence")
        check_classification_targets(y)
        y = column_or_1d(y, warn=True)
        check_consistent_length(sequences, y)
        self.classes_, numbers = np.unique(y, return_inverse=True)
        counts = np.bincount(numbers)
        if len(counts) < _LEAST or counts.min() < _LEAST:
            rare = str(self.classes_[counts.argmin()])
            found = "there is 1 class" if len(counts) < _LEAST else f"class {rare!r} has 1 example"
            raise ValueError(
                f"y: {found}; valid: {_LEAST} classes or more, with {_LEAST} examples or more of "
                "each: to train with, and to judge by"
            )
        folder, task = self._write(sequences, numbers, "classification")
        self._search(folder, task)
        return self

    def predict(self, X: Any) -> Array:
        """Return (sequences,) the likeliest classes."""
        return self._named(self.predict_proba(X).argmax(1))

    def predict_proba(self, X: Any) -> Array:
        """Return (sequences, classes) probabilities, in the order of ``classes_``."""
        found = self._answered(X, "predict_proba")
        # What the search calls a class is its number here.
        order = np.argsort([int(name) for name in found.columns])
        return np.asarray(found.to_numpy()[:, order])

    def _named(self, numbers: Array) -> Array:
        return np.asarray(self.classes_[numbers])
