"""Ctrl-C and SIGTERM while Ray has the process: it takes their handling over, and loses them."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType
from typing import Any

_NUMBERS = (signal.SIGINT, signal.SIGTERM)


@contextlib.contextmanager
def uninterrupted() -> Iterator[None]:
    """Put both off until the end, and keep Ray from setting handlers of its own.

    In the midst of Ray's start or end an exception is lost in its code, or tears it down.

    Raises:
        KeyboardInterrupt: one of them came meanwhile.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    interrupts: list[int] = []

    def note(number: int, frame: FrameType | None) -> None:
        interrupts.append(number)

    before: dict[int, Any] = {number: signal.getsignal(number) for number in _NUMBERS}
    # What is ignored, as Ctrl-C is in a shell's background job, is ignored further on.
    held = [number for number in _NUMBERS if before[number] is not signal.SIG_IGN]
    set_handler = signal.signal

    def unless_held(number: int, handler: Any) -> Any:
        # Ray's own, for SIGTERM, would end the process with exit code 15 in the midst of its start.
        return before[number] if number in before else set_handler(number, handler)

    for number in held:
        set_handler(number, note)
    signal.signal = unless_held  # type: ignore[assignment]
    try:
        yield
    finally:
        signal.signal = set_handler
        for number in held:
            set_handler(number, before[number])
        if interrupts:
            # Whatever went wrong meanwhile: the user does not want it any more.
            raise KeyboardInterrupt


@contextlib.contextmanager
def kept() -> Iterator[None]:
    """Set the handlers of Ctrl-C and of Ray Tune's own signal back at the end.

    Tune leaves its own behind, which swallows the first Ctrl-C that comes after the search.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGUSR1)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def first_noted() -> Iterator[threading.Event]:
    """Give what the first Ctrl-C sets, so that what is being written is written; a second raises.

    The handler there was is back from then on, and at the end.
    """
    interrupted = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield interrupted
        return
    before = signal.getsignal(signal.SIGINT)

    def note(number: int, frame: FrameType | None) -> None:
        interrupted.set()
        signal.signal(signal.SIGINT, before)

    if before is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, note)
    try:
        yield interrupted
    finally:
        signal.signal(signal.SIGINT, before)
