"""How long a chosen candidate is trained on all data."""

from __future__ import annotations

from typing import Any

import optuna
import pytest
from runs import SPACE, a_request

from optcell_search.ledger.format import METRICS
from optcell_search.space import SearchSpace
from optcell_search.tuning.worker.final_training import refit_epochs


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
    assert refit_epochs(trial, a_request(tiny, epochs=30)) == epochs
