"""What is seen to before Ray is started or joined: its folder, its address, its ports."""

from __future__ import annotations

import contextlib
import functools
import os
import secrets
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path
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


def require_home() -> None:
    """Raise a ValueError where there is no home: Ray is not even imported without one."""
    try:
        home = Path.home()
    except RuntimeError as error:
        raise ValueError(
            "HOME is not set, and this system knows no home of this user; set HOME to a folder, "
            "such as one for temporary files"
        ) from error
    if home.exists() and not home.is_dir():
        raise ValueError(f"HOME is {home}, which is no folder; set HOME to one")


def token() -> dict[str, str]:
    """Return Ray's token for a cluster of our own, where it cannot keep one in the home."""
    home = Path.home()
    folder = home / ".ray"
    kept = (folder / "auth_token").exists() or os.access(
        folder if folder.exists() else home, os.W_OK
    )
    named = any(os.environ.get(name) for name in ("RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"))
    return {} if kept or named else {"RAY_AUTH_TOKEN": _made_token()}


@functools.cache
def _made_token() -> str:
    # Ray reads it once in a process, however often it is started.
    return secrets.token_hex(32)


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
def settings(*, alone: bool) -> Iterator[None]:
    """Set, for Ray's start, what it has no public setting for once it is imported.

    A cluster of our own listens on this machine's loopback address, on all its ports; else they
    are open to the network. And Ray's C++ code does not take SIGTERM for a fault of its own, at
    which it prints its stack and aborts.

    Args:
        alone: it is a cluster of our own.
    """
    wanted = {"RAY_DISABLE_FAILURE_SIGNAL_HANDLER": True}
    if alone:
        wanted["ENABLE_RAY_CLUSTER"] = False
    before = {n: getattr(ray_constants, n) for n in wanted if hasattr(ray_constants, n)}
    for name in before:
        setattr(ray_constants, name, wanted[name])
    try:
        yield
    finally:
        for name, value in before.items():
            setattr(ray_constants, name, value)
