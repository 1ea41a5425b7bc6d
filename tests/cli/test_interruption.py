"""A signal while the command is imported ends it at once; later it is Ctrl-C."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# A module of the command that sends its process a signal as it is imported.
WHILE_IMPORTED = """
import importlib, signal, sys
real = importlib.import_module
def load(name, *more):
    if name == "optcell_search.tuning.start":
        signal.raise_signal(signal.{name})
    return real(name, *more)
importlib.import_module = load
from optcell_search.cli import main
sys.exit(main())
"""
WHILE_IT_WORKS = """
import signal, sys
{before}
from optcell_search.cli import commands, main
def work(arguments):
    signal.raise_signal(signal.{name})
    return 0
commands.status = work
sys.exit(main())
"""
AT_THE_END = """
import atexit, signal, sys
from optcell_search.cli import main
atexit.register(lambda: signal.raise_signal(signal.{name}))
sys.exit(main())
"""


def ends(program: str, *arguments: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        capture_output=True, text=True, cwd=ROOT, check=False,
    )  # fmt: skip
    return done.returncode, done.stderr


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_stopped(name: str) -> None:
    said = "optcell-search: stopped; nothing was written\n"
    assert ends(WHILE_IMPORTED.format(name=name), "resume", "nowhere") == (130, said)
    assert ends(WHILE_IT_WORKS.format(name=name, before=""), "status", "nowhere") == (130, said)
    assert ends(AT_THE_END.format(name=name), "list", "rules") == (0, "")


def test_sigterm_ends_a_job_in_the_background_too() -> None:
    ignoring = "signal.signal(signal.SIGINT, signal.SIG_IGN)"
    program = WHILE_IT_WORKS.format(name="SIGTERM", before=ignoring)
    assert ends(program, "status", "nowhere")[0] == 130
    program = WHILE_IT_WORKS.format(name="SIGINT", before=ignoring)
    assert ends(program, "status", "nowhere")[0] == 0


def test_without_a_home_it_says_what_to_set(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from optcell_search.cli import main

    def homeless() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", homeless)
    assert main(["resume", str(tmp_path)]) == 2
    assert capsys.readouterr().err.startswith("optcell-search: HOME is not set")


def test_who_calls_it_keeps_the_handling_of_signals(capsys: pytest.CaptureFixture[str]) -> None:
    from optcell_search.cli import main

    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.getsignal(number) for number in numbers]
    assert main(["list", "rules"]) == 0
    assert [signal.getsignal(number) for number in numbers] == before
