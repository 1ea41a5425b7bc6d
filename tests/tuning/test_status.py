"""Where a run stands, as `status` and an interrupted command say it."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from pathlib import Path

import pytest
from calling import call
from optuna.samplers import RandomSampler
from runs import a_request

from optcell_search.ledger import folder as folders
from optcell_search.ledger.opening import open_ledger
from optcell_search.ledger.trials.ending import Beside
from optcell_search.ledger.trials.reasons import cut
from optcell_search.tuning import Run

HOLD = """
import sys, pathlib
from optcell_search.ledger import folder
with folder.locked(pathlib.Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def folder(tiny: str, tmp_path: Path) -> Path:
    """A run with two trials that end, and constraints that neither keeps."""
    request = a_request(tiny, num_trials=4, constraints=["parameters<=10", "accuracy>=0.99"])
    folders.make(tmp_path / "run", request)
    ledger = open_ledger(request, tmp_path / "run")
    for seed, (accuracy, parameters) in enumerate([(0.5, 9.0), (0.9, 9.0), (0.9, 20.0)]):
        trial = ledger.ask(request.search_space, RandomSampler(seed=seed))
        assert trial is not None
        ledger.complete(trial.number, {"accuracy": accuracy, "parameters": parameters})
    ledger.close()
    return tmp_path / "run"


def test_where_no_trial_keeps_the_constraints_the_nearest_miss_is_named(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    known = Run.open(folder).status()
    assert known["best"] is None
    assert known["nearest_miss"] == {"trial": 1, "constraint": "accuracy>=0.99", "value": 0.9}
    code, output, _ = call(capsys, "status", str(folder))
    assert code == 0
    assert "none: no trial keeps the constraints" in output
    nearest = "trial 1: accuracy 0.9 where accuracy>=0.99 is asked"
    assert nearest in output
    why = f"none: no trial keeps the constraints; nearest: {nearest}\n"
    assert call(capsys, "results", str(folder), "--pareto") == (0, why, "")
    code, output, errors = call(capsys, "results", str(folder), "--pareto", "--csv", "-")
    assert (code, output.count("\n"), errors) == (0, 1, why)
    assert call(capsys, "results", str(folder), "--pareto", "--json")[1] == "[]\n"


def test_a_run_that_nobody_works_on_is_told_by_its_lock(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    assert not Run.open(folder).status()["at_work"], "never locked"
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as holder:  # fmt: skip
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        assert Run.open(folder).status()["at_work"]
        assert "a process is working on it" in call(capsys, "status", str(folder))[1]
        holder.kill()
    assert not Run.open(folder).status()["at_work"], "a lock ends with its process"
    said = call(capsys, "status", str(folder))[1]
    assert f"not running; `optcell-search resume {folder}` goes on" in said


def test_what_was_cut_is_not_finished_but_to_come(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    request = Run.open(folder).request
    ledger = open_ledger(request, folder)
    for seed, over in ((3, "the time is used up"), (4, "")):
        trial = ledger.ask(request.search_space, RandomSampler(seed=seed))
        assert trial is not None
        beside = Beside(early=cut(over) if over else "")
        ledger.prune(trial.number, {"accuracy": 0.5, "parameters": 9.0}, beside)
    ledger.close()
    assert (Run.open(folder).status()["cut"], Run.open(folder).status()["missing"]) == (1, 0)
    lines = call(capsys, "status", str(folder))[1].splitlines()
    assert [line.strip() for line in lines[1:3]] == [
        "finished  4 of 4",
        "3 complete, 2 pruned, 0 failed, 1 of them cut by the end of the search",
    ]

    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Run, "resume", stop)
    assert "stopped after 4 of 4 trials" in call(capsys, "resume", str(folder))[2]


def test_an_interrupted_command_says_how_far_it_came(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Run, "resume", stop)
    code, _, errors = call(capsys, "resume", str(folder))
    assert (code, errors) == (
        130,
        f"optcell-search: stopped after 3 of 4 trials; `optcell-search resume {folder}` goes on\n",
    )


def test_a_table_is_written_to_the_standard_output(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, output, errors = call(capsys, "results", str(folder), "--csv", "-")
    assert (code, errors) == (0, "")
    assert output.splitlines()[0].startswith("number,")
    assert len(output.splitlines()) == 4
    code, _, errors = call(capsys, "results", str(folder), "--csv", "-", "--json")
    assert (code, errors.count("\n")) == (2, 1)


def test_a_trial_that_is_open_is_not_cut(folder: Path) -> None:
    request = Run.open(folder).request
    with contextlib.closing(open_ledger(request, folder)) as ledger:
        trial = ledger.ask(request.search_space, RandomSampler(seed=9))
        assert trial is not None
        identity = ledger.trials()[trial.number]._trial_id
        storage = ledger._storage.optuna
        storage.set_trial_user_attr(identity, "reason", cut("the time is used up"))
    known = Run.open(folder).status()
    assert (known["cut"], known["missing"], known["running"]) == (0, 0, 1)
