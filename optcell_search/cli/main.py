"""From a command line to an exit code."""

from __future__ import annotations

import os
import signal
import sys
import warnings
from collections.abc import Sequence

from .parser import make_parser

DONE, FAILED, WRONG_REQUEST, STOPPED, UNREAD = 0, 1, 2, 130, 141


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``optcell-search`` with these arguments, by default those of the process.

    Returns:
        0: done; 1: the run failed; 2: the request was wrong, and nothing was written; 130: stopped
        by Ctrl-C; 141: nobody read the output any more, as after ``| head``.
    """
    arguments = make_parser().parse_args(argv)
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
        folder = getattr(arguments, "out", None) or getattr(arguments, "directory", "DIR")
        return _say(STOPPED, f"stopped; `optcell-search resume {folder}` goes on")
    return result


def _show_warning(message: Warning | str, *_: object) -> None:
    """Print a warning as one line; where in the code it was raised tells a user nothing."""
    print(f"optcell-search: warning: {message}", file=sys.stderr)


def _say(code: int, message: str) -> int:
    # A search space with several faults has a line for each.
    for line in message.splitlines():
        print(f"optcell-search: {line}", file=sys.stderr)
    return code
