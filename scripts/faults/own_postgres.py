"""A PostgreSQL server of one's own for as long as it takes, in a temporary folder.

It needs the server's programs, which Debian's package ``postgresql`` puts where only its own
scripts look for them.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_DEBIAN = Path("/usr/lib/postgresql")
_USER = "optcell"
_SECONDS = 60


class MissingError(RuntimeError):
    """There is no PostgreSQL here; the message says what would have to be there."""


def programs() -> Path:
    """Return the folder of ``initdb`` and ``postgres``, of the newest version there is.

    Raises:
        MissingError: there is none.
    """
    if found := shutil.which("initdb"):
        return Path(found).resolve().parent
    versions = [path.parent for path in _DEBIAN.glob("*/bin/initdb")]
    if not versions:
        raise MissingError("no PostgreSQL here: neither initdb on the path nor Debian's package")
    return max(versions, key=lambda folder: float(folder.parent.name))


@contextlib.contextmanager
def server() -> Iterator[str]:
    """Start a server; its URL is good for SQLAlchemy.

    Raises:
        MissingError: PostgreSQL is not installed.
    """
    binaries = programs()
    folder = Path(tempfile.mkdtemp(prefix="own-postgres-"))
    try:
        yield from _serve(binaries, folder)
    finally:
        shutil.rmtree(folder)


def _serve(binaries: Path, folder: Path) -> Iterator[str]:
    options = _as_somebody_else(folder)
    data = folder / "data"
    subprocess.run(
        [binaries / "initdb", "-D", data, "-U", _USER, "-A", "trust", "-N", "-E", "UTF8"],
        check=True,
        stdout=subprocess.DEVNULL,
        **options,
    )
    port = _free_port()
    process = subprocess.Popen(
        [binaries / "postgres", "-D", data, "-k", folder, "-h", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        **options,
    )
    try:
        _wait([binaries / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(port)])
        yield f"postgresql+psycopg://{_USER}@127.0.0.1:{port}/postgres"
    finally:
        # Its fast shutdown; SIGTERM would wait for whoever is still connected.
        process.send_signal(signal.SIGINT)
        process.wait()


def _as_somebody_else(folder: Path) -> dict[str, Any]:
    """PostgreSQL refuses to run as root: give the folder to another user to run it as."""
    if os.getuid() != 0:
        return {"cwd": folder}
    names = {entry.pw_name for entry in pwd.getpwall()}
    user = "postgres" if "postgres" in names else "nobody"
    shutil.chown(folder, user)
    group = pwd.getpwnam(user).pw_gid
    return {"cwd": folder, "user": user, "group": group, "extra_groups": []}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait(is_ready: list[Any]) -> None:
    deadline = time.monotonic() + _SECONDS
    while subprocess.run(is_ready, check=False).returncode != 0:
        if time.monotonic() > deadline:
            raise MissingError(f"PostgreSQL did not answer within {_SECONDS} s")
        time.sleep(0.1)
