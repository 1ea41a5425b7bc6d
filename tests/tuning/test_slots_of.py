"""How many candidates a worker trains side by side."""

from __future__ import annotations

from typing import Any

import pytest

from optcell_search import tasks
from optcell_search.space import SearchSpace
from optcell_search.tuning.resolving.resolve import resolve
from optcell_search.tuning.resolving.slots import automatic_slots, slots_of


@pytest.mark.parametrize(
    ("asked", "changes", "slots"),
    [
        (1, {}, 1),
        (8, {}, 8),
        (8, {"trials": 10}, 5),
        (8, {"trials": 0}, 8),
        (8, {"trainings": 5}, 1),
    ],
)
def test_what_is_taken(asked: int, changes: dict[str, Any], slots: int) -> None:
    options: dict[str, Any] = {"trainings": 1, "trials": 200, "workers": 2}
    assert slots_of(asked, **{**options, **changes}) == slots


def small(cells: tuple[str, ...] = ("lstm",), **model: Any) -> dict[str, Any]:
    rules = ["gd", "heavy_ball", "nesterov", "adam", "rmsprop"]
    sizes = {"hidden_size": 32, **model}
    return {"name": "small", "cells": list(cells), "rules": rules, "model": sizes}


@pytest.mark.parametrize(
    ("space", "changes", "slots"),
    [
        (small(), {}, 16),
        (small(("lstm", "gru")), {}, 16),
        (small(("lstm", "gru", "rnn")), {}, 1),
        (small(hidden_size={"choices": [16, 24, 32]}), {}, 1),
        (small(hidden_size=256), {}, 1),
        (small(), {"trials": 40}, 5),
        (small(), {"trials": 31}, 1),
        (small(), {"trials": 0}, 1),
        (small(), {"workers": 8}, 6),
        (small(), {"trainings": 5}, 1),
    ],
)
def test_several_are_taken_of_few_forms_of_small_networks(
    space: dict[str, Any], changes: dict[str, Any], slots: int
) -> None:
    options: dict[str, Any] = {"trainings": 1, "trials": 200, "workers": 2, **changes}
    digits = tasks.load("digits")
    assert automatic_slots(SearchSpace.from_dict(space), digits, **options) == slots


@pytest.mark.parametrize(
    ("changes", "slots"),
    [
        ({}, 12),
        ({"population": 1}, 1),
        ({"population": 8}, 8),
        ({"time": "1h"}, 1),
        ({"trial_time": "1h"}, 1),
        ({"deterministic": True}, 1),
        ({"folds": 2}, 1),
        ({"gpus_per_trial": 0.25}, 1),
        ({"objectives": ["accuracy", "train_seconds"]}, 1),
        ({"constraints": ["train_seconds<=3"]}, 1),
        ({"until": ["train_seconds<=3"]}, 1),
    ],
)
def test_auto_is_for_a_search_that_goes_by_no_clock(changes: dict[str, Any], slots: int) -> None:
    request = resolve(small(), "digits", num_trials=100, workers=2, **changes)
    assert request.slots == slots
