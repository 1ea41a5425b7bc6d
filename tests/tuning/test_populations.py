"""Searches whose workers hold many trials, on a real Ray cluster: the ledger is the same."""

from __future__ import annotations

import os
import random
import signal
import threading
from pathlib import Path
from typing import Any

import pytest
from optuna.trial import FrozenTrial, TrialState
from ray import tune
from runs import SPACE, faulty_space

import optcell_search
from optcell_search.ledger.format import OCCUPANCY, epochs_in
from optcell_search.tuning import Run, RunFailedError
from optcell_search.tuning.search.populations import hosting

pytestmark = pytest.mark.usefixtures("cluster")

TIMED = ("train_seconds", "latency_ms", "population")
FIVE: dict[str, Any] = {
    **SPACE,
    "rules": ["gd", "heavy_ball", "nesterov", "adam", "rmsprop"],
    "rule": {},
}


def searched(task: str, folder: Path, **changes: Any) -> Run:
    options: dict[str, Any] = {
        "num_trials": 8, "epochs": 3, "seed": 3, "workers": 1, "threads": 1, "population": 4,
    }  # fmt: skip
    return optcell_search.search(FIVE, task, out=folder, **{**options, **changes})


def trials(run: Run) -> list[FrozenTrial]:
    return run._study.get_trials()


def scores(trial: FrozenTrial) -> dict[int, dict[str, float]]:
    return {
        epoch: {name: value for name, value in metrics.items() if name not in TIMED}
        for epoch, metrics in epochs_in(trial.user_attrs).items()
    }


def assert_one_ledger(one: Run, other: Run) -> None:
    assert len(trials(one)) == len(trials(other))
    for here, there in zip(trials(one), trials(other), strict=True):
        assert (here.state, here.params) == (there.state, there.params)
        assert here.user_attrs["key"] == there.user_attrs["key"]
        assert scores(here).keys() == scores(there).keys()
        for epoch, metrics in scores(here).items():
            assert metrics == pytest.approx(scores(there)[epoch], rel=1e-3, abs=1e-6)
        assert here.values == pytest.approx(there.values, rel=1e-3) or not here.values


class Notes(tune.Callback):
    """What a logger hears, in its order: what, of which trial, and the epoch."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, int, int]] = []

    def on_trial_start(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        self.heard.append(("start", trial.config["job"].number, 0))

    def on_trial_result(
        self, iteration: int, trials: list[Any], trial: Any, result: dict[str, Any], **info: Any
    ) -> None:
        self.heard.append(("result", trial.config["job"].number, result["epoch"]))
        assert result["training_iteration"] >= 1

    def on_trial_complete(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        self.heard.append(("complete", trial.config["job"].number, 0))

    def of(self, number: int) -> list[tuple[str, int, int]]:
        return [one for one in self.heard if one[1] == number]


def test_the_ledger_is_that_of_a_search_without_populations(tiny: str, tmp_path: Path) -> None:
    options = {"deterministic": True, "scheduler": "asha", "epochs": 9}
    notes, plain = Notes(), Notes()
    together = searched(tiny, tmp_path / "4", population=2, callbacks=[notes], **options)
    alone = searched(tiny, tmp_path / "1", population=1, workers=2, callbacks=[plain], **options)
    assert (together.request.slots, alone.request.slots) == (2, 1)
    assert_one_ledger(together, alone)
    states = {trial.state for trial in trials(together)}
    assert states == {TrialState.COMPLETE, TrialState.PRUNED}
    for number in range(8):
        assert notes.of(number) == plain.of(number)
    # Only of those that had somebody beside them it is said.
    told = [epochs_in(t.user_attrs)[1].get("population") for t in trials(together)]
    assert set(told) <= {None, 2.0}
    assert 2.0 in told
    trained, offered = together._study.user_attrs[OCCUPANCY]
    assert trained == sum(len(scores(trial)) for trial in trials(together))
    assert trained < offered <= 2 * trained


def test_an_asynchronous_search_ends_is_resumed_and_replayed(tiny: str, tmp_path: Path) -> None:
    notes = Notes()
    run = searched(tiny, tmp_path / "run", callbacks=["tensorboard", notes], scheduler="none")
    assert len(list((run.directory / "ray").rglob("events.out.tfevents*"))) == 8
    before = trials(run)
    # Each epoch of each trial once, and up to four at once.
    assert sorted(one for one in notes.heard if one[0] == "result") == [
        ("result", number, epoch) for number in range(8) for epoch in (1, 2, 3)
    ]
    assert [what for what, *_ in notes.heard[:4]] == ["start"] * 4
    after = trials(run.resume(num_trials=12))
    assert after[:8] == before
    assert [trial.state for trial in after] == [TrialState.COMPLETE] * 12
    one = next(t.number for t in after if epochs_in(t.user_attrs)[1].get("population") == 2.0)
    assert run.replay(one).is_same
    assert run.replay(one).company >= 2
    weights = run.weights(int(run.best()["number"]))
    assert weights.keys() == run.replay(int(run.best()["number"])).weights.keys()


class Killer(Notes):
    """Kills the process that a result came from, so many times, with some luck."""

    def __init__(self, times: int) -> None:
        super().__init__()
        self.killed: list[int] = []
        self._times = times
        self._random = random.Random(1)

    def on_trial_result(
        self, iteration: int, trials: list[Any], trial: Any, result: dict[str, Any], **info: Any
    ) -> None:
        super().on_trial_result(iteration, trials, trial, result, **info)
        lucky = len(self.killed) == self._times or self._random.random() > 0.2
        if not lucky and result["pid"] not in self.killed:
            self.killed.append(result["pid"])
            # While it waits for the driver, or a moment later, in the midst of an epoch.
            wait = self._random.choice((0.0, 0.01, 0.03))
            threading.Timer(wait, os.kill, (result["pid"], signal.SIGKILL)).start()


@pytest.mark.slow
@pytest.mark.parametrize("storage", ["sqlite", "journal"])
def test_a_worker_that_is_killed_costs_what_its_slots_had_not_written(
    storage: str, tiny: str, tmp_path: Path
) -> None:
    study = f"journal://{tmp_path}/journal.log" if storage == "journal" else None
    killer = Killer(10)
    run = searched(
        tiny, tmp_path / "run", num_trials=12, epochs=6, population=8, scheduler="none",
        study=study, callbacks=[killer],
    )  # fmt: skip
    assert len(killer.killed) == 10
    # Alone, and killed twice before it has come further: that is all that may be lost.
    failed = [trial for trial in trials(run) if trial.state == TrialState.FAIL]
    assert {trial.user_attrs["reason"] for trial in failed} <= {"worker died"}
    assert len(failed) <= 1
    for trial in trials(run):
        told = [epoch for what, number, epoch in killer.heard if number == trial.number and epoch]
        # Nothing is told twice but where an epoch that was trained had not been told.
        assert told == sorted(told)
        if trial not in failed:
            assert trial.state == TrialState.COMPLETE
            assert set(scores(trial)) == set(range(1, 7))
            assert run.replay(trial.number).is_same
    assert len({trial.user_attrs["key"] for trial in trials(run)}) == 12
    assert Run.open(run.directory).resume().status()["running"] == 0


def test_a_killed_worker_in_short(tiny: str, tmp_path: Path) -> None:
    killer = Killer(1)
    run = searched(tiny, tmp_path / "run", num_trials=4, scheduler="none", callbacks=[killer])
    assert len(killer.killed) == 1
    assert [trial.state for trial in trials(run)] == [TrialState.COMPLETE] * 4
    assert all(set(scores(trial)) == {1, 2, 3} for trial in trials(run))


@pytest.mark.usefixtures("faulty_rule")
def test_every_fault_ends_its_own_trial(tiny: str, tmp_path: Path) -> None:
    from faulty_rule import ERROR, KILL, MEMORY, NAN, NONE

    run = optcell_search.search(
        faulty_space(NONE, ERROR, MEMORY, KILL, NAN), tiny, 9, tmp_path / "run",
        sampler="grid", epochs=2, workers=1, threads=1, population=8,
    )  # fmt: skip
    assert run.request.slots == 5
    table = run.results().set_index("faulty.fault")
    assert table["state"][NONE] == "COMPLETE"
    assert table["reason"].drop(NONE).to_dict() == {
        ERROR: "error: RuntimeError: broken on purpose",
        MEMORY: "out of memory",
        KILL: "worker died",
        NAN: "diverged",
    }


@pytest.mark.slow
@pytest.mark.usefixtures("faulty_rule")
def test_a_share_of_a_gpu_that_is_too_small_is_mended_by_a_larger_one(
    tiny: str, tmp_path: Path
) -> None:
    from faulty_rule import NONE, SHARE

    run = optcell_search.search(
        faulty_space(NONE, SHARE), tiny, 2, tmp_path / "run", sampler="grid", epochs=1,
        workers=1, threads=1, gpus_per_trial=0.25, device="cpu", population=2,
    )  # fmt: skip
    assert list(run.results()["state"]) == ["COMPLETE"] * 2


def test_where_no_worker_starts_the_run_breaks_off(
    tiny: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Stillborn:
        def __init__(self) -> None:
            os._exit(1)

        def name(self) -> str:
            return ""

    monkeypatch.setattr("optcell_search.tuning.search.populations.worker.Host", Stillborn)
    with pytest.raises(RunFailedError, match="the run broke off: no worker starts: "):
        searched(tiny, tmp_path / "run")
    assert Run.open(tmp_path / "run").status()["running"] == 0
    assert hosting._STARTS == 3
