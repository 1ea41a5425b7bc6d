"""From a command line to an exit code."""

from __future__ import annotations

import argparse
import contextlib
import importlib
import io
import os
import sys
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TextIO

from ..ledger.storage.passwords import without_password
from ..ledger.trials.reasons import RunFailedError
from ..stages import stage
from . import commands, interruption, tables
from .complaining import shortened
from .parser import make_parser
from .simulating import simulate
from .telling import told

DONE, FAILED, WRONG_REQUEST, STOPPED, UNREAD = 0, 1, 2, 130, 141
_NOTHING_WRITTEN = "stopped; nothing was written"
_MOST_LINES = 20
_CURSOR = "\r\x1b[K\x1b[?25h"
# What those commands need that start Ray, all of it seconds to import.
_MODULES_ON_RAY = ("start", "finalizing.finalize", "search.driver")
# What the others need; what only reads a run folder does without Optuna.
_STORAGE = "optcell_search.ledger.storage.storage"
_READING = "optcell_search.tuning.run_folder"
_NEEDED = {
    commands.status: _READING,
    commands.results: _READING,
    commands.list_plugins: "optcell_search.registry",
    commands.predict: "optcell_search.export",
}
_ON_RAY = (commands.run, commands.resume, commands.finalize)


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``optcell-search`` with these arguments, by default those of the process.

    Returns:
        0: done; 1: the run failed; 2: the request was wrong, and nothing was written; 130: stopped
        by Ctrl-C or SIGTERM; 141: nobody read the output any more, as after ``| head``.
    """
    if argv is not None:
        return _run(argv)
    # The process is this command, and signals are the command's to take.
    # A spinner may have hidden the terminal's cursor.
    shown = _CURSOR if sys.stderr is not None and sys.stderr.isatty() else ""
    interruption.leave_at_once(STOPPED, f"{shown}optcell-search: {_NOTHING_WRITTEN}\n")
    code = _run(sys.argv[1:], ready=interruption.interrupt)
    interruption.leave_at_once(code)
    return code


def _run(argv: Sequence[str], ready: Callable[[], None] = lambda: None) -> int:
    """Do what the arguments ask for, and call `ready` when all is imported and it begins."""
    _speak_plainly()
    arguments = make_parser().parse_args(_checked(argv))
    warnings.showwarning = _show_warning  # type: ignore[assignment]
    with told():
        code = _do(arguments, ready)
    try:
        sys.stderr.flush()
    except OSError:
        # The disk of its log is full; what there was to say is in the exit code.
        _let_go(sys.stderr)
    return code


def _do(arguments: argparse.Namespace, ready: Callable[[], None]) -> int:
    """Do what is asked for; return the exit code."""
    try:
        with stage("loading"):
            # Here, not above: `--help` and mistyped options need not wait for it.
            importlib.import_module(_NEEDED.get(arguments.command, _STORAGE))
        if arguments.command in _ON_RAY:
            with stage("loading Ray"):
                _import_on_ray()
        ready()
        result: int = arguments.command(arguments)
        sys.stdout.flush()
    except BrokenPipeError:
        _let_go(sys.stdout)
        return UNREAD
    except RunFailedError as error:
        return _say(FAILED, _words(error))
    except (ValueError, OSError) as error:
        try:
            sys.stdout.flush()
        except OSError:
            # The disk that the output goes to is full, say.
            _let_go(sys.stdout)
        return _say(WRONG_REQUEST, _words(error))
    except _storage_errors() as error:
        from ..ledger.storage.storage import said

        return _say(FAILED, f"the study cannot be used any more: {said(error)}")
    except KeyboardInterrupt:
        return _say(STOPPED, _after_interruption(arguments))
    return result


def _words(error: Exception) -> str:
    """Return what an exception says; one that says nothing is at least named."""
    return str(error).strip() or type(error).__name__


def _storage_errors() -> tuple[type[Exception], ...]:
    """Return what a study raises; asked for late, since Optuna takes long to load."""
    from ..ledger.storage.storage import STORAGE_ERRORS

    return STORAGE_ERRORS


def _let_go(stream: TextIO) -> None:
    # What is left in the buffer would meet the same fault once more when Python ends.
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _import_on_ray() -> None:
    from optcell_search.tuning.cluster.starting import require_home

    require_home()
    for module in _MODULES_ON_RAY:
        importlib.import_module(f"optcell_search.tuning.{module}")


def _checked(arguments: Sequence[str]) -> Sequence[str]:
    """Refuse what argparse would come to grief over."""
    for argument in arguments:
        if argument.startswith("--") and argument.endswith("=--"):
            raise SystemExit(_say(WRONG_REQUEST, f"{argument}: the value of an option is missing"))
    if arguments.count("--") > 1:
        raise SystemExit(_say(WRONG_REQUEST, "--: given twice; a file of that name is ./--"))
    return arguments


def _speak_plainly() -> None:
    """Have whatever is printed come out, on a terminal that knows only ASCII, or closed, too."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            # Started with the stream closed; what is written goes nowhere.
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _after_interruption(arguments: argparse.Namespace) -> str:
    """Return what the user can do next."""
    from optcell_search.ledger.format import REQUEST_FILE

    if arguments.command is commands.finalize:
        return "stopped; asked for again, `finalize` goes on with the seeds that are left"
    if arguments.command is simulate and (Path(arguments.out) / REQUEST_FILE).is_file():
        return f"stopped; the search is whole: `optcell-search dashboard {arguments.out}` shows it"
    if arguments.command in (commands.run, commands.resume):
        folder = arguments.out if arguments.command is commands.run else arguments.directory
        if (Path(folder) / REQUEST_FILE).is_file():
            return f"stopped{_how_far(folder)}; `optcell-search resume {folder}` goes on"
    return _NOTHING_WRITTEN


def _how_far(folder: str) -> str:
    """Return how far a stopped run came, in words; nothing where its study cannot be read now."""
    from optcell_search.tuning.run_folder import RunFolder

    try:
        known = RunFolder.open(folder).status()
    except (ValueError, OSError):
        return ""
    asked = f" of {known['asked']}" if known["asked"] else ""
    words = f" after {tables.finished(known)}{asked} trials"
    if known["best"] is not None:
        name, value = next(iter(known["objectives"].items()))
        words += f", the best so far trial {known['best']}, {name} {value:.4g}"
    return words


def _show_warning(message: Warning | str, *_: object) -> None:
    """Print a warning as one line; where in the code it was raised tells a user nothing."""
    said = shortened(without_password(str(message)))
    print(f"optcell-search: warning: {said}", file=sys.stderr)


def _say(code: int, message: str) -> int:
    # A search space with several faults has a line for each; where there is no room for them the
    # exit code still says it.
    lines = message.splitlines()
    if len(lines) > _MOST_LINES:
        lines[_MOST_LINES:] = [f"and {len(lines) - _MOST_LINES} more like these"]
    with contextlib.suppress(OSError):
        for line in lines:
            print(f"optcell-search: {shortened(without_password(line))}", file=sys.stderr)
    return code
