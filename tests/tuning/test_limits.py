"""What a user's limits come to."""

from __future__ import annotations

import math
import re
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from runs import SMALL_SPACE, SPACE, a_request, write_series, write_tiny_data

from optcell_search import tasks
from optcell_search.ledger.request import Request
from optcell_search.space import Candidate, SearchSpace
from optcell_search.tasks import Classification, Ragged, Split
from optcell_search.tasks.folds import fold
from optcell_search.training.recipe.schedule import steps_in
from optcell_search.tuning import extending
from optcell_search.tuning.resolving import limits, step_memory
from optcell_search.tuning.resolving.amounts import seconds_of
from optcell_search.tuning.resolving.reach import ranges
from optcell_search.tuning.resolving.resolve import resolve

LONG = Ragged(torch.zeros(150_000 + 4 * 63, 2), torch.tensor([150_000, *[4] * 63]))


@pytest.mark.parametrize(
    ("asked", "seconds"),
    [("30m", 1800), ("1h", 3600), ("90s", 90), ("1h30m", 5400), ("0.5h", 1800), ("2d", 172800),
     ("90", 90), (90, 90), (0.25, 0.25)],
)  # fmt: skip
def test_times(asked: str | float, seconds: float) -> None:
    assert seconds_of("time", asked) == seconds


@pytest.mark.parametrize(
    "asked", ["", "soon", "30 min", "m", "-5m", "0", 0, -1, "nan", "inf", "1e99"]
)
def test_what_is_no_time(asked: str | float) -> None:
    with pytest.raises(ValueError, match=r"^time = .*; valid: a time such as 90s, 30m or 1h30m"):
        seconds_of("time", asked)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"num_trials": None}, "neither a number of trials nor a time is given"),
        ({"time": "soon"}, "time = soon; valid"),
        ({"trial_time": "x"}, "trial_time = x; valid"),
        ({"patience": -1}, "patience = -1; valid: integers, 0 or more"),
        ({"until": ["accuracy>1"]}, "'accuracy>1'; valid: METRIC<=NUMBER"),
        ({"until": ["beauty>=1"]}, "unknown metric 'beauty'"),
        ({"until": ["accuracy>=2"]}, "until 'accuracy>=2': accuracy is never above 1"),
        ({"constraints": ["brier<=-1"]}, "constraints 'brier<=-1': brier is never below 0"),
        ({"until": ["latency_ms<=-0.5"]}, "latency_ms is never below 0"),
        (
            {"constraints": ["parameters<=1e3", "brier<=1", "parameters>=2e3"]},
            "constraints 'parameters>=2000' and 'parameters<=1000': nothing keeps both",
        ),
        ({"deterministic": True, "until": ["train_seconds<=1"]}, "train_seconds is read off"),
        (
            {"until": ["accuracy<=0.9"]},
            "until 'accuracy<=0.9': accuracy is to be maximized, so whatever is worse keeps it; "
            "valid: accuracy>=NUMBER",
        ),
        ({"until": ["accuracy>=0.9", "train_seconds>=1"]}, "valid: train_seconds<=NUMBER"),
        ({"deterministic": True, "trial_time": "1m"}, "trial_time goes by a clock"),
        ({"first": "nowhere.toml"}, "nowhere.toml: no such file"),
        ({"folds": 0}, "folds = 0; valid: integers, 1 or more"),
        ({"num_trials": 2.5}, "num_trials = 2.5; valid: integers, 1 or more"),
        ({"epochs": "3"}, "epochs = '3'; valid: integers, 1 or more"),
        ({"repeats": True}, "repeats = True; valid: integers, 1 or more"),
        ({"constraints": "loss<=1"}, "constraints = 'loss<=1'; valid: a list, such as ['loss<=1']"),
        ({"until": "loss<=1"}, "until = 'loss<=1'; valid: a list, such as ['loss<=1']"),
        ({"folds": 33}, "32 sequences are too few; valid: 1"),
        ({"preset": "fast"}, "unknown preset 'fast'; valid: quick, good, best"),
    ],
)
def test_wrong_limits_take_one_line(tiny: str, changes: dict[str, Any], message: str) -> None:
    with pytest.raises((ValueError, FileNotFoundError)) as caught:
        a_request(tiny, **changes)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_bounds_are_refused_where_the_range_is_known_alone(tiny: str, tmp_path: Path) -> None:
    assert a_request(tiny, until=["accuracy>=1", "parameters<=0"]).until == (
        "accuracy>=1",
        "parameters<=0",
    )
    assert a_request(tiny, constraints=["parameters<=9", "parameters>=9"]).constraints
    task = tasks.load(write_series(tmp_path))
    known = ranges(task)
    assert known["r2"] == (-math.inf, 1.0)
    assert set(task.goal.metrics) <= set(known)

    class Percent(Classification):
        """Another goal, which calls something else by the same name."""

    percent = SimpleNamespace(goal=Percent(classes=2), penalties=())
    assert "accuracy" not in ranges(percent)  # type: ignore[arg-type]


def test_epochs_are_chosen_for_the_data_and_the_largest_batch(tiny: str) -> None:
    space = {**SPACE, "training": {"lr": 0.1, "batch_size": {"choices": [16, 8]}}}
    request = a_request(tiny, space=space, epochs="auto")
    count = len(tasks.load(tiny).train)
    assert request.epochs == min(1000, -(-2000 // -(-count // 16)))
    assert request.epochs_rule.startswith(f"auto: {count} sequences in batches of 16, so ")
    assert a_request(tiny, epochs=3).epochs_rule == ""


def test_steps_of_batches_of_alike_length_are_counted_as_they_are() -> None:
    """One long sequence stands in a batch of its own: three steps, not two."""
    train = Split(LONG, torch.zeros(len(LONG)), LONG.lengths)
    task = SimpleNamespace(train=train, chunk=0)
    space = SearchSpace.from_dict({**SPACE, "training": {"lr": 0.1, "batch_size": 32}})
    epochs, rule = limits.epochs_of("auto", space, task)  # type: ignore[arg-type]
    assert rule.endswith(
        f"64 sequences in batches of 32, so 3 steps an epoch and {3 * epochs} in all"
    )
    assert epochs == 667
    space = SearchSpace.from_dict({**SPACE, "training": {"lr": 0.1, "batch_size": 2}})
    epochs, rule = limits.epochs_of("auto", space, task)  # type: ignore[arg-type]
    assert (epochs, "so 33 steps" in rule) == (61, True)


@pytest.mark.parametrize(
    ("free", "here", "said"), [(10**9, True, 0), (10**8, True, 1), (1, False, 0)]
)
def test_a_step_that_needs_more_memory_than_there_is_is_said(
    free: int, here: bool, said: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = SimpleNamespace(train=SimpleNamespace(inputs=LONG), chunk=0)
    space = SearchSpace.from_dict(
        {
            **SPACE,
            "cells": ["lstm"],
            "cell": {},
            "model": {"hidden_size": {"choices": [8, 16]}, "num_layers": 2},
            "training": {"lr": 0.1, "batch_size": 32},
        }
    )
    monkeypatch.setattr(step_memory.memory, "available", lambda: free)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        step_memory.warn(space, task, 2, here=here)  # type: ignore[arg-type]
    assert len(caught) == said
    if said:
        # 2 workers · 1 sequence · 150,000 steps · 16 units · 2 layers · 4 gates · 8 bytes
        words = str(caught[0].message)
        assert "keeps 1 sequences of 150000 steps at a time: with 16 units and 2 workers" in words
        assert f"about {2 * 150_000 * 16 * 2 * 4 * 8 / 2**30:.1f} GiB" in words


@pytest.mark.parametrize(
    ("write", "said"),
    [
        (write_tiny_data, r"in all in the last of 2 folds$"),
        (write_series, r"in all in the last of 2 folds, fewer in those before$"),
    ],
)
def test_steps_in_all_are_those_of_the_last_fold(
    write: Callable[[Path], str], said: str, tmp_path: Path
) -> None:
    spec = write(tmp_path)
    request = a_request(spec, epochs="auto", folds=2)
    task = fold(tasks.load(spec), 1, 2, seed=0)
    found = re.search(r"so (\d+) steps an epoch and (\d+) in all", request.epochs_rule)
    assert found is not None
    assert re.search(said, request.epochs_rule)
    training = Candidate.from_dict(request.first[0]).training
    steps = steps_in(training, task, request.epochs)
    assert (int(found[1]) * request.epochs, int(found[2])) == (steps, steps)


def test_folds_go_by_what_candidates_are_judged_by(tmp_path: Path) -> None:
    y = np.arange(60) % 15 == 0
    np.savez(tmp_path / "few.npz", x=np.random.RandomState(0).randn(60, 3, 1), y=y.astype("int64"))
    spec = str(tmp_path / "few.npz")
    # One of four is for the test.
    assert a_request(spec, folds="auto", objectives=["roc_auc"]).folds == 3
    assert a_request(spec, folds=5).folds == 5
    for changes in (
        {"objectives": ["accuracy", "roc_auc"]},
        {"until": ["roc_auc>=0.9"]},
        {"constraints": ["roc_auc>=0.6"]},
    ):
        with pytest.raises(ValueError, match=r"which roc_auc cannot do without; valid: 1 to 3$"):
            a_request(spec, folds=5, **changes)


def test_a_text_is_taken_in_pieces_of_which_each_is_a_step(tmp_path: Path) -> None:
    text = tmp_path / "long.txt"
    text.write_text("abcd" * 5000)
    space = {**SPACE, "training": {"lr": 0.1, "batch_size": 8}}
    task = tasks.load(f"{text}:streams=8,chunk=16")
    steps = -(-int(task.train.inputs.shape[1]) // 16)
    epochs, rule = limits.epochs_of("auto", SearchSpace.from_dict(space), task)
    assert epochs == max(10, min(1000, -(-2000 // steps)))
    assert f"each in {steps} pieces, so {steps} steps an epoch and {steps * epochs} in all" in rule


def test_there_are_no_more_trials_than_candidates(tiny: str) -> None:
    assert a_request(tiny, space=SMALL_SPACE, num_trials=100).num_trials == 8
    assert a_request(tiny, space=SMALL_SPACE, num_trials=3).num_trials == 3
    assert a_request(tiny, space=SMALL_SPACE, num_trials=None, time="1h").num_trials == 8
    assert a_request(tiny, num_trials=100).num_trials == 100


@pytest.mark.parametrize("bound", ["accuracy<=0.5", "train_seconds<=1"])
def test_a_run_goes_on_to_no_goal_that_it_could_not_begin_with(tiny: str, bound: str) -> None:
    request = a_request(tiny, deterministic=True)
    with pytest.raises(ValueError, match=r"; valid") as caught:
        extending.changes(request, lambda: tasks.load(tiny), until=[bound])
    assert bound.partition("<")[0] in str(caught.value)


def test_nor_to_one_that_a_fold_does_not_define(tmp_path: Path) -> None:
    values = np.round(np.random.RandomState(0).randn(120), 1)
    values[30:60] = 0
    path = tmp_path / "series.csv"
    path.write_text("y\n" + "\n".join(map(str, values)) + "\n")
    spec = f"forecast:file={path},target=y,window=6,horizon=2"
    request = a_request(spec, folds=5)
    assert request.folds == 5
    goal, task = ["r2>=0.9"], tasks.load(spec)
    expected = "r2 is not defined for the targets that fold 2 of 5 validates on"
    with pytest.raises(ValueError, match=f"^until = r2>=0.9: {expected}$"):
        extending.changes(request, lambda: task, until=goal)
    with pytest.raises(ValueError, match=f"^folds = 5, .*{expected}; valid: "):
        a_request(spec, folds=5, until=goal)
    changed = extending.changes(replace(request, folds=1), lambda: task, until=goal)
    assert changed == {"until": ("r2>=0.9",)}


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({}, (1, 10, 1, False)),
        ({"preset": "quick"}, (1, 250, 1, False)),
        ({"preset": "good"}, (5, 1000, 1, False)),
        ({"preset": "best"}, (5, 2000, 2, True)),
        ({"preset": "best", "folds": 3, "epochs": 7, "repeats": 1}, (3, 7, 1, True)),
        ({"preset": "quick", "epochs": "auto"}, (1, 1000, 1, False)),
    ],
)
def test_presets_say_how_thoroughly_and_explicit_options_win(
    tiny: str, asked: dict[str, Any], found: tuple[int, int, int, bool]
) -> None:
    request = resolve(SPACE, tiny, num_trials=4, **asked)
    assert (request.folds, request.epochs, request.repeats, request.ensemble) == found
    assert request.trainings == found[0] * found[2]


def test_a_request_from_before_there_were_folds_has_none(tiny: str) -> None:
    stored = a_request(tiny, folds=3).to_dict()
    assert Request.from_dict(stored, "here").folds == 3
    for name in ("folds", "ensemble"):
        del stored[name]
    old = Request.from_dict(stored, "here")
    assert (old.folds, old.ensemble, old.trainings) == (1, False, old.repeats)


@pytest.mark.parametrize("name", ["sp#a?ce%", "a\\b", "../x", "日本", "n" * 300])
def test_a_run_is_named_by_plain_signs(name: str, tiny: str) -> None:
    run_id = a_request(tiny, space=SPACE | {"name": name}).run_id
    assert re.fullmatch(r"[A-Za-z0-9._-]{1,100}", run_id)
    assert not run_id.startswith(".")
