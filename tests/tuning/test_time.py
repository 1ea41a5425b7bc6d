"""A search that ends by the clock, on a real Ray cluster."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path

import pytest
from optuna.samplers import RandomSampler
from optuna.trial import TrialState
from runs import SPACE

import optcell_search
from optcell_search.ledger.opening import open_ledger
from optcell_search.tuning import Run
from optcell_search.tuning.cluster import preflight

pytestmark = pytest.mark.usefixtures("cluster")


@pytest.mark.slow
def test_running_trials_end_and_a_resume_goes_on(tiny: str, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    # Candidates that would take hours.
    optcell_search.search(
        SPACE, tiny, time=3, out=folder, epochs=10**6, workers=2, scheduler="none"
    )
    known = Run.open(folder).status()
    # There is nothing else, so they count as they are.
    assert (known["complete"], known["pruned"], known["running"]) == (2, 0, 0)
    assert known["ended"] == "the time is used up before any candidate was trained to its end"
    assert known["best"] is not None
    assert known["searched_seconds"] >= 3
    table = Run.open(folder).results()
    assert (table["epochs"] > 0).all()
    assert table["accuracy"].between(0, 1).all()

    # Time that goes by meanwhile does not count, and without more of it nothing happens.
    time.sleep(1)
    with pytest.warns(UserWarning, match=r"^nothing was trained: the time is used up; .*--time D"):
        Run.open(folder).resume()
    assert Run.open(folder).status()["searched_seconds"] == known["searched_seconds"]
    total = known["searched_seconds"] + 3
    after = Run.open(folder).resume(time=total)
    assert after.request.time_limit == total
    known = after.status()
    assert (known["complete"], known["pruned"]) == (2, 2)
    assert known["ended"] == "the time is used up"
    assert known["searched_seconds"] >= total


def test_trials_and_time_together_and_a_trial_given_up(
    tiny: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "run"
    run = optcell_search.search(SPACE, tiny, 2, folder, time="1h", epochs=2, workers=2)
    assert run.status()["ended"] == ""
    before = (folder / "run.toml").read_bytes()
    used = run.status()["searched_seconds"]
    with pytest.raises(ValueError, match=r"^time = .* s in all, of which the run has used .*valid"):
        Run.open(folder).resume(time=used)
    with pytest.raises(ValueError, match=r"^num_trials = 1 in all, but the run has 2; valid: 2 or"):
        Run.open(folder).resume(num_trials=1, time="2h")
    assert (folder / "run.toml").read_bytes() == before
    with contextlib.closing(open_ledger(run.request, folder)) as ledger:
        # As a driver that died leaves it.
        ledger.request = run.request
        left = ledger.ask(run.request.search_space, RandomSampler(seed=7))
    assert left is not None
    # Nothing is changed, and nothing given up, before all that is asked for is known to be right.

    def nowhere() -> None:
        raise ValueError("no cluster")

    for skip, said in (([left.number], "no cluster"), ([0, left.number], "trial 0 is not open; ")):
        with monkeypatch.context() as patched:
            patched.setattr(preflight, "check_system", nowhere)
            with pytest.raises(ValueError, match=said):
                Run.open(folder).resume(num_trials=9, patience=50, skip=skip)
        assert (folder / "run.toml").read_bytes() == before
        with contextlib.closing(open_ledger(run.request, folder)) as ledger:
            assert ledger.trials()[left.number].state == TrialState.RUNNING
    run = Run.open(folder).resume(num_trials=4, skip=[left.number])
    with contextlib.closing(open_ledger(run.request, folder)) as ledger:
        states = [trial.state for trial in ledger.trials()]
        reason = ledger.trials()[left.number].user_attrs["reason"]
    assert (states[left.number], reason) == (TrialState.FAIL, "given up")
    assert len(states) == 4
    assert states.count(TrialState.FAIL) == 1
    assert Run.open(folder).request.num_trials == 4
