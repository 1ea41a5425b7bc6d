"""What the live page has done: which commands, by which processes, and what it refuses."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import pytest

pytest.importorskip("dash", reason="dash is not installed")
from optcell_search.dashboard.app.driver import driver_of, interrupt, own
from optcell_search.dashboard.app.jobs import Job, Jobs, Progress
from optcell_search.dashboard.app.requests import (
    enqueue_job,
    export_job,
    extend_job,
    finalize_job,
    prune_job,
    resume_job,
)
from optcell_search.ledger.folder import locked
from optcell_search.ledger.lock import LOCK

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    "name", ["", "../up", "a/b", ".hidden", "a b", "/tmp/x", "x" * 65, "a\n", "1st", "ä"]
)
def test_an_export_is_written_nowhere_but_into_the_export_folder(folder: Path, name: str) -> None:
    with pytest.raises(ValueError, match="cannot be a name"):
        export_job(folder, 0, name)


def test_an_export_does_not_follow_a_link_out_of_the_run(folder: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (folder / "exports").symlink_to(elsewhere)
    with pytest.raises(ValueError, match="leads elsewhere"):
        export_job(folder, 0, "winner")


def test_what_is_there_is_not_exported_over(folder: Path) -> None:
    (folder / "exports" / "winner").mkdir(parents=True)
    (folder / "exports" / "dangling").symlink_to("nowhere")
    for name in ("winner", "dangling"):
        with pytest.raises(ValueError, match="exists"):
            export_job(folder, 0, name)


def test_a_study_without_a_folder_can_be_looked_at_only() -> None:
    for ask in (lambda: export_job(None, 0, "a"), lambda: finalize_job(None, 1, 1)):
        with pytest.raises(ValueError, match="no run folder here"):
            ask()
    with pytest.raises(ValueError, match="no run folder here"):
        resume_job(None)
    with pytest.raises(ValueError, match="No process of yours"):
        interrupt(None)


def test_commands_are_those_that_one_would_type(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    run = Path("runs/my run")
    run.mkdir(parents=True)
    target = "'runs/my run/exports/winner'"
    assert export_job(run, 3, "winner").command == (
        f"optcell-search export 'runs/my run' --trial 3 --out {target}"
    )
    assert finalize_job(run, 2, 4).command == (
        "optcell-search finalize 'runs/my run' --top 2 --seeds 4"
    )
    assert resume_job(run).command == "optcell-search resume 'runs/my run'"
    assert extend_job(run, 40, "1h30m").command == (
        "optcell-search extend 'runs/my run' --trials=40 --time=1h30m"
    )
    with pytest.raises(ValueError, match="say how many trials or how much time in all"):
        extend_job(run, None, "")
    more = resume_job(run, 40, "1h30m").command
    assert more == "optcell-search resume 'runs/my run' --trials=40 --time=1h30m"
    assert resume_job(run, None, "", 7).command == "optcell-search resume 'runs/my run' --skip=7"
    assert prune_job(run, 7).command == "optcell-search prune 'runs/my run' 7"
    assert enqueue_job(run, 7, "heavy_ball.mu", " 0.5").command == (
        "optcell-search enqueue 'runs/my run' 7 heavy_ball.mu=0.5"
    )
    assert "--time=--trust" in resume_job(run, None, "--trust").arguments
    for setting, value in (("--trust", "1"), ("", "1"), ("mu", " "), (None, "1"), ("mu", None)):
        with pytest.raises(ValueError, match="A setting, such as"):
            enqueue_job(run, 7, setting, value)
    with pytest.raises(ValueError, match="trials in all: a whole number"):
        resume_job(run, 0)
    for top, seeds in ((0, 1), (1, None), (1.5, 1), ("2", 1)):
        with pytest.raises(ValueError, match="a whole number, 1 or more"):
            finalize_job(run, top, seeds)  # type: ignore[arg-type]


def ended(jobs: Jobs) -> Progress:
    deadline = time.monotonic() + 180
    while (progress := jobs.progress()).waits:
        assert time.monotonic() < deadline
        time.sleep(0.2)
    return progress


def test_a_command_that_fails_says_why(folder: Path) -> None:
    jobs = Jobs()
    assert jobs.progress().state == "idle"
    job = export_job(folder, 0, "winner")
    started = jobs.start(job)
    assert (started.state, started.command) == ("working", job.command)
    again = jobs.start(job)
    assert (again.state, again.waits) == ("failed", True)
    assert "at work already" in jobs.progress().message, "it is still said at the next look"
    ended(jobs)
    jobs.start(Job(("status", str(folder)), "looking", "Looked."))
    progress = ended(jobs)
    assert progress.state == "failed"
    assert "run.toml is missing" in progress.message
    jobs.close()


NICENESS = """
    import os
    raise SystemExit(str(os.nice(0)))
"""
MUCH = """
    for _ in range(3000):
        print("x" * 79)
    print("end")
"""


def stand_in(folder: Path, command: str) -> str:
    """Return a folder whose `optcell-search` does something else."""
    package = folder / "lib" / "optcell_search"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "cli.py").write_text(textwrap.dedent(command))
    return str(package.parent)


@pytest.mark.skipif(sys.platform != "linux", reason="niceness is a thread's own on Linux alone")
def test_a_command_runs_at_our_niceness_not_at_that_of_the_thread_that_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", stand_in(tmp_path, NICENESS))
    jobs = Jobs()

    def answer() -> None:
        os.nice(3)
        jobs.start(Job(("talk",), "talking", "Said all."))

    answering = threading.Thread(target=answer)
    answering.start()
    answering.join()
    assert ended(jobs).message == str(os.nice(0))
    jobs.close()


TALK = """
    import sys, time
    from pathlib import Path
    print(*sys.argv[1:])
    while sys.argv[1] == "search" and not Path(sys.argv[2]).exists():
        time.sleep(0.05)
"""


def test_a_search_that_was_resumed_on_the_page_keeps_no_other_command_waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", stand_in(tmp_path, TALK))
    jobs = Jobs()
    jobs.start(Job(("search", str(tmp_path / "end")), "searching", "The end.", outlives=True))
    jobs.start(Job(("prune", "7"), "pruning", "Pruned."))
    deadline = time.monotonic() + 60
    while (progress := jobs.progress()).state == "working":
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert (progress.state, progress.waits) == ("done", True)
    assert progress.message.endswith("Pruned.")
    (other,) = progress.others
    assert other.startswith("searching … ")
    assert other.endswith(f"(optcell-search search {tmp_path / 'end'})")
    said = jobs.say(Progress("failed", "No trial is picked."))
    assert (said.message, len(said.others), said.waits) == ("No trial is picked.", 2, True)
    (tmp_path / "end").touch()
    progress = ended(jobs)
    assert progress.message == "No trial is picked."
    assert any("The end." in other for other in progress.others)
    jobs.close()


@pytest.fixture
def stranger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of a stranger's, with a module that bears the name of ours, as the current one."""
    package = tmp_path / "stranger" / "optcell_search"
    package.mkdir(parents=True)
    for name in ("__init__", "cli", "__main__"):
        (package / f"{name}.py").write_text("open('planted', 'w').close()\n", encoding="utf-8")
    monkeypatch.chdir(package.parent)
    return package.parent


def test_files_of_the_current_folder_are_not_imported_before_ours(stranger: Path) -> None:
    jobs = Jobs()
    jobs.start(Job(("list", "rules"), "listing", "Listed."))
    progress = ended(jobs)
    jobs.close()
    assert not (stranger / "planted").exists()
    assert progress.message.startswith("Done in"), progress.message


def test_a_command_that_says_much_is_not_held_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    talker = tmp_path / "lib" / "optcell_search"
    talker.mkdir(parents=True)
    (talker / "__init__.py").touch()
    (talker / "cli.py").write_text("print('x' * 79 + '\\n', end='')\n" * 3000 + "print('end')\n")
    monkeypatch.setenv("PYTHONPATH", str(talker.parent))
    jobs = Jobs()
    jobs.start(Job(("talk",), "talking", "Said all."))
    assert ended(jobs).message.endswith("Said all.")
    jobs.close()


HOLD = """
    import sys, time
    from pathlib import Path
    from optcell_search.ledger.folder import locked
    with locked(Path(sys.argv[1])):
        print("held", flush=True)
        time.sleep(600)
"""


@pytest.mark.skipif(not Path("/proc/locks").is_file(), reason="this system names no lock's holder")
def test_stopping_interrupts_the_process_that_holds_the_run(folder: Path) -> None:
    assert driver_of(folder) is None
    with pytest.raises(ValueError, match="No process of yours on this machine"):
        interrupt(folder)
    holder = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(HOLD), str(folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        # Where the tests themselves run in the background, Ctrl-C would be ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    assert holder.stdout is not None
    with holder.stdout:
        holder.stdout.readline()
    assert driver_of(folder) == holder.pid
    assert interrupt(folder) == f"kill -INT {holder.pid}"
    assert holder.wait(60) != 0
    assert (folder / LOCK).is_file()
    assert driver_of(folder) is None, "the file is there, and nobody holds it"


def test_the_lock_of_another_run_is_not_taken_for_this_ones(folder: Path, tmp_path: Path) -> None:
    """A stranger's folder could have the user's own search stopped."""
    theirs = tmp_path / "stranger"
    (theirs / "ray").mkdir(parents=True)
    with locked(folder):
        assert driver_of(folder) == os.getpid()
        os.link(folder / LOCK, theirs / LOCK)
        for run in (theirs, folder):
            assert driver_of(run) is None
        (theirs / LOCK).unlink()
        (theirs / LOCK).symlink_to(folder / LOCK)
        with pytest.raises(ValueError, match="is a link"):
            interrupt(theirs)
        (theirs / LOCK).unlink()
        (theirs / "ray").rmdir()
        (theirs / "ray").symlink_to(folder / "ray")
        with pytest.raises(ValueError, match="is a link"):
            interrupt(theirs)


def test_another_users_run_is_not_steered(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert own(folder) == folder
    monkeypatch.setattr(os, "getuid", lambda: folder.stat().st_uid + 1)
    for ask in (
        lambda: export_job(folder, 0, "a"),
        lambda: finalize_job(folder, 1, 1),
        lambda: resume_job(folder),
        lambda: prune_job(folder, 0),
        lambda: enqueue_job(folder, 0, "mu", "1"),
        lambda: interrupt(folder),
    ):
        with pytest.raises(ValueError, match="another user's; it can be looked at only"):
            ask()  # type: ignore[no-untyped-call]
