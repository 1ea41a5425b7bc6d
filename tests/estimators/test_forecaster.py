"""The forecaster: what follows series, and which columns it takes."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from serial_searches import QUICK
from sklearn.base import clone

from optcell_search import OptCellForecaster
from optcell_search.tasks.joining import whole_task

pytestmark = pytest.mark.usefixtures("quick")


def test_a_forecaster_goes_on_where_the_series_ends() -> None:
    series = 50 + 10 * np.sin(np.arange(400) / 3)
    quick = QUICK | {"epochs": 30}
    made = OptCellForecaster(**quick, window=12, horizon=3, season=19).fit(series)
    truth = 50 + 10 * np.sin(np.arange(400, 403) / 3)
    assert np.abs(made.predict() - truth).max() < 4
    np.testing.assert_allclose(made.predict(series), made.predict(), rtol=1e-6)
    assert made.predict(series[:100]).shape == (3,)
    assert made.n_features_in_ == 0
    with pytest.raises(ValueError, match="11 rows are too few: a window takes 12"):
        made.predict(series[:11])
    with pytest.raises(ValueError, match="y has masked values; valid: "):
        made.predict(np.ma.masked_array(series, mask=np.arange(400) == 7))
    with pytest.raises(ValueError, match="X has 1 features, but OptCellForecaster is expecting 0"):
        made.predict(series, series[:, None])
    assert clone(made).get_params()["window"] == 12


def test_several_series_are_forecast_at_once() -> None:
    t = np.arange(400)
    series = np.stack([50 + 10 * np.sin(t / 3), 2e6 + 1e5 * np.cos(t / 3)], 1)
    made = OptCellForecaster(**QUICK | {"epochs": 30}, window=12, horizon=3).fit(series)
    after = np.arange(400, 403)
    truth = np.stack([50 + 10 * np.sin(after / 3), 2e6 + 1e5 * np.cos(after / 3)], 1)
    found = made.predict()
    assert found.shape == (3, 2)
    assert (np.abs(found - truth) < [5, 5e4]).all()
    np.testing.assert_allclose(made.predict(series), found, rtol=1e-6)
    with pytest.raises(ValueError, match="y holds 1 series, but OptCellForecaster is expecting 2"):
        made.predict(series[:, 0])


def test_a_forecaster_refuses_columns_in_another_order() -> None:
    t = np.arange(300)
    y = pd.DataFrame({"load": np.sin(t / 3), "price": np.cos(t / 3)})
    known = pd.DataFrame({"holiday": t % 7 == 0, "temp": np.sin(t / 5)})
    made = OptCellForecaster(**QUICK, window=12).fit(y, known)
    assert made.feature_names_in_.tolist() == ["holiday", "temp"]
    np.testing.assert_allclose(made.predict(y, known), made.predict(), rtol=1e-6)
    with pytest.raises(ValueError, match="must be in the same order as they were in fit"):
        made.predict(y, known[["temp", "holiday"]])
    with pytest.raises(ValueError, match=r"series price, load, but .* load, price, in this order"):
        made.predict(y[["price", "load"]], known)
    np.testing.assert_allclose(made.predict(y.to_numpy(), known), made.predict(), rtol=1e-6)


def test_a_refitted_forecaster_has_seen_the_end_of_the_series() -> None:
    series = np.sin(np.arange(300) / 3)
    made = OptCellForecaster(**QUICK | {"refit": True}, window=12).fit(series)
    task = made.run_._check_data()
    whole = whole_task(task)
    assert float(whole.train.targets[-1]) == series[-1]
    assert len(whole.train) == 300 - 12
    assert np.isfinite(made.predict()).all()


def test_a_forecaster_takes_what_else_is_known() -> None:
    series = np.sin(np.arange(300) / 3)
    made = OptCellForecaster(**QUICK, window=12).fit(series, np.cos(np.arange(300) / 3)[:, None])
    assert made.n_features_in_ == 1
    assert made.predict(series, np.cos(np.arange(300) / 3)[:, None]).shape == (1,)
    with pytest.raises(ValueError, match="X has 0 features"):
        made.predict(series)
    with pytest.raises(ValueError, match="X is given without y; valid: both, or neither"):
        made.predict(X=np.ones((1, 1)))
