"""What classifier and regressor share: sequences X in many forms, and a target for each."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import Any, Literal

import numpy as np
from sklearn.utils.validation import check_array, check_is_fitted, validate_data

from optcell_search.raw.reading.unfit import refuse_unfit

from .base import SearchEstimator
from .folders import SearchFolder
from .sequences import Array, Sequences, gathered, is_flat, naming

_LEAST = 2


@dataclass(eq=False, repr=False)
class SupervisedEstimator(SearchEstimator):
    """An estimator on whole sequences.

    X may be

    - an array (sequences, steps, features), or (sequences, features, steps) where `layout` says so;
    - a matrix (sequences, steps), or a list of rows, each a list of numbers: one feature;
    - a list of arrays (steps, features), or as `layout` says, or (steps,), of any lengths;
    - a nested frame of pandas: a row a sequence, a column a feature, a sequence in each cell.

    Features are brought to mean 0 and deviation 1 over the training part. A search judges by 16 %
    of the sequences, which only `refit` trains with. Where columns have names, in a nested frame, a
    frame as matrix or a list of frames (steps, features), others, or the same in another order, are
    refused when it predicts.

    Args, besides those of every estimator:
        layout: ``"steps_first"``, or ``"features_first"`` for (sequences, features, steps).
    """

    _: KW_ONLY
    layout: Literal["steps_first", "features_first"] = "steps_first"

    def _write(self, sequences: Sequences, y: Array, kind: str) -> tuple[SearchFolder, str]:
        """Write the data into a folder; return it, and the task that reads them there."""
        folder = SearchFolder(self.out)
        path = folder.path / "data.npz"
        np.savez(path, y=y, **sequences.arrays())  # type: ignore[arg-type]
        options = f"kind={kind},per=sequence,scale=standard,test=none"
        return folder, f'"{path}":{options}'

    def _sequences(self, X: Any, *, reset: bool) -> Sequences:
        """Return X as the search takes it, after scikit-learn's checks.

        Args:
            X: see above.
            reset: whether this is `fit`, which decides how many features there are.
        """
        if self.layout not in ("steps_first", "features_first"):
            raise ValueError(f"layout = {self.layout!r}; valid: 'steps_first' or 'features_first'")
        refuse_unfit(X, "X")
        flat = is_flat(X, of_arrays=not reset and self._flat)
        if flat and not reset and not self._flat and self.n_features_in_ == 1:
            # Rows are sequences of one feature; those of a frame are not what it iterates over.
            flat = hasattr(X, "iloc")
        if not reset and flat != self._flat:
            features = (
                "1 feature" if self.n_features_in_ == 1 else f"{self.n_features_in_} features"
            )
            known = "a matrix (sequences, steps)" if self._flat else f"sequences of {features}"
            raise ValueError(f"X is of another form than in fit; valid here: {known}")
        if flat:
            matrix = validate_data(self, X, reset=reset, dtype="numeric")
            found = Sequences(_numbers(matrix)[..., None])
        else:
            found = gathered(X, features_first=self.layout == "features_first")
            checked = check_array(
                found.x, allow_nd=True, dtype="numeric", estimator=self, input_name="X"
            )
            found = Sequences(_numbers(checked), found.lengths)
            names = naming(X, features_first=self.layout == "features_first")
            # Of names alone: what else is checked there is for matrices.
            validate_data(self, names, reset=reset, skip_check_array=True, ensure_2d=False)
            self._check_features(found.x.shape[-1], reset=reset)
        if reset:
            self._flat: bool = flat
            if len(found) < _LEAST:
                raise ValueError(
                    f"n_samples = {len(found)}; valid: {_LEAST} or more, for a search judges by "
                    "sequences that it does not train with"
                )
        return found

    def _check_features(self, features: int, *, reset: bool) -> None:
        if reset:
            self.n_features_in_ = features
        elif features != self.n_features_in_:
            raise ValueError(
                f"X has {features} features, but {type(self).__name__} is expecting "
                f"{self.n_features_in_} features as input"
            )

    def _answered(self, X: Any, what: Literal["predict", "predict_proba"]) -> Any:
        """Return the predictor's frame of answers or probabilities."""
        check_is_fitted(self)
        sequences = self._sequences(X, reset=False)
        return getattr(self._winner.predictor, what)(sequences.arrays())

    def __sklearn_tags__(self) -> Any:
        """Say what X may be."""
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        return tags


def _numbers(values: Array) -> Array:
    """Return numbers in a type that a ``.npz`` file of the task ``npz`` may have."""
    return values.astype(np.float64) if values.dtype.kind not in "buif" else values
