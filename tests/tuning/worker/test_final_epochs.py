"""How long a chosen candidate is trained on all data."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import Any

import optuna
import pytest
from runs import SPACE, a_request

from optcell_search.ledger.format import METRICS, REASON
from optcell_search.space import SearchSpace
from optcell_search.training.budget import own_epochs
from optcell_search.tuning.finalizing.finalize import Plan
from optcell_search.tuning.worker.final_training import final_epochs, warn_of_early_end


@pytest.mark.parametrize(
    ("training", "metrics", "epochs"),
    [
        ({}, {"best_epoch": 12.4}, 12),
        ({}, {"best_epoch": 0.2}, 1),
        ({}, {}, 30),
        # What was judged is the end of the schedule.
        ({"schedule": "one_cycle"}, {"best_epoch": 12.4}, 30),
        ({"warmup": 0.1}, {"best_epoch": 12.4}, 30),
    ],
)
def test_as_long_as_was_best_or_to_the_end_of_a_schedule(
    tiny: str, training: dict[str, Any], metrics: dict[str, float], epochs: int
) -> None:
    space = SearchSpace.from_dict({**SPACE, "training": {**SPACE.get("training", {}), **training}})
    trial = optuna.trial.create_trial(
        value=0.0,
        user_attrs={"candidate": space.sample().to_dict(), METRICS: metrics},
    )
    assert final_epochs(trial, a_request(tiny, epochs=30), refit=True) == epochs


@pytest.mark.parametrize(
    ("training", "refit", "epochs"),
    [
        ({"schedule": "one_cycle"}, True, 90),
        ({"schedule": "one_cycle"}, False, 90),
        ({"warmup": 0.1}, True, 90),
        ({"warmup": 0.1}, False, 90),
        ({}, True, 12),
        ({}, False, 30),
        # The best was the 12th of those that are a quarter.
        ({"share": 0.25}, True, 48),
    ],
)
def test_a_schedule_that_the_search_had_no_time_for_is_stretched(
    tiny: str, training: dict[str, Any], refit: bool, epochs: int
) -> None:
    space = SearchSpace.from_dict({**SPACE, "training": {**SPACE.get("training", {}), **training}})
    trial = optuna.trial.create_trial(
        value=0.0,
        user_attrs={"candidate": space.sample().to_dict(), METRICS: {"best_epoch": 12.4}},
    )
    request = replace(a_request(tiny, epochs=30), uncut_epochs=90)
    assert final_epochs(trial, request, refit=refit) == epochs
    assert Plan(seeds=1, refit=refit).epochs_of(trial, request) == epochs
    assert Plan(seeds=1, refit=refit, epochs=7).epochs_of(trial, request) == 7


@pytest.mark.parametrize("reason", ["cut: the time is used up", "pruned by hand", ""])
@pytest.mark.parametrize("share", [1.0, 0.5])
def test_what_ended_early_is_trained_for_the_epochs_of_the_search(
    tiny: str, reason: str, share: float
) -> None:
    space = SearchSpace.from_dict({**SPACE, "training": {"lr": 0.1, "share": share}})
    known = {"candidate": space.sample().to_dict(), METRICS: {"best_epoch": 2.0}, REASON: reason}
    trial = optuna.trial.create_trial(value=0.0, user_attrs=known)
    request = a_request(tiny, epochs=100)
    assert final_epochs(trial, request, refit=False) == 100
    assert final_epochs(trial, request, refit=True) == (100 if reason else round(2 / share))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        warn_of_early_end(trial, 100)
    assert len(caught) == bool(reason)
    if reason:
        words = str(caught[0].message)
        assert f"ended early in the search ({reason})" in words
        assert f"after {round(100 * share)} epochs" in words


@pytest.mark.parametrize("share", [0.1, 0.3, 0.6, 0.7, 0.999, 1.0])
def test_of_a_share_as_many_are_trained_as_were_best(tiny: str, share: float) -> None:
    space = SearchSpace.from_dict({**SPACE, "training": {"lr": 0.1, "share": share}})
    for best in (0.4, 1.0, 2.6, 12.4, 77.0):
        known = {"candidate": space.sample().to_dict(), METRICS: {"best_epoch": best}}
        trial = optuna.trial.create_trial(value=0.0, user_attrs=known)
        epochs = final_epochs(trial, a_request(tiny, epochs=1000), refit=True)
        assert own_epochs(epochs, share) == max(1, round(best))
