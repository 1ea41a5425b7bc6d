"""Simulated searches: what they write down is what the table holds, in the order it would come."""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from optuna.trial import FrozenTrial, TrialState
from tables import EPOCHS, made_up

from optcell_search import results
from optcell_search.dashboard.info.provenance import provenance
from optcell_search.dashboard.read import Board
from optcell_search.ledger.format import METRICS, epochs_in
from optcell_search.ledger.snapshot import snapshot
from optcell_search.space import Candidate, is_plain
from optcell_search.table import Table
from optcell_search.tuning import Run, RunFailedError
from optcell_search.tuning.search import samplers


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Table:
    """A table of which two candidates of fifty diverge, and half of whose space is missing."""
    return made_up(tmp_path_factory.mktemp("tables") / "some.parquet", held=50, diverging=2)


def trials_of(run: Run) -> list[FrozenTrial]:
    return results.load(run.directory).get_trials(deepcopy=False)


def row_of(table: Table, trial: FrozenTrial, repeat: int = 0) -> tuple[Candidate, int]:
    """The candidate of a trial, and the table's seed that its first training, or another, is."""
    known = trial.user_attrs
    return Candidate.from_dict(known["candidate"]), (known["seed"] + repeat) % len(table.seeds)


@pytest.mark.parametrize("scheduler", ["none", "asha"])
def test_every_trial_is_a_row_of_the_table(table: Table, scheduler: str) -> None:
    run = table.simulate(scheduler=scheduler, trials=40, workers=4, seed=1)
    trials = trials_of(run)
    assert len(trials) == 40
    for trial in trials:
        candidate, seed = row_of(table, trial)
        told = epochs_in(trial.user_attrs)
        for epoch, metrics in told.items():
            expected = table.query(candidate, epoch, seed)
            assert metrics == {n: v for n, v in expected.items() if n in metrics}
            assert metrics["accuracy"] == expected["accuracy"]
        assert trial.state.is_finished()
        assert trial.datetime_start is not None
        assert trial.datetime_complete is not None
        lasted = (trial.datetime_complete - trial.datetime_start).total_seconds()
        last = len(told) + (trial.state == TrialState.FAIL)
        seconds = table.rows.seconds(table.rows.index[candidate.key, seed])
        assert lasted == pytest.approx(seconds[last - 1], abs=1e-5)
        if trial.state == TrialState.COMPLETE:
            assert trial.values == [table.query(candidate, seed=seed)["accuracy"]]
            assert list(told) == list(range(1, EPOCHS + 1))
        elif trial.state == TrialState.FAIL:
            assert trial.user_attrs["reason"] == "diverged"
            assert len(told) == 3
    pruned = [trial for trial in trials if trial.state == TrialState.PRUNED]
    assert {max(epochs_in(t.user_attrs)) for t in pruned} == (
        {1, 3} if scheduler == "asha" else set()
    )


def test_no_candidate_is_tried_twice_and_the_plain_cells_are_first(table: Table) -> None:
    trials = trials_of(table.simulate(trials=50, workers=3))
    keys = [trial.user_attrs["key"] for trial in trials]
    assert sorted(keys) == sorted(candidate.key for candidate in table.candidates)
    first = [Candidate.from_dict(trial.user_attrs["candidate"]) for trial in trials[:2]]
    assert all(map(is_plain, first))
    plain = trials_of(table.simulate(trials=5, plain=False, seed=4))
    assert plain[0].user_attrs["key"] != keys[0]


@pytest.mark.parametrize("sampler", ["tpe", "nsga2", "random"])
def test_no_candidate_is_tried_twice_however_many_there_are(
    table: Table, monkeypatch: pytest.MonkeyPatch, sampler: str
) -> None:
    # As with a table of more candidates than a real search goes through one by one.
    monkeypatch.setattr(samplers, "_COUNTABLE", 40)
    run = table.simulate(sampler=sampler, scheduler="none", trials=50, workers=3)
    assert run.results()["key"].nunique() == 50
    assert run.status()["ended"] == "the space is used up: 50 of 50 candidates"


def outcome(run: Run) -> list[tuple[Any, ...]]:
    return [(t.number, t.state, t.params, t.values, t.user_attrs) for t in trials_of(run)]


@pytest.mark.parametrize("sampler", ["tpe", "nsga2", "random", "grid"])
def test_the_same_seed_gives_the_same_search(table: Table, sampler: str) -> None:
    asked: dict[str, Any] = {"sampler": sampler, "trials": 25, "workers": 4}
    once = table.simulate(seed=3, **asked)
    assert outcome(once) == outcome(table.simulate(seed=3, **asked))
    assert outcome(once) != outcome(table.simulate(seed=4, **asked))


def spans(trials: Sequence[FrozenTrial]) -> list[tuple[float, float]]:
    begin = min(t.datetime_start for t in trials if t.datetime_start)
    return [
        ((t.datetime_start - begin).total_seconds(), (t.datetime_complete - begin).total_seconds())
        for t in trials
        if t.datetime_start and t.datetime_complete
    ]


@pytest.mark.parametrize("workers", [1, 5])
def test_workers_are_busy_until_nothing_is_left(table: Table, workers: int) -> None:
    run = table.simulate(scheduler="none", trials=30, workers=workers, seed=2)
    trials = trials_of(run)
    known = spans(trials)
    by_worker: dict[str, list[tuple[float, float]]] = {}
    for trial, span in zip(trials, known, strict=True):
        by_worker.setdefault(trial.user_attrs["worker"], []).append(span)
    assert len(by_worker) == workers
    for one in by_worker.values():
        one.sort()
        assert one[0][0] == 0
        # The next trial begins when the one before has ended, and no worker waits.
        for (_, end), (begin, _) in itertools.pairwise(one):
            assert begin == pytest.approx(end, abs=1e-5)
    assert [begin for begin, _ in known] == sorted(begin for begin, _ in known)
    searched = results.load(run.directory).user_attrs["searched_seconds"]
    assert searched == pytest.approx(max(end for _, end in known), abs=1e-4)
    # The last one of all may be the only one that keeps anybody waiting.
    ends = sorted(spans[-1][1] for spans in by_worker.values())
    assert min(ends) >= max(begin for begin, _ in known)


def test_repeats_are_means_over_seeds_of_the_table(table: Table) -> None:
    run = table.simulate(scheduler="none", trials=6, repeats=3, seed=5)
    for trial in trials_of(run):
        candidate, _ = row_of(table, trial)
        each = [table.query(candidate, seed=seed) for seed in table.seeds]
        mean = statistics.fmean(one["accuracy"] for one in each)
        assert trial.values == [pytest.approx(mean)]
        spread = statistics.stdev(one["accuracy"] for one in each)
        assert trial.user_attrs["spread"]["accuracy"] == pytest.approx(spread)
        lasted = sum(one["seconds"] for one in each)
        (span,) = spans([trial])
        assert span[1] == pytest.approx(lasted, abs=1e-5)


def test_a_run_like_any_other(table: Table, tmp_path: Path) -> None:
    out = tmp_path / "run"
    run = table.simulate(
        objectives=["accuracy", "parameters"],
        constraints=["parameters<=120"],
        trials=30,
        workers=4,
        out=out,
    )
    assert run.request.scheduler == "mo-asha"
    found = run.results()
    assert len(found) == 30
    front = run.pareto()
    assert isinstance(front, pd.DataFrame)
    assert set(front["number"]) <= set(found["number"])
    assert (front["parameters"] <= 120).all()
    assert run.best("accuracy")["accuracy"] == front["accuracy"].max()
    assert "Simulated: nothing was trained" in results.load(out).user_attrs["note"]
    assert run.report().read_text(encoding="utf-8").startswith("<!")
    again = Run.open(out)
    assert again.status()["complete"] == (found["state"] == "COMPLETE").sum()
    assert "test_accuracy" not in found


TRAINS: dict[str, Callable[[Run, Path], object]] = {
    "resume": lambda run, out: run.resume(num_trials=30),
    "drive": lambda run, out: run.drive(),
    "finalize": lambda run, out: run.finalize(top=1, seeds=2),
    "replay": lambda run, out: run.replay(0),
    "weights": lambda run, out: run.weights(0),
    "refitted_weights": lambda run, out: run.refitted_weights(0),
    "export": lambda run, out: run.export("best", out),
    "export an ensemble": lambda run, out: run.export("best", out, ensemble=True),
    "enqueue": lambda run, out: run.enqueue(0, {"lr": 0.01}),
    "extend": lambda run, out: run.extend(30),
}


@pytest.mark.parametrize("what", TRAINS)
def test_what_would_train_is_refused(table: Table, tmp_path: Path, what: str) -> None:
    # The data of the made-up table, digits, are there; what trains would do so.
    out = tmp_path / "run"
    table.simulate(scheduler="none", trials=5, workers=2, out=out)
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    run = Run.open(out)
    with pytest.raises(ValueError, match="was simulated on table 'some'"):
        TRAINS[what](run, tmp_path / "winner")
    assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == before
    assert not (tmp_path / "winner").exists()


def test_nothing_is_advised_that_would_train(table: Table, tmp_path: Path) -> None:
    out = tmp_path / "my run"
    run = table.simulate(scheduler="none", trials=20, plain=False, out=out)
    gain = run.gain()
    assert gain is not None
    assert gain.sentence.endswith("may be chance.")
    assert run.status()["gain"]["sentence"] == gain.sentence
    found = provenance(Board(out).data, "my run")
    assert (found.replay, found.finalize, found.table) == ("", "", "some")
    assert found.facts["simulated on table"] == "some"
    assert found.again == (
        "optcell-search simulate some --sampler tpe --scheduler none --seed 0 --repeats 1 "
        "--workers 1 --trials 20 --objectives accuracy --no-plain --out again"
    )


def test_no_test_score_is_in_the_ledger(table: Table) -> None:
    for trial in trials_of(table.simulate(trials=10)):
        # The made-up table has the same test score, 0.123456789, everywhere.
        assert "0.123456789" not in repr(trial)
        assert not any("test" in name for name in trial.user_attrs[METRICS])


@pytest.mark.usefixtures("kathmandu")
def test_trials_begin_in_local_time(table: Table) -> None:
    run = table.simulate(trials=2)
    for begun in (trials_of(run)[0].datetime_start, snapshot(run.directory).records[0].started):
        assert begun is not None
        assert abs((datetime.now() - begun).total_seconds()) < 300


def test_the_folder_of_a_run_without_one_goes_with_it(table: Table) -> None:
    run = table.simulate(trials=3)
    folder = run.directory
    assert folder.is_dir()
    del run
    assert not folder.exists()


def test_where_all_fail_the_search_fails(tmp_path: Path) -> None:
    table = made_up(tmp_path / "bad.parquet", held=20, diverging=20)
    with pytest.raises(RunFailedError, match="the first 8 candidates all failed in the same way"):
        table.simulate(scheduler="none", trials=20, out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"sampler": "best"}, "unknown sampler 'best'; valid: tpe"),
        ({"scheduler": "best"}, "unknown scheduler 'best'; valid: auto"),
        ({"trials": 0}, "trials = 0; valid: integers, 1 or more"),
        ({"workers": 0}, "workers = 0; valid"),
        ({"seed": -1}, "seed = -1; valid"),
        ({"repeats": 4}, "repeats = 4; valid: integers, 3 or less"),
        ({"trials": 2.5}, "trials = 2.5; valid: integers, 1 or more"),
        ({"trials": "5"}, "trials = '5'; valid: integers, 1 or more"),
        ({"workers": True}, "workers = True; valid: integers, 1 or more"),
        ({"objectives": "accuracy"}, r"objectives = 'accuracy'; valid: a list, such as \['acc"),
        ({"constraints": "loss<=2"}, "constraints = 'loss<=2'; valid: a list"),
        ({"objectives": ["speed"]}, "unknown objective 'speed'; valid: accuracy, loss"),
        ({"objectives": []}, r"objectives = \[\]; valid"),
        ({"objectives": ["loss", "loss"]}, "valid: each once"),
        ({"constraints": ["weight<=2"]}, "unknown metric 'weight'"),
        ({"constraints": ["accuracy>=2"]}, r"accuracy is never above 0\.\d+ in table 'some'"),
        ({"constraints": ["parameters<=-1"]}, "parameters is never below 0 in table"),
        ({"constraints": ["parameters<=1", "parameters>=2"]}, "nothing keeps both"),
        ({"scheduler": "asha", "objectives": ["loss", "parameters"]}, "needs exactly one"),
    ],
)
def test_a_wrong_request_is_refused_before_anything_is_written(
    table: Table, tmp_path: Path, asked: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        table.simulate(out=tmp_path / "run", **asked)
    assert not (tmp_path / "run").exists()


def test_more_trials_than_candidates_are_warned_of(table: Table) -> None:
    with pytest.warns(UserWarning, match="trials = 51; table 'some' holds 50 candidates") as told:
        run = table.simulate(sampler="random", trials=51)
    assert told[0].filename == __file__
    assert len(run.results()) == run.request.num_trials == 50
    counts = {"trials": np.int64(2), "workers": np.int64(2), "seed": np.int64(1)}
    assert len(table.simulate(**counts, repeats=np.int64(2)).results()) == 2  # type: ignore[arg-type]


def test_a_folder_that_is_in_use_is_refused(table: Table, tmp_path: Path) -> None:
    (tmp_path / "something").touch()
    with pytest.raises(FileExistsError, match="no empty folder"):
        table.simulate(trials=2, out=tmp_path)
