"""How many candidates a worker trains side by side, where nobody says it."""

from __future__ import annotations

from typing import Any

import pytest

from optcell_search import tasks
from optcell_search.space import SearchSpace
from optcell_search.tuning.resolving.slots import slots_of

PAYING: dict[str, Any] = {
    "name": "paying",
    "cells": ["lstm"],
    "rules": ["gd", "heavy_ball"],
    "model": {"hidden_size": 32},
    "training": {"lr": {"low": 1e-3, "high": 1e-1, "log": True}, "batch_size": 32},
}
LARGE = {**PAYING, "model": {"hidden_size": 512}}
MANY = {**PAYING, "model": {"hidden_size": {"low": 8, "high": 64}}}


@pytest.mark.parametrize(
    ("asked", "space", "changes", "slots"),
    [
        ("auto", PAYING, {}, 16),
        ("auto", PAYING, {"trials": 60}, 6),
        ("auto", PAYING, {"trials": 20}, 1),
        ("auto", PAYING, {"trials": 0}, 1),
        ("auto", PAYING, {"trainings": 5}, 1),
        ("auto", PAYING, {"timed": True}, 1),
        ("auto", PAYING, {"goals": ["accuracy", "train_seconds"]}, 1),
        ("auto", PAYING, {"device": "cuda"}, 1),
        ("auto", LARGE, {}, 1),
        ("auto", MANY, {}, 1),
        (1, PAYING, {}, 1),
        (8, LARGE, {"timed": True, "device": "cuda"}, 8),
        (8, PAYING, {"trials": 10}, 5),
        (8, PAYING, {"trials": 0}, 8),
        (8, PAYING, {"trainings": 5}, 1),
    ],
)
def test_what_is_taken(asked: Any, space: dict[str, Any], changes: Any, slots: int) -> None:
    options: dict[str, Any] = {
        "trainings": 1, "trials": 200, "workers": 2, "timed": False, "goals": ["accuracy"],
        "device": "cpu",
    }  # fmt: skip
    found = slots_of(
        asked, SearchSpace.from_dict(space), tasks.load("digits"), **{**options, **changes}
    )
    assert found == slots
