"""The loop that drives a search in populations, with workers in this process and no Ray."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ray import exceptions
from runs import SPACE, a_request

from optcell_search.ledger.format import OCCUPANCY, epochs_in
from optcell_search.ledger.ledger import Ledger
from optcell_search.ledger.opening import make_ledger
from optcell_search.tuning.search.populations import hosting
from optcell_search.tuning.search.populations.attempt import Attempt
from optcell_search.tuning.search.populations.hosting import Hosting
from optcell_search.tuning.search.searcher import LedgerSearch
from optcell_search.tuning.worker.job import Job, Report

Dies = Callable[[set[int], int], bool]


class Cluster:
    """In place of Ray: a worker answers when it is waited for, and may die then.

    Args:
        dies: whether a worker dies, by the trials in its slots and the epochs it has trained.
    """

    def __init__(self, dies: Dies) -> None:
        self._dies = dies
        self.sizes: list[set[int]] = []
        self.died: list[set[int]] = []

    def remote(self, kind: type[Any]) -> Any:
        def start() -> Any:
            return _Actor(self, kind())

        return SimpleNamespace(options=lambda **_: SimpleNamespace(remote=start))

    def wait(self, calls: Sequence[Any], timeout: float) -> tuple[list[Any], list[Any]]:
        return list(calls[:1]), list(calls[1:])

    def get(self, call: Callable[[], Any]) -> Any:
        return call()

    def kill(self, actor: _Actor) -> None:
        actor.host = None


class _Actor:
    def __init__(self, cluster: Cluster, host: Any) -> None:
        self.host, self._epochs, self._numbers = host, 0, set[int]()

        def epoch(dropped: Sequence[int], jobs: Sequence[Job]) -> list[Report]:
            self._numbers |= {job.number for job in jobs}
            self._numbers -= set(dropped)
            cluster.sizes.append(set(self._numbers))
            if cluster._dies(self._numbers, self._epochs):
                cluster.died.append(set(self._numbers))
                raise exceptions.RayActorError
            self._epochs += 1
            reports: list[Report] = self.host.epoch(dropped, jobs)
            self._numbers -= {report.number for report in reports if report.done}
            return reports

        self.name = SimpleNamespace(remote=lambda: self.host.name)
        self.epoch = SimpleNamespace(remote=lambda *given: lambda: epoch(*given))


class Silence:
    """Tells nobody of anything."""

    def __init__(self, folder: Path, callbacks: Sequence[Any]) -> None:
        pass

    def attempt(self, trial_id: str, config: dict[str, Any]) -> Attempt:
        return Attempt(SimpleNamespace(trial_id=trial_id, config=config), config["job"])

    def __getattr__(self, what: str) -> Any:
        return lambda *about: None


def run(
    ledger: Ledger,
    folder: Path,
    dies: Dies,
    interrupted: threading.Event | None = None,
) -> tuple[Cluster, LedgerSearch]:
    cluster = Cluster(dies)
    searcher = LedgerSearch(ledger, folder)
    with pytest.MonkeyPatch.context() as patch:
        for place in ("hosting", "worker"):
            patch.setattr(f"optcell_search.tuning.search.populations.{place}.ray", cluster)
        patch.setattr(hosting, "Telling", Silence)
        Hosting(ledger, folder, searcher, [], interrupted or threading.Event()).run()
    return cluster, searcher


@pytest.fixture
def made(tiny: str, tmp_path: Path) -> Iterator[Callable[..., Ledger]]:
    with contextlib.ExitStack() as stack:

        def make(**changes: Any) -> Ledger:
            options: dict[str, Any] = {
                "space": {**SPACE, "model": {"hidden_size": 3}}, "num_trials": 8, "workers": 1,
                "population": 8, "scheduler": "none", "epochs": 3,
            }  # fmt: skip
            request = a_request(tiny, **{**options, **changes})
            return stack.enter_context(contextlib.closing(make_ledger(request, tmp_path)))

        yield make


def states(ledger: Ledger) -> list[str]:
    return [trial.state.name for trial in ledger.trials()]


def never(numbers: set[int], epochs: int) -> bool:
    return False


def test_what_kills_its_worker_is_found_and_costs_no_other_trial(
    made: Callable[..., Ledger], tmp_path: Path
) -> None:
    ledger = made(num_trials=16)
    cluster, _ = run(ledger, tmp_path, lambda numbers, epochs: 5 in numbers)
    assert states(ledger) == ["COMPLETE"] * 5 + ["FAIL"] + ["COMPLETE"] * 10
    assert ledger.trials()[5].user_attrs["reason"] == "worker died"
    for trial in ledger.trials():
        assert set(epochs_in(trial.user_attrs)) == (set() if trial.number == 5 else {1, 2, 3})
    # Eight, a half of them, a half of these, one, and one more try of the one.
    assert len(cluster.died) <= 5
    assert all(5 in numbers for numbers in cluster.died)


def test_workers_that_are_lost_by_chance_cost_no_trial(
    made: Callable[..., Ledger], tmp_path: Path
) -> None:
    ledger = made(epochs=9)
    # Each worker dies after four rounds, whatever it holds; the first is of what is restored.
    cluster, _ = run(ledger, tmp_path, lambda numbers, epochs: epochs == 4)
    assert states(ledger) == ["COMPLETE"] * 8
    assert len(cluster.died) >= 3
    assert all(set(epochs_in(t.user_attrs)) == set(range(1, 10)) for t in ledger.trials())


def test_slots_are_filled_as_they_become_free(made: Callable[..., Ledger], tmp_path: Path) -> None:
    ledger = made(num_trials=40, population=4, epochs=9, scheduler="asha")
    cluster, _ = run(ledger, tmp_path, never)
    assert set(states(ledger)) == {"COMPLETE", "PRUNED"}
    trained, offered = ledger.study.user_attrs[OCCUPANCY]
    assert trained == sum(len(epochs_in(t.user_attrs)) for t in ledger.trials())
    assert (trained, offered) == (sum(map(len, cluster.sizes)), 4 * len(cluster.sizes))
    # Until the last candidate has begun, no slot is empty.
    begun = next(i for i, numbers in enumerate(cluster.sizes) if 39 in numbers)
    assert all(len(numbers) == 4 for numbers in cluster.sizes[:begun])


def test_a_generation_ends_before_the_next_one_begins(
    made: Callable[..., Ledger], tmp_path: Path
) -> None:
    ledger = made(population=2, workers=2, deterministic=True, scheduler="asha")
    assert ledger.request.at_once == 4
    cluster, _ = run(ledger, tmp_path, never)
    assert all(len({number // 4 for number in numbers}) == 1 for numbers in cluster.sizes)
    assert all(trial.state.is_finished() for trial in ledger.trials())


def test_after_ctrl_c_the_next_one_trains_what_is_lacking(
    made: Callable[..., Ledger], tmp_path: Path
) -> None:
    ledger, interrupted = made(), threading.Event()

    def interrupt(numbers: set[int], epochs: int) -> bool:
        # In the midst of the second epoch; what the worker comes to is still taken in.
        if epochs == 1:
            interrupted.set()
        return False

    _, searcher = run(ledger, tmp_path, interrupt, interrupted)
    assert not searcher.finished
    assert states(ledger) == ["RUNNING"] * 8
    assert [set(epochs_in(trial.user_attrs)) for trial in ledger.trials()] == [{1, 2}] * 8
    ledger.requeue()
    cluster, searcher = run(ledger, tmp_path, never)
    assert searcher.finished
    assert states(ledger) == ["COMPLETE"] * 8
    # One round to tell what the checkpoints held, and one for the epoch that lacked.
    assert len(cluster.sizes) == 2
