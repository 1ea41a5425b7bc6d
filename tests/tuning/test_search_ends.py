"""Searches on a real Ray cluster that end early, or are not begun."""

from __future__ import annotations

import functools
import shutil
from pathlib import Path

import numpy as np
import pytest
from optuna.samplers import RandomSampler
from runs import SMALL_SPACE, SPACE, faulty_space

import optcell_search
from optcell_search.ledger.format import ENDED
from optcell_search.ledger.ledger import Ledger
from optcell_search.tuning import Run, RunFailedError
from optcell_search.tuning.search import driver

pytestmark = pytest.mark.usefixtures("cluster")


@pytest.mark.usefixtures("faulty_rule")
def test_every_fault_is_a_row_with_a_reason(tiny: str, tmp_path: Path) -> None:
    from faulty_rule import ERROR, KILL, MEMORY, NAN, NONE

    space = faulty_space(NONE, ERROR, MEMORY, KILL, NAN)
    run = optcell_search.search(
        space, tiny, 9, tmp_path / "run", sampler="grid", epochs=1, workers=2, threads=1
    )
    table = run.results().set_index("faulty.fault")
    assert table["state"].to_dict() == {
        NONE: "COMPLETE",
        ERROR: "FAIL",
        MEMORY: "FAIL",
        KILL: "FAIL",
        NAN: "FAIL",
    }
    assert table["reason"].drop(NONE).to_dict() == {
        ERROR: "error: RuntimeError: broken on purpose",
        MEMORY: "out of memory",
        KILL: "worker died",
        NAN: "diverged",
    }
    assert run.status()["failures"] == dict.fromkeys(table["reason"].drop(NONE), 1)


def test_a_run_in_which_all_fail_has_failed(
    tiny: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail_all(ledger: Ledger, *_: object) -> None:
        for reason in ("diverged", "out of memory", "diverged"):
            row = ledger.ask(ledger.request.search_space, RandomSampler(seed=0))
            ledger.fail(row.number, reason)

    monkeypatch.setattr(driver, "drive", fail_all)
    with pytest.raises(RunFailedError) as caught:
        optcell_search.search(SPACE, tiny, 3, tmp_path / "run")
    assert str(caught.value) == "no candidate could be trained: 2 × diverged; 1 × out of memory"
    assert Run.open(tmp_path / "run").status()["fail"] == 3


@pytest.mark.parametrize(
    ("ended", "said"),
    [
        ("the time is used up before any candidate was trained to its end", ""),
        ("the space is used up", ", and no candidate was trained to its end"),
    ],
)
def test_that_nothing_was_trained_is_said_once(
    tiny: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ended: str, said: str
) -> None:
    def end(ledger: Ledger, *_: object) -> None:
        ledger.study.set_user_attr(ENDED, ended)

    monkeypatch.setattr(driver, "drive", end)
    with pytest.raises(RunFailedError) as caught:
        optcell_search.search(SPACE, tiny, 3, tmp_path / "run")
    assert str(caught.value).startswith(f"{ended}{said}; `optcell-search resume ")


def test_a_disk_that_is_full(tiny: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_space(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(driver.tune, "run", no_space)
    folder = tmp_path / "run"
    with pytest.raises(
        RunFailedError, match=r"the run broke off: .*No space left on device"
    ) as caught:
        optcell_search.search(SPACE, tiny, 3, folder)
    assert f"`optcell-search resume {folder}` goes on" in str(caught.value)
    assert Run.open(folder).status()["missing"] == 3


def test_halving_prunes(tiny: str, tmp_path: Path) -> None:
    run = optcell_search.search(SPACE, tiny, 14, tmp_path / "run", epochs=9, workers=2, threads=1)
    table = run.results()
    assert set(table["state"]) == {"COMPLETE", "PRUNED"}
    pruned = table[table["state"] == "PRUNED"]
    assert (pruned["epochs"] < 9).all()
    assert pruned["accuracy"].notna().all()
    assert (table["epochs"][table["state"] == "COMPLETE"] == 9).all()


def test_a_small_space_is_not_searched_twice(tiny: str, tmp_path: Path) -> None:
    """Here also: a ledger in a journal file, several seeds a candidate, generations, a bound."""
    run = optcell_search.search(
        SMALL_SPACE,
        tiny,
        10,
        tmp_path / "run",
        epochs=1,
        workers=2,
        threads=1,
        repeats=2,
        deterministic=True,
        constraints=["parameters<=20"],
        study=f"journal://{tmp_path}/journal.log",
    )
    assert not (tmp_path / "run" / "study.db").exists()
    table = run.results()
    # Ten were asked for, and there are eight.
    assert list(table["state"]) == ["COMPLETE"] * 8
    assert table["key"].is_unique
    assert run.status()["ended"] == "the space is used up: 8 of 8 candidates"
    assert list(table["feasible"]) == list(table["parameters"] <= 20)
    assert set(table["feasible"]) == {True, False}
    assert run.pareto()["feasible"].all()
    # Means over two seeds replay as such.
    assert set(run.replay(0).differences.values()) == {0.0}


def test_a_gpu_that_is_not_there(tiny: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="gpus_per_trial = 2, but the cluster has 1 GPUs"):
        optcell_search.search(SPACE, tiny, 1, tmp_path / "run", gpus_per_trial=2)
    assert not (tmp_path / "run").exists()


def test_a_ledger_that_cannot_be_reached(tiny: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="cannot be written there"):
        optcell_search.search(
            SPACE, tiny, 1, tmp_path / "run", study="sqlite:////nowhere/at/all/study.db"
        )
    assert not (tmp_path / "run").exists()


def test_data_that_has_changed(tiny: str, tmp_path: Path) -> None:
    data = tmp_path / "own.npz"
    shutil.copy(tiny, data)
    run = optcell_search.search(
        SPACE, str(data), 1, tmp_path / "run", scheduler="none", epochs=1, workers=1, threads=1
    )
    arrays = dict(np.load(data))
    arrays["x"] = arrays["x"] + 1
    np.savez(data, **arrays)
    changed = Run.open(run.directory)
    more = functools.partial(changed.resume, num_trials=2)
    for call in (more, changed.finalize, lambda: changed.replay(0)):
        with pytest.raises(ValueError, match="no longer what the run began with"):
            call()
    assert len(changed.results()) == 1, "what is refused adds no trial"
