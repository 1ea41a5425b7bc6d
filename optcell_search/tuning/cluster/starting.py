"""Starting a Ray of our own, or joining one, so that it ends well when it is interrupted."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any
from urllib.parse import urlsplit

from ray._private import ray_constants

# Ray keeps sockets below its folder for temporary files, some 64 characters deeper, and the
# system takes no path of a socket beyond 107.
_LONGEST_FOLDER = 40
_SHORT_FOLDER = Path("/tmp")
_PATIENCE = 5.0  # seconds


def temporary_folder() -> str | None:
    """Return a folder for Ray's own files, None where its default will do.

    Raises:
        ValueError: the folder for temporary files has too long a path, and there is no other.
    """
    usual = tempfile.gettempdir()
    if len(usual) <= _LONGEST_FOLDER:
        return None
    if not os.access(_SHORT_FOLDER, os.W_OK):
        raise ValueError(
            f"TMPDIR = {usual}: too long a path for the sockets of Ray; valid: a folder whose path "
            f"has at most {_LONGEST_FOLDER} characters"
        )
    return str(_SHORT_FOLDER / f"ray-{os.getuid()}")


def require_answer(address: str) -> None:
    """Raise a ValueError where nothing listens at ``host:port``; Ray would try for minutes."""
    host, port = _host_and_port(address)
    if host is None or port is None:
        return
    try:
        socket.create_connection((host, port), timeout=_PATIENCE).close()
    except OSError as error:
        raise ValueError(
            f"address {address}: no Ray cluster answers there ({error}); valid: HOST:PORT of a "
            "running head, auto, or none for a cluster of our own"
        ) from error


def _host_and_port(address: str) -> tuple[str | None, int | None]:
    parts = urlsplit(address if "://" in address else f"//{address}")
    try:
        return parts.hostname, parts.port
    except ValueError as error:
        raise ValueError(f"address {address}: {error}; valid: HOST:PORT or auto") from error


@contextlib.contextmanager
def on_loopback(*, alone: bool) -> Iterator[None]:
    """Have a cluster of our own listen on this machine's loopback address, on all its ports.

    Ray does so by itself where it supports no cluster of several machines, and has no public
    setting for it elsewhere; without this one its ports are open to the network.
    """
    name = "ENABLE_RAY_CLUSTER"
    if not alone or not hasattr(ray_constants, name):
        yield
        return
    before = getattr(ray_constants, name)
    setattr(ray_constants, name, False)
    try:
        yield
    finally:
        setattr(ray_constants, name, before)


@contextlib.contextmanager
def uninterrupted() -> Iterator[None]:
    """Put Ctrl-C off until the end, and keep Ray from taking the handling of signals over.

    In the midst of Ray's start an exception is lost in its own code, or tears it down.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    interrupts: list[int] = []

    def note(number: int, frame: FrameType | None) -> None:
        interrupts.append(number)

    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    for number in before:
        signal.signal(number, note)
    set_handler = signal.signal

    def unless_held(number: int, handler: Any) -> Any:
        # Ray's own, for SIGTERM, would end the process with exit code 15 in the midst of its start.
        return note if number in before else set_handler(number, handler)

    signal.signal = unless_held  # type: ignore[assignment]
    try:
        yield
    finally:
        signal.signal = set_handler
        for number, handler in before.items():
            signal.signal(number, handler)
    if interrupts:
        raise KeyboardInterrupt
