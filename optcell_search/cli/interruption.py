"""Ctrl-C and SIGTERM, for a process that is this command and nothing else.

While the command is imported nothing has begun, and an exception in the midst of an import can be
lost in the C code of a package: the process ends there and then. From then on both are Ctrl-C.
"""

from __future__ import annotations

import contextlib
import os
import signal
from types import FrameType
from typing import NoReturn

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def leave_at_once(code: int, words: str = "") -> None:
    """From now on end the process with `code` and `words` as soon as a signal comes."""

    def leave(number: int, frame: FrameType | None) -> NoReturn:
        # The stream of the standard errors may be in the midst of a line, or closed.
        with contextlib.suppress(OSError):
            os.write(2, words.encode())
        os._exit(code)

    for number in _SIGNALS:
        # A shell's background job ignores Ctrl-C, and this one goes on doing so.
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, leave)


def interrupt() -> None:
    """From now on let both signals interrupt what is being done, as Python's Ctrl-C does."""
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, _as_ctrl_c)


def _as_ctrl_c(number: int, frame: FrameType | None) -> None:
    """Do what Ctrl-C does, whoever handles that at the moment: Ray Tune ends a search by it."""
    handler = signal.getsignal(signal.SIGINT)
    if not callable(handler):
        raise KeyboardInterrupt
    handler(signal.SIGINT, frame)
