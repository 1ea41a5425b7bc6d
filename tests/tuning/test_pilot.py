"""A budget in time: epochs and folds are cut to what there is time for, and nothing else is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from runs import SPACE

from optcell_search import tasks
from optcell_search.ledger.request import Request
from optcell_search.space import Candidate, SearchSpace
from optcell_search.training import Training
from optcell_search.tuning.resolving import pilot
from optcell_search.tuning.resolving.pilot import Plan, seconds_an_epoch
from optcell_search.tuning.resolving.resolve import resolve


@pytest.mark.parametrize(
    ("room", "fixed", "given"),
    [
        (1000.0, False, (100, 5)),
        (500.0, False, (100, 5)),
        (250.0, False, (50, 5)),
        (125.0, False, (25, 5)),
        # Less than a quarter of the epochs: folds go first.
        (120.0, False, (100, 1)),
        (60.0, False, (60, 1)),
        (0.1, False, (1, 1)),
        (60.0, True, (12, 5)),
    ],
)
def test_what_a_candidate_has_the_time_for(
    room: float, fixed: bool, given: tuple[int, int]
) -> None:
    assert Plan(100, 5, fixed).within(room, seconds=1.0) == given


@given(st.integers(1, 500), st.integers(1, 10), st.booleans(), st.floats(0, 1e6), st.floats(0, 1e4))
def test_it_is_never_more_than_planned_or_nothing(
    epochs: int, folds: int, fixed: bool, room: float, seconds: float
) -> None:
    got_epochs, got_folds = Plan(epochs, folds, fixed).within(room, seconds)
    assert 1 <= got_epochs <= epochs
    assert got_folds == folds or (got_folds == 1 and not fixed)
    assert got_epochs == 1 or got_epochs * got_folds * seconds <= room * (1 + 1e-9)


def test_an_epoch_of_a_share_is_one_of_a_whole_training(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a training that takes half of two epochs the second is none, and took no time."""
    trained = []

    def spied(candidate: Candidate, *args: Any, **options: Any) -> Training:
        trained.append(candidate.training.share)
        return Training(candidate, *args, **options)

    monkeypatch.setattr(pilot, "Training", spied)
    half = {"rules": ["heavy_ball"], "rule": {}, "training": {"share": 0.5}}
    space = SearchSpace.from_dict({**SPACE, **half}, where="here")
    assert space.plain() == []
    seconds_an_epoch(space, tasks.load("digits"), 1)
    assert set(trained) == {1.0}


@pytest.mark.parametrize("spec", ["digits", "adding:length=12", "copying:lag=20", "{text}"])
def test_an_epoch_is_measured_and_leaves_no_trace(spec: str, tmp_path: Path) -> None:
    # Of a text a sequence is a stream, taken in pieces.
    (tmp_path / "text.txt").write_text("It was the best of times. " * 2000, encoding="utf-8")
    spec = spec.format(text=tmp_path / "text.txt")
    space = SearchSpace.from_dict({**SPACE}, where="here")
    task = tasks.load(spec)
    threads, stream = torch.get_num_threads(), torch.get_rng_state()
    assert seconds_an_epoch(space, task, 1) > 0
    assert torch.get_num_threads() == threads
    assert torch.equal(torch.get_rng_state(), stream)


def asked(monkeypatch: pytest.MonkeyPatch, seconds: float, **options: object) -> Request:
    monkeypatch.setattr(pilot, "seconds_an_epoch", lambda *_: seconds)
    monkeypatch.setattr("optcell_search.tuning.resolving.resolve.available_cores", lambda: 2)
    options = {"time": "10m", "workers": 2, "preset": "good", **options}
    return resolve(SPACE, "digits", **options)  # type: ignore[arg-type]


def test_a_search_has_time_for_ten_candidates(monkeypatch: pytest.MonkeyPatch) -> None:
    usual = asked(monkeypatch, 0.01)
    assert "cut" not in usual.epochs_rule
    assert (usual.uncut_epochs, usual.uncut_folds, usual.is_of_few) == (0, 0, False)
    request = asked(monkeypatch, 4.0)
    assert (request.epochs, request.folds) == (30, 1)
    assert request.uncut_epochs == usual.epochs
    assert request.epochs_rule.endswith(
        f"; cut to 30 of {usual.epochs} epochs, as an epoch takes 4 s here and a candidate has "
        "120 s of the time"
    )
    # Three candidates alone may take longer each.
    assert asked(monkeypatch, 4.0, num_trials=3).epochs == 100
    assert asked(monkeypatch, 4.0, repeats=2).epochs == 15


@pytest.mark.parametrize(
    ("asked_trials", "folds", "number"), [(0, 1, 10), (0, 5, 5), (50, 5, 5), (50, 1, 10), (3, 5, 3)]
)
def test_few_candidates_are_judged_in_folds(asked_trials: int, folds: int, number: int) -> None:
    assert pilot.candidates(asked_trials, folds) == number


def test_a_small_set_has_time_for_five_candidates(
    monkeypatch: pytest.MonkeyPatch, tiny: str
) -> None:
    monkeypatch.setattr(pilot, "seconds_an_epoch", lambda *_: 1.0)
    monkeypatch.setattr("optcell_search.tuning.resolving.resolve.available_cores", lambda: 1)
    options: dict[str, Any] = {"time": 5000, "workers": 1, "folds": 5, "epochs": "auto"}
    # 5,000 s are 1,000 s for each of five, so 200 s in each of its folds.
    request = resolve(SPACE, tiny, **options)
    assert (request.epochs, request.uncut_folds, request.is_of_few) == (200, 0, True)
    # With less than a quarter of the epochs there are no folds, and still few data.
    cut = resolve(SPACE, tiny, **{**options, "time": 500, "folds": "auto"})
    assert (cut.folds, cut.uncut_folds, cut.is_of_few) == (1, 5, True)


def test_a_cluster_of_our_own_is_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    assert asked(monkeypatch, 4.0, address="local").epochs == 30
    assert "cut" not in asked(monkeypatch, 1e6, address="127.0.0.1:6379").epochs_rule


def test_workers_beyond_the_cores_bring_no_more_time(monkeypatch: pytest.MonkeyPatch) -> None:
    assert asked(monkeypatch, 4.0, workers=8).epochs == 30
    assert asked(monkeypatch, 4.0, threads=2).epochs == 15


def test_a_wrong_request_is_refused_before_anything_is_measured(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pilot, "seconds_an_epoch", lambda *_: pytest.fail("measured"))
    options = {"time": "10m", "preset": "good", "constraints": ["no_such_metric<=1"]}
    with pytest.raises(ValueError, match="no_such_metric"):
        resolve(SPACE, "digits", **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "options", [{"epochs": 50}, {"deterministic": True}, {"time": None, "num_trials": 3}]
)
def test_what_is_said_and_what_is_deterministic_goes_by_no_clock(
    monkeypatch: pytest.MonkeyPatch, options: dict[str, object]
) -> None:
    assert "cut" not in asked(monkeypatch, 1e6, **options).epochs_rule
