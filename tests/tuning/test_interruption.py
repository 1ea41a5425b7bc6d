"""A run that is stopped, killed and taken up again, in processes of its own."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import tomli_w
from optuna.samplers import RandomSampler
from optuna.trial import FrozenTrial, TrialState
from runs import PLUGINS, faulty_space

from optcell_search.ledger.opening import open_ledger
from optcell_search.tuning import Run

TRIALS, EPOCHS = 4, 25


Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts the command in a process group of its own, as a terminal does, until the test ends."""
    program = "import sys; from optcell_search.cli import main; sys.exit(main())"
    path = os.pathsep.join([str(PLUGINS), os.environ.get("PYTHONPATH", ""), os.getcwd()])
    started: list[subprocess.Popen[str]] = []

    def start(*arguments: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", program, *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            env={**os.environ, "PYTHONPATH": path},
        )
        started.append(process)
        return process

    yield start
    for process in started:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def rows(folder: Path) -> list[FrozenTrial]:
    if not (folder / "study.db").exists():
        return []
    run = Run.open(folder)
    with contextlib.closing(open_ledger(run.request, folder)) as ledger:
        return ledger.trials()


def epochs(trial: FrozenTrial) -> dict[str, object]:
    return {key: value for key, value in trial.user_attrs.items() if key.startswith("epoch:")}


def wait_for(
    process: subprocess.Popen[str], folder: Path, ready: Callable[[list[FrozenTrial]], bool]
) -> list[FrozenTrial]:
    deadline = time.monotonic() + 180
    while time.monotonic() < deadline:
        if process.poll() is not None:
            pytest.fail(f"it ended too early: {process.communicate()}")
        with contextlib.suppress(FileNotFoundError):
            if ready(found := rows(folder)):
                return found
        time.sleep(0.2)
    pytest.fail("it did not get that far")


def in_mid_row(minimum: int) -> Callable[[list[FrozenTrial]], bool]:
    """Some rows are complete, and another one has been trained for a few epochs."""

    def ready(trials: list[FrozenTrial]) -> bool:
        complete = sum(trial.state == TrialState.COMPLETE for trial in trials)
        running = [len(epochs(t)) for t in trials if t.state == TrialState.RUNNING]
        return complete >= minimum and any(3 <= count < EPOCHS - 8 for count in running)

    return ready


def slow_space(folder: Path) -> str:
    """Write a space of candidates that take their time; return its path."""
    from faulty_rule import SLOW

    space = folder / "space.toml"
    data = faulty_space(SLOW)
    data["training"] = {"lr": {"low": 1e-3, "high": 1e-1, "log": True}}
    space.write_text(tomli_w.dumps(data))
    return str(space)


@pytest.mark.slow
@pytest.mark.usefixtures("faulty_rule", "cluster")
@pytest.mark.parametrize("population", [1, 2])
def test_nothing_is_lost_by_ctrl_c_and_kill(
    population: int, start: Start, tiny: str, tmp_path: Path
) -> None:
    folder = tmp_path / "run"

    process = start(
        "run", slow_space(tmp_path), "--task", tiny, "--trials", str(TRIALS), "--out", str(folder),
        "--epochs", str(EPOCHS), "--workers", "1", "--threads", "1", "--scheduler", "none",
        "--population", str(population),
    )  # fmt: skip
    wait_for(process, folder, in_mid_row(population))
    os.killpg(process.pid, signal.SIGINT)
    output, errors = process.communicate(timeout=120)
    assert process.returncode == 130
    assert output == ""
    *others, last = errors.splitlines()
    assert last.startswith(f"optcell-search: stopped after {population} of 4 trials, ")
    assert last.endswith(f"; `optcell-search resume {folder}` goes on")
    assert all(line.startswith("trial ") for line in others)
    stopped = rows(folder)
    assert {trial.state for trial in stopped} == {TrialState.COMPLETE, TrialState.WAITING}

    process = start("resume", str(folder))
    killed = wait_for(process, folder, in_mid_row(2))
    process.kill()
    process.communicate()
    # Of two that go on together one may not have been handed out yet.
    assert 1 <= Run.open(folder).status()["running"] <= population

    Run.open(folder).resume()
    final = rows(folder)
    assert [trial.state for trial in final] == [TrialState.COMPLETE] * TRIALS
    assert len({trial.user_attrs["key"] for trial in final}) == TRIALS
    for before in (*stopped, *killed):
        after = final[before.number]
        # What was told stays as it was, to the clock: none of these epochs was trained again.
        assert epochs(before).items() <= epochs(after).items()
        assert after.user_attrs["key"] == before.user_attrs["key"]
        if before.state == TrialState.COMPLETE:
            assert after == before
    for number in range(TRIALS):
        assert Run.open(folder).replay(number).is_same
    seconds = [epoch["train_seconds"] for epoch in epochs(final[-1]).values()]  # type: ignore[index]
    assert seconds == sorted(seconds)


def descendant(process: subprocess.Popen[str], name: str) -> int:
    """The process with this program that `process` has started, itself or through others."""
    parents, programs = {}, {}
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(ValueError, OSError):
            pid = int(entry.name)
            # The name in parentheses may hold spaces; the parent is the second field after it.
            stat = (entry / "stat").read_text().rpartition(")")[2]
            parents[pid] = int(stat.split()[1])
            programs[pid] = (entry / "cmdline").read_bytes().partition(b"\0")[0].decode()

    def is_ours(pid: int) -> bool:
        return pid == process.pid or (pid in parents and is_ours(parents[pid]))

    (found,) = (pid for pid, path in programs.items() if Path(path).name == name and is_ours(pid))
    return found


@pytest.mark.slow
@pytest.mark.usefixtures("faulty_rule", "cluster")
@pytest.mark.parametrize("population", ["1", "2"])
@pytest.mark.parametrize(
    ("victim", "line"),
    [
        ("raylet", "the run broke off: the Ray cluster has lost its last node; `optcell-search re"),
        ("gcs_server", "the head of the Ray cluster, "),
    ],
)
def test_a_head_that_dies_ends_the_run_and_not_the_ledger(
    victim: str, line: str, population: str, start: Start, tiny: str, tmp_path: Path
) -> None:
    folder = tmp_path / "run"
    process = start(
        "run", slow_space(tmp_path), "--task", tiny, "--trials", "2", "--out", str(folder),
        "--epochs", "2000", "--workers", "1", "--threads", "1", "--scheduler", "none",
        "--population", population,
    )  # fmt: skip
    before, *_ = wait_for(process, folder, lambda found: bool(found) and len(epochs(found[0])) >= 3)
    os.kill(descendant(process, victim), signal.SIGKILL)
    _, errors = process.communicate(timeout=300)
    assert process.returncode == 1
    assert f"optcell-search: {line}" in errors
    assert "Traceback" not in errors

    with contextlib.closing(open_ledger(Run.open(folder).request, folder)) as ledger:
        ledger.requeue()
        row = ledger.ask(ledger.request.search_space, RandomSampler())
        assert row.number == 0
        assert epochs(before).items() <= epochs(ledger.trials()[0]).items()
