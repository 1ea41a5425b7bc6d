"""Schedulers as Tune calls them, without Tune: who is stopped, whatever the workers' timing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any

import pytest
from optuna.samplers import RandomSampler
from optuna.trial import FrozenTrial
from ray.tune.schedulers import FIFOScheduler, TrialScheduler
from runs import SPACE, a_request

from optcell_search.ledger.opening import make_ledger, open_ledger
from optcell_search.ledger.trials.ending import Beside
from optcell_search.ledger.trials.reasons import cut
from optcell_search.space import Candidate, SearchSpace
from optcell_search.tuning.search.schedulers import LedgerScheduler, make_scheduler
from optcell_search.tuning.search.searcher import LedgerSearch
from optcell_search.tuning.worker.job import Job, Report

CONTINUE, STOP = TrialScheduler.CONTINUE, TrialScheduler.STOP
OTHERS = {**SPACE, "rules": ["heavy_ball"], "rule": {}}
BOTH = {"accuracy": "maximize", "parameters": "minimize"}


def training(candidate: Candidate) -> SimpleNamespace:
    """What Tune gives a scheduler beside a report."""
    return SimpleNamespace(config={"job": SimpleNamespace(candidate=candidate, kept=False)})


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({}, LedgerScheduler),
        ({"objectives": ["accuracy", "parameters"]}, LedgerScheduler),
        ({"constraints": ["parameters<=50"]}, LedgerScheduler),
        ({"deterministic": True}, LedgerScheduler),
        ({"scheduler": "none"}, FIFOScheduler),
    ],
)
def test_which_one_a_request_gets(tiny: str, changes: dict[str, Any], kind: type) -> None:
    assert type(make_scheduler(a_request(tiny, **changes), [])) is kind


class Tune:
    """Runs a search as Tune does, its candidates being made-up learning curves.

    Args:
        order: who is how fast: the next result comes from a worker chosen by this.
        crash_after: results after which the driver is killed, once.
    """

    def __init__(self, task: str, folder: Path, order: int, crash_after: int = 0, **changes: Any):
        folder.mkdir()
        self.folder = folder
        self.order = Random(order)
        self.crash_after = crash_after
        self.request = a_request(task, space=SPACE, **changes)
        make_ledger(self.request, folder).close()
        self.progress: dict[int, int] = {}

    def run(self) -> list[FrozenTrial]:
        self._attempt(self.crash_after or 10**9)
        return self._attempt(10**9)

    def _attempt(self, results: int) -> list[FrozenTrial]:
        ledger = open_ledger(self.request, self.folder)
        ledger.requeue()
        searcher = LedgerSearch(ledger, self.folder)
        self.begun: set[str] = set()
        scheduler = make_scheduler(self.request, ledger.trials())
        running: dict[str, Job] = {}
        names = (f"t{i}" for i in range(10**6))
        while not searcher.finished and results > 0:
            while len(running) < self.request.workers:
                config = searcher.suggest(name := next(names))
                if not isinstance(config, dict):
                    break
                running[name] = config["job"]
            name = self.order.choice(sorted(running))
            results -= 1
            if self._step(name, running[name], searcher, scheduler):
                del running[name]
        trials = ledger.trials()
        ledger.close()
        return trials

    def _step(self, name: str, job: Job, searcher: LedgerSearch, scheduler: Any) -> bool:
        """Train an epoch, or after a crash tell of those before; return whether it was the last."""
        epoch = self.progress.get(job.number, 0)
        if not epoch or name in self.begun:
            epoch = self.progress[job.number] = epoch + 1
        self.begun.add(name)
        told = {e: self.metrics(job, e) for e in range(1, epoch + 1)}
        report = Report(
            number=job.number, epoch=epoch, metrics=told, done=epoch == self.request.epochs
        )
        result = {"report": report, "worker": "host:1"}
        trial = SimpleNamespace(trial_id=name, config={"job": job})
        if report.done or scheduler.on_trial_result(None, trial, result) == STOP:
            searcher.on_trial_complete(name, result)
            return True
        searcher.on_trial_result(name, result)
        return False

    def metrics(self, job: Job, epoch: int) -> dict[str, float]:
        random = Random(job.seeds[0])
        final, speed = random.random(), random.random()
        size = job.candidate.to_dict()["model"]["hidden_size"]
        return {"accuracy": final * (1 - (1 - speed) ** epoch), "parameters": 4.0 * size}


def outline(trials: list[FrozenTrial]) -> list[Any]:
    """What a search comes to, without the clock."""
    return [
        (t.number, t.state.name, t.params, t.values, {**t.user_attrs, "worker": ""}) for t in trials
    ]


@pytest.mark.parametrize(
    "changes",
    [
        {"objectives": ["accuracy", "parameters"]},
        pytest.param(
            {"objectives": ["accuracy", "parameters"], "scheduler": "none", "repeats": 2},
            marks=pytest.mark.slow,
        ),
        pytest.param(
            {"objectives": ["accuracy"], "constraints": ["parameters<=10"], "sampler": "nsga2"},
            marks=pytest.mark.slow,
        ),
    ],
)
def test_a_deterministic_search_repeats_whatever_the_workers_timing(
    tiny: str, tmp_path: Path, changes: dict[str, Any]
) -> None:
    options = {"num_trials": 15, "epochs": 9, "workers": 3, "deterministic": True, **changes}
    searches = [Tune(tiny, tmp_path / str(order), order, **options).run() for order in range(3)]
    crashed = Tune(tiny, tmp_path / "crashed", 9, crash_after=35, **options).run()
    first = outline(searches[0])
    assert all(outline(search) == first for search in [*searches[1:], crashed])
    states = {state for _, state, *_ in first}
    assert states == ({"COMPLETE"} if "scheduler" in changes else {"COMPLETE", "PRUNED"})


def test_without_it_timing_decides(tiny: str, tmp_path: Path) -> None:
    options = {"num_trials": 15, "epochs": 9, "workers": 3, "objectives": list(BOTH)}
    searches = [Tune(tiny, tmp_path / str(order), order, **options).run() for order in range(3)]
    assert len({str(outline(search)) for search in searches}) > 1


def test_pruned_rows_keep_their_last_values_and_a_killed_driver_loses_none(
    tiny: str, tmp_path: Path
) -> None:
    options = {"num_trials": 20, "epochs": 9, "workers": 3, "objectives": list(BOTH)}
    trials = Tune(tiny, tmp_path / "run", 0, crash_after=30, **options).run()
    assert [t.number for t in trials] == list(range(20))
    pruned = [t for t in trials if t.state.name == "PRUNED"]
    assert len(pruned) >= 6
    for trial in pruned:
        last = max(name for name in trial.user_attrs if name.startswith("epoch:"))
        assert int(last.partition(":")[2]) in (1, 3)
        assert trial.user_attrs["metrics"] == trial.user_attrs[last]
    assert {t.state.name for t in trials} == {"COMPLETE", "PRUNED"}


@pytest.mark.parametrize("objectives", [["accuracy"], ["accuracy", "parameters"]])
def test_a_resumed_search_judges_by_what_came_before(
    objectives: list[str], tiny: str, tmp_path: Path
) -> None:
    search = Tune(tiny, tmp_path / "run", 0, num_trials=12, epochs=9, objectives=objectives)
    trials = search.run()
    scheduler = make_scheduler(search.request, trials)
    metrics = {1: {"accuracy": 0.0, "parameters": 99.0}}
    result = {"report": Report(number=50, epoch=1, metrics=metrics)}
    trial = training(SearchSpace.from_dict(OTHERS).sample())
    assert scheduler.on_trial_result(None, trial, result) == STOP
    fresh = make_scheduler(search.request, [])
    assert fresh.on_trial_result(None, trial, result) == CONTINUE


def test_what_was_cut_is_no_rival_of_its_training_anew(tiny: str, tmp_path: Path) -> None:
    request = a_request(tiny, space=OTHERS, epochs=9)
    ledger = make_ledger(request, tmp_path)
    for seed, accuracy in enumerate((0.5, 0.95)):
        best = ledger.ask(request.search_space, RandomSampler(seed=seed))
        assert best is not None
        ledger.report(best.number, 1, {"accuracy": accuracy})
        ledger.prune(best.number, {"accuracy": accuracy}, Beside(early=cut("the time is used up")))
    scheduler = make_scheduler(request, ledger.trials())
    report = Report(number=9, epoch=1, metrics={1: {"accuracy": 0.95}})
    trial = training(best.candidate)
    assert scheduler.on_trial_result(None, trial, {"report": report}) == CONTINUE


@pytest.mark.parametrize("schedule", ["one_cycle", "cosine"])
def test_who_ends_at_a_rate_of_0_is_judged_late_and_among_its_kind(
    tiny: str, schedule: str
) -> None:
    scheduler = make_scheduler(a_request(tiny, epochs=9), [])
    steady = SearchSpace.from_dict(OTHERS).sample()
    falling = replace(steady, training=replace(steady.training, schedule=schedule))

    def goes_on(number: int, candidate: Candidate, epoch: int, accuracy: float) -> bool:
        report = Report(number=number, epoch=epoch, metrics={epoch: {"accuracy": accuracy}})
        trial = training(candidate)
        return scheduler.on_trial_result(None, trial, {"report": report}) == CONTINUE

    # Others have been better at every rung of theirs; of a rate that falls it says nothing.
    assert all(goes_on(number, steady, 1, 0.9) for number in (20, 21))
    assert all(goes_on(20, steady, epoch, 0.9) for epoch in (3, 6))
    for number in range(4):
        assert all(goes_on(number, falling, epoch, 0.1) for epoch in (1, 2, 3, 4, 5))
    assert goes_on(0, falling, 6, 0.5)
    assert goes_on(1, falling, 6, 0.4)
    assert not goes_on(2, falling, 6, 0.3)
    assert goes_on(3, falling, 6, 0.6)
    assert not goes_on(23, steady, 1, 0.8)


def test_equals_are_judged_by_what_they_are_not_by_when_they_came(tiny: str) -> None:
    request = a_request(tiny, epochs=9, num_trials=30)
    made = {one.key: one for one in map(request.search_space.sample, range(40))}
    every = [made[key] for key in sorted(made)[:9]]

    def going_on(order: list[Candidate], newcomer: Candidate) -> bool:
        scheduler = make_scheduler(request, [])
        metrics = {1: {"accuracy": 0.5, "parameters": 70.0}}
        for number, candidate in enumerate([*order, newcomer]):
            report = Report(number=number + 30, epoch=1, metrics=metrics)
            trial = training(candidate)
            passed = scheduler.on_trial_result(None, trial, {"report": report}) == CONTINUE
        return passed

    for way in (1, -1):
        found = [going_on([*every[:k], *every[k + 1 :]][::way], every[k]) for k in range(9)]
        assert found == [True] * 3 + [False] * 6


def test_a_resumed_search_knows_where_cycles_were_judged(tiny: str, tmp_path: Path) -> None:
    search = Tune(tiny, tmp_path / "run", 0, num_trials=12, epochs=9, scheduler="none")
    trials = search.run()
    for trial in trials:
        trial.user_attrs["candidate"]["training"]["schedule"] = "one_cycle"
    scheduler = make_scheduler(replace(search.request, scheduler="asha"), trials)
    steady = SearchSpace.from_dict(OTHERS).sample()
    cycled = replace(steady, training=replace(steady.training, schedule="one_cycle"))
    trial = training(cycled)
    for epoch, expected in ((1, CONTINUE), (3, CONTINUE), (6, STOP)):
        report = Report(number=50, epoch=epoch, metrics={epoch: {"accuracy": 0.0}})
        assert scheduler.on_trial_result(None, trial, {"report": report}) == expected
