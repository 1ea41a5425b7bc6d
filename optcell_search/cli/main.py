"""From a command line to an exit code."""

from __future__ import annotations

import argparse
import io
import os
import signal
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path

from . import commands
from .parser import make_parser, shortened

DONE, FAILED, WRONG_REQUEST, STOPPED, UNREAD = 0, 1, 2, 130, 141


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``optcell-search`` with these arguments, by default those of the process.

    Returns:
        0: done; 1: the run failed; 2: the request was wrong, and nothing was written; 130: stopped
        by Ctrl-C; 141: nobody read the output any more, as after ``| head``.
    """
    _speak_plainly()
    arguments = make_parser().parse_args(_checked(sys.argv[1:] if argv is None else argv))
    # As Ctrl-C does, whoever handles that at the moment.
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    warnings.showwarning = _show_warning  # type: ignore[assignment]
    # Here, not above: `--help` and mistyped options need not wait for torch.
    from optcell_search.ledger.storage import STORAGE_ERRORS, said
    from optcell_search.tuning import RunFailedError

    try:
        result: int = arguments.command(arguments)
        sys.stdout.flush()
    except BrokenPipeError:
        # What is left in the buffer would meet the closed pipe once more when Python ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return UNREAD
    except RunFailedError as error:
        return _say(FAILED, str(error))
    except (ValueError, OSError) as error:
        return _say(WRONG_REQUEST, str(error))
    except STORAGE_ERRORS as error:
        return _say(FAILED, f"the study cannot be used any more: {said(error)}")
    except KeyboardInterrupt:
        return _say(STOPPED, _after_interruption(arguments))
    return result


def _checked(arguments: Sequence[str]) -> Sequence[str]:
    """Refuse what argparse would come to grief over."""
    for argument in arguments:
        if argument.startswith("--") and argument.endswith("=--"):
            raise SystemExit(_say(WRONG_REQUEST, f"{argument}: the value of an option is missing"))
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
    if arguments.command is commands.finalize:
        return "stopped; asked for again, `finalize` goes on with the seeds that are left"
    if arguments.command in (commands.run, commands.resume):
        folder = arguments.out if arguments.command is commands.run else arguments.directory
        if (Path(folder) / "run.toml").is_file():
            return f"stopped; `optcell-search resume {folder}` goes on"
    return "stopped; nothing was written"


def _show_warning(message: Warning | str, *_: object) -> None:
    """Print a warning as one line; where in the code it was raised tells a user nothing."""
    print(f"optcell-search: warning: {message}", file=sys.stderr)


def _say(code: int, message: str) -> int:
    # A search space with several faults has a line for each.
    for line in message.splitlines():
        print(f"optcell-search: {shortened(line)}", file=sys.stderr)
    return code
