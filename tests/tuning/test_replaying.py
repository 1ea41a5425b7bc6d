"""When a trial that is trained again came to the same."""

from __future__ import annotations

import math
from typing import Any

import pytest
from optuna.trial import create_trial
from runs import SPACE, a_request

from optcell_search.space import SearchSpace
from optcell_search.tuning import replay
from optcell_search.tuning.cluster.data_transfer import Source
from optcell_search.tuning.replay import Replay
from optcell_search.tuning.worker.job import Job


@pytest.mark.parametrize(
    ("recorded", "repeated", "same"),
    [
        (0.9, 0.905, True), (0.9, 0.92, False), (0.001, 0.01, False), (0.01, 0.01005, True),
        (300.0, 302.0, True), (300.0, 304.0, False), (2e-6, -3e-6, True),
        (math.inf, 5.0, False), (math.nan, 5.0, False),
    ],
)  # fmt: skip
def test_with_company_it_is_the_same_up_to_a_hundredth_of_each_metric(
    recorded: float, repeated: float, same: bool
) -> None:
    found = Replay(0, {1: {"loss": recorded}}, {1: {"loss": repeated}}, {}, company=4)
    assert found.is_same == same
    assert not Replay(0, found.recorded, found.repeated, {}).is_same


def test_folds_are_trained_again_with_as_many_at_once_as_before_some_had_enough(
    tiny: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    known: dict[str, Any] = {
        f"epoch:{epoch:04d}": {"epoch": epoch, "accuracy": 0.5, "population": company}
        for epoch, company in enumerate((2.0, 2.0, 1.0), start=1)
    }
    known |= {
        "candidate": SearchSpace.from_dict(SPACE).sample().to_dict(),
        "seed": 1,
        "seeds": [1, 2, 3],
    }
    trial = create_trial(value=0.5, user_attrs={**known, "metrics": known["epoch:0003"]})
    taken: list[int] = []

    def session(job: Job) -> None:
        taken.append(job.population)
        raise KeyboardInterrupt

    monkeypatch.setattr(replay, "Session", session)
    with pytest.raises(KeyboardInterrupt):
        replay.replay(a_request(tiny, folds=3, epochs=3), trial, Source(task=tiny, data_dir=""))
    assert taken == [2]
