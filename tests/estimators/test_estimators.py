"""Estimators: forms of X, what comes back, and what scikit-learn does with them."""

from __future__ import annotations

import dataclasses
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import safetensors.torch
import torch
from serial_searches import QUICK
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from optcell_search import OptCellClassifier, OptCellForecaster, OptCellRegressor
from optcell_search.ledger.trials.reasons import RunFailedError
from optcell_search.space import Candidate, trial_seed
from optcell_search.tasks.joining import whole_task
from optcell_search.training import DivergedError, Training
from optcell_search.tuning import Run
from optcell_search.tuning.worker.final_training import unjudged

pytestmark = pytest.mark.usefixtures("quick")

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(40, 6, 2))
SUMS = X.sum((1, 2))
Y = np.where(SUMS > 0, "up", "down")


@pytest.fixture(scope="module")
def fitted(quick: None) -> OptCellClassifier:
    return OptCellClassifier(**QUICK | {"epochs": 10}).fit(X, Y)


def test_classes_come_back_in_the_users_words(fitted: OptCellClassifier) -> None:
    assert fitted.classes_.tolist() == ["down", "up"]
    assert set(fitted.predict(X)) == {"down", "up"}
    assert fitted.score(X, Y) > 0.7
    shares = fitted.predict_proba(X)
    assert shares.shape == (40, 2)
    np.testing.assert_allclose(shares.sum(1), 1)
    assert (fitted.classes_[shares.argmax(1)] == fitted.predict(X)).all()
    assert fitted.n_features_in_ == 2


def test_the_run_and_its_best_candidate_are_attributes(fitted: OptCellClassifier) -> None:
    assert isinstance(fitted.run_, Run)
    assert fitted.run_.directory.is_dir()
    number, candidate = fitted.run_.candidate("best")
    assert fitted.best_candidate_ == candidate
    assert isinstance(fitted.best_candidate_, Candidate)
    # A search holds nothing back that only it would test with.
    noted = fitted.run_.results().loc[number, "accuracy"]
    held = fitted.run_._check_data().raw("validation")
    named = fitted.classes_[held["y"]]
    assert fitted.score(held["x"], named) == pytest.approx(noted)
    with pytest.raises(ValueError, match="holds no test split back"):
        fitted.run_.finalize()


def test_more_than_ten_classes_keep_their_order() -> None:
    x = np.repeat(np.arange(12.0), 6)[:, None, None] * np.ones((1, 4, 1))
    y = np.repeat(np.arange(12) * 3, 6)
    made = OptCellClassifier(**QUICK | {"epochs": 60}).fit(x, y)
    assert made.classes_.tolist() == list(range(0, 36, 3))
    assert np.abs(made.predict(x) - y).mean() < 6, "by name, class 10 would stand before 2"
    assert made.predict(x).dtype == y.dtype


def test_every_form_of_x_is_the_same_data() -> None:
    lengths = [6, 4] * 20
    ragged = [x[:steps] for x, steps in zip(X, lengths, strict=True)]
    nested = pd.DataFrame(
        {name: [pd.Series(x[:, i]) for x in ragged] for i, name in enumerate("ab")}
    )
    objects = np.empty(40, dtype=object)
    objects[:] = ragged
    first = OptCellClassifier(**QUICK).fit(ragged, Y)
    expected = first.predict_proba(ragged)
    with pytest.warns(UserWarning, match="was fitted without feature names"):
        np.testing.assert_array_equal(first.predict_proba(nested), expected)
    np.testing.assert_array_equal(first.predict_proba(objects), expected)
    turned = first.set_params(layout="features_first")
    np.testing.assert_array_equal(turned.predict_proba([x.T for x in ragged]), expected)
    whole = turned.predict_proba(X.transpose(0, 2, 1))
    # In float32 and another batch, with what the second half of the short ones holds.
    np.testing.assert_allclose(whole[::2], expected[::2], atol=1e-6)
    assert np.abs(whole[1::2] - expected[1::2]).max() > 1e-3


def test_a_matrix_is_sequences_of_one_feature() -> None:
    made = OptCellRegressor(**QUICK | {"epochs": 30}).fit(X[:, :, 0], 1000 + X[:, :, 0].sum(1))
    assert made.n_features_in_ == 6
    assert made.score(X[:, :, 0], 1000 + X[:, :, 0].sum(1)) > 0.5
    with pytest.raises(ValueError, match="X has 5 features, but OptCellRegressor is expecting 6"):
        made.predict(X[:, :5, 0])
    with pytest.raises(ValueError, match="of another form than in fit; valid here: a matrix"):
        made.predict(X)


def test_the_form_of_a_list_of_arrays_does_not_change_with_its_lengths() -> None:
    """A fold may be of equal lengths where the whole is not."""
    short, long = [np.arange(5.0)] * 2, [np.arange(7.0)] * 2
    made = OptCellClassifier()
    for fitted in (short, short + long):
        assert len(made._sequences(fitted, reset=True)) == len(fitted)
        assert made.n_features_in_ == 1
        for X in (short, long, short + long, np.stack(short), [row.tolist() for row in long]):
            assert made._sequences(X, reset=False).x.shape[-1] == 1
            assert len(made._sequences(X, reset=False)) == len(X)
        with pytest.raises(ValueError, match=r"X has 2 features, but .* expecting 1"):
            made._sequences(np.zeros((2, 5, 2)), reset=False)
        with pytest.raises(ValueError, match=r"valid here: sequences of 1 feature$"):
            made._sequences(pd.DataFrame(np.stack(short)), reset=False)
    made._sequences(np.stack(short), reset=True)
    assert made._sequences(short, reset=False).x.shape == (2, 5, 1)
    with pytest.raises(ValueError, match=r"valid here: a matrix"):
        made._sequences(short + long, reset=False)
    made._sequences(np.zeros((2, 5, 3)), reset=True)
    with pytest.raises(ValueError, match=r"valid here: sequences of 3 features$"):
        made._sequences(np.stack(short), reset=False)


def test_features_by_other_names_or_in_another_order_are_refused() -> None:
    nested = pd.DataFrame({name: list(X[:, :, i]) for i, name in enumerate(["temp", "press"])})
    frames = [pd.DataFrame(x, columns=["temp", "press"]) for x in X]
    made = OptCellClassifier(**QUICK).fit(nested, Y)
    assert made.feature_names_in_.tolist() == ["temp", "press"]
    np.testing.assert_array_equal(made.predict_proba(frames), made.predict_proba(nested))
    turned = ["press", "temp"]
    for given in (nested[turned], [frame[turned] for frame in frames]):
        with pytest.raises(ValueError, match="must be in the same order as they were in fit"):
            made.predict(given)
    with pytest.raises(ValueError, match=r"unseen at fit time:\n- humid\n.*missing:\n- temp"):
        made.predict(nested.rename(columns={"temp": "humid"}))
    with pytest.warns(UserWarning, match="X does not have valid feature names"):
        made.predict(X)
    assert not hasattr(made.fit(X, Y), "feature_names_in_")
    # As features come first, the columns of a frame are steps.
    made.set_params(layout="features_first").predict([frame.T for frame in frames])


def test_several_targets_come_back_as_they_were_given() -> None:
    made = OptCellRegressor(**QUICK).fit(X, np.stack([SUMS, -SUMS], 1))
    assert made.predict(X[:3]).shape == (3, 2)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (X[:, :, :1], "X has 1 features, but OptCellClassifier is expecting 2 features"),
        ([X[0], X[1][:, :1]], "X holds sequences of 1, 2 features"),
        ([X[0], X[1][None]], r"X\[1\] has shape \(1, 6, 2\)"),
        ([X[0], np.full((3, 2), np.nan)], "Input X contains NaN"),
        (pd.DataFrame({"a": [X[0, :, 0]], "b": [X[0, :3, 1]]}), "row 0: cells of shapes"),
        (
            [pd.DataFrame(X[0], columns=["a", "b"]), pd.DataFrame(X[1], columns=["b", "a"])],
            r"X\[1\] has columns b, a, but X\[0\] has a, b; valid: the same in each",
        ),
    ],
)
def test_what_does_not_fit_is_refused(fitted: OptCellClassifier, given: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        fitted.predict(given)


def test_a_wrong_request_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    for wrong, said in (
        ({"layout": "channels"}, "layout = 'channels'; valid: 'steps_first'"),
        ({"trials": 0}, "num_trials = 0"),
        ({"objectives": ["f1"]}, "unknown objective 'f1'"),
    ):
        with pytest.raises(ValueError, match=said):
            OptCellClassifier(**QUICK, out=tmp_path / "runs").set_params(**wrong).fit(X, Y)
    with pytest.raises(ValueError, match="class 'up' has 1 example"):
        OptCellClassifier(**QUICK).fit(X[:3], ["down", "down", "up"])
    for lacking in (None, np.nan):
        with pytest.raises(ValueError, match="y: sequence 2 has no class; valid: one for each"):
            OptCellClassifier(**QUICK).fit(X[:3], ["down", "down", lacking])
    for y, said in (
        (SUMS * 0 + 3, "y is 3 every"),
        (np.stack([SUMS, SUMS * 0], 1), r"y\[:, 1\] is 0"),
    ):
        with pytest.raises(ValueError, match=said):
            OptCellRegressor(**QUICK, out=tmp_path / "runs").fit(X, y)
    with pytest.raises(ValueError, match="y is 3 everywhere, so there is nothing to learn"):
        OptCellForecaster(**QUICK, out=tmp_path / "runs").fit(np.full(400, 3.0))
    assert not [*tmp_path.glob("runs/*")]


def test_scikit_learn_clones_crosses_and_searches_it(tmp_path: Path) -> None:
    estimator = OptCellClassifier(**QUICK, out=tmp_path)
    assert clone(estimator).get_params() == estimator.get_params()
    scores = cross_val_score(estimator, X, Y, cv=2, error_score="raise")
    assert len(scores) == 2
    # Each fit has a folder of its own, which stays.
    assert len([*tmp_path.glob("search-*/run/run.toml")]) == 2
    scaled = make_pipeline(FunctionTransformer(np.tanh), OptCellClassifier(**QUICK))
    grid = GridSearchCV(scaled, {"optcellclassifier__epochs": [1, 10]}, cv=2, error_score="raise")
    grid.fit(X, Y)
    assert grid.best_params_ == {"optcellclassifier__epochs": 10}
    assert len(grid.predict(X)) == 40


def test_a_temporary_folder_goes_with_the_estimator_or_its_next_fit() -> None:
    estimator = OptCellClassifier(**QUICK).fit(X, Y)
    first = estimator.run_.directory.parent
    assert (first / "data.npz").is_file()
    second = estimator.fit(X, Y).run_.directory.parent
    assert not first.exists()
    assert second.is_dir()
    copy = pickle.loads(pickle.dumps(estimator))
    assert not hasattr(copy, "run_")
    del estimator
    assert not second.exists()
    assert len(copy.predict(X)) == 40


def test_a_pickle_predicts_in_another_process(fitted: OptCellClassifier, tmp_path: Path) -> None:
    (tmp_path / "estimator.pickle").write_bytes(pickle.dumps(fitted))
    np.save(tmp_path / "x.npy", X)
    program = (
        "import pickle, sys, numpy\n"
        "made = pickle.load(open('estimator.pickle', 'rb'))\n"
        "numpy.save('shares.npy', made.predict_proba(numpy.load('x.npy')))\n"
        "assert 'ray' not in sys.modules, 'predicting needs no Ray'\n"
    )
    subprocess.run([sys.executable, "-c", program], cwd=tmp_path, check=True)
    shares = np.load(tmp_path / "shares.npy")
    np.testing.assert_allclose(shares, fitted.predict_proba(X), atol=1e-7)


def test_refit_trains_the_winner_on_everything_for_the_epochs_that_were_best() -> None:
    searched = OptCellClassifier(**QUICK | {"epochs": 6}).fit(X, Y)
    refitted = OptCellClassifier(**QUICK | {"epochs": 6, "refit": True}).fit(X, Y)
    assert OptCellClassifier().refit is True
    assert refitted.best_candidate_ == searched.best_candidate_
    run, (number, candidate) = refitted.run_, refitted.run_.candidate("best")
    # By another way: a training on both parts, as many epochs as were best.
    task, epochs = run._check_data(), int(run.results()["best_epoch"][number])
    whole = whole_task(task)
    assert len(whole.train) == len(X)
    training = Training(
        unjudged(candidate), whole, seed=trial_seed(0, candidate.key, 1), epochs=epochs
    )
    for _ in range(epochs):
        training.epoch()
    known = training.model.state_dict()
    for name, tensor in safetensors.torch.load(refitted._winner.weights[0]).items():
        torch.testing.assert_close(tensor, known[name])
    assert np.abs(refitted.predict_proba(X) - searched.predict_proba(X)).max() > 1e-3


def test_an_ensemble_answers_the_mean_of_trainings_with_seeds_of_their_own() -> None:
    one = OptCellClassifier(**QUICK | {"refit": True}).fit(X, Y)
    three = OptCellClassifier(**QUICK | {"refit": True}, ensemble=3).fit(X, Y)
    members = [
        dataclasses.replace(three._winner, weights=(weights,)).predictor.predict_proba({"x": X})
        for weights in three._winner.weights
    ]
    assert len(members) == 3
    np.testing.assert_allclose(members[0], one.predict_proba(X), atol=1e-6)
    assert np.abs(members[1] - members[0]).to_numpy().max() > 1e-3
    mean = np.mean([member.to_numpy() for member in members], axis=0)
    np.testing.assert_allclose(three.predict_proba(X), mean, atol=1e-6)
    np.testing.assert_array_equal(
        pickle.loads(pickle.dumps(three)).predict_proba(X), three.predict_proba(X)
    )


@pytest.mark.parametrize(
    ("asked", "said"),
    [({"ensemble": 0}, "whole number from 1 on"), ({"ensemble": 2}, "valid: refit=True")],
)
def test_an_ensemble_that_cannot_be_is_refused(asked: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        OptCellClassifier(**QUICK, **asked).fit(X, Y)


def test_a_refit_that_diverges_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def diverge(*_: Any, **__: Any) -> None:
        raise DivergedError("loss is not finite at epoch 1, step 2")

    monkeypatch.setattr("optcell_search.tuning.run_weights.trained", diverge)
    with pytest.raises(RunFailedError, match="trial 0, trained on all data but the test split: lo"):
        OptCellClassifier(**QUICK | {"refit": True}).fit(X, Y)
