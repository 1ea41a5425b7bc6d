"""scikit-learn's and aeon's own checks of estimators, all of them."""

from __future__ import annotations

import warnings
from typing import Any, Self

import pytest
from aeon.classification.base import BaseClassifier
from aeon.regression.base import BaseRegressor
from aeon.testing.estimator_checking import parametrize_with_checks as aeon_checks
from serial_searches import QUICK, SPACE
from sklearn.utils.estimator_checks import parametrize_with_checks

from optcell_search import OptCellClassifier, OptCellRegressor

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(3600),
    pytest.mark.usefixtures("quick"),
]

# None. (`check_array_api_input` is skipped by scikit-learn itself unless SCIPY_ARRAY_API is set.)
EXPECTED_FAILURES: dict[str, str] = {}
OURS = QUICK | {"refit": True}
# scikit-learn wants half of the variance explained where a regressor was trained.
LONGER = {"epochs": 40, "space": SPACE | {"training": {"lr": 0.02}}}
ESTIMATORS = [OptCellClassifier(**OURS), OptCellRegressor(**OURS | LONGER)]
TAGS = {
    "capability:multivariate": True,
    "capability:unequal_length": True,
    "X_inner_type": ["np-list", "numpy3D"],
}


@parametrize_with_checks(ESTIMATORS, expected_failed_checks=lambda _: EXPECTED_FAILURES)
def test_scikit_learn(estimator: Any, check: Any) -> None:
    with warnings.catch_warnings():
        # What its data warn of, such as labels in a column, its checks look for themselves.
        warnings.simplefilter("ignore")
        check(estimator)


class AeonClassifier(BaseClassifier):  # type: ignore[misc]
    """Ours, with aeon's base class, which its checks ask for: (sequences, channels, steps)."""

    _tags = TAGS

    def __init__(self, epochs: int = 2) -> None:
        self.epochs = epochs
        super().__init__()

    def _fit(self, X: Any, y: Any) -> Self:
        made = OptCellClassifier(**OURS | {"epochs": self.epochs}, layout="features_first")
        self.own_ = made.fit(X, y)
        return self

    def _predict(self, X: Any) -> Any:
        return self.own_.predict(X)

    def _predict_proba(self, X: Any) -> Any:
        return self.own_.predict_proba(X)


class AeonRegressor(BaseRegressor):  # type: ignore[misc]
    """Ours, with aeon's base class."""

    _tags = TAGS

    def __init__(self, epochs: int = 2) -> None:
        self.epochs = epochs
        super().__init__()

    def _fit(self, X: Any, y: Any) -> Self:
        made = OptCellRegressor(**OURS | {"epochs": self.epochs}, layout="features_first")
        self.own_ = made.fit(X, y)
        return self

    def _predict(self, X: Any) -> Any:
        return self.own_.predict(X)


@aeon_checks([AeonClassifier, AeonRegressor])
def test_aeon(check: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        check()
