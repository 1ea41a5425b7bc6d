"""Which places outside of its folder a run may name.

A run folder can come from anybody. A database server, a cluster or a store that it names is used
only when the user has named it, too: by making the run, by ``--trust``, or by having done so
before. Files of this machine that it names may be read, which changes nothing; they are written
only on the same terms. What has been trusted is remembered for this user, by what is named and not
by where the folder is, so that a copy of a run is as good as the run.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Mapping
from pathlib import Path

from .format import JOURNAL
from .request import Request
from .storage.passwords import without_password

# What a request may name outside of its run folder.
KEYS = ("study", "storage", "address")


def outside(request: Request) -> dict[str, str]:
    """Return what a request names outside of its run folder, by key."""
    return {key: getattr(request, key) for key in KEYS if getattr(request, key)}


def contacted(named: Mapping[str, str]) -> dict[str, str]:
    """Return those of the places that somebody else may answer for, also when only read."""
    reading = {key: value for key, value in named.items() if key != "address"}
    return {key: value for key, value in reading.items() if not _is_file(value)}


def _is_file(place: str) -> bool:
    return "://" not in place or place.startswith((JOURNAL, "file://", "sqlite:"))


def require(folder: Path, named: Mapping[str, str], *, trust: bool) -> None:
    """Raise a ValueError unless the user has named what the run in `folder` names outside of it.

    Args:
        folder: of the run.
        named: see `outside`.
        trust: the user names it now.
    """
    if not named:
        return
    if trust:
        remember(named)
    elif not {_mark(*place) for place in named.items()} <= _remembered():
        what = ", ".join(f"{key} = {without_password(value)!r}" for key, value in named.items())
        raise ValueError(
            f"{folder}: its run.toml names a place outside of it, {what}; if you know it, use it "
            "with --trust (in Python trust=True)"
        )


def remember(named: Mapping[str, str]) -> None:
    """Remember that the user has named these places; where there is no home, for nothing."""
    if not named:
        return
    # Without a home that can be written the user is asked again.
    with contextlib.suppress(OSError, RuntimeError):
        path = _file()
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="ascii") as stream:
            stream.writelines(f"{_mark(*place)}\n" for place in named.items())


def _remembered() -> set[str]:
    try:
        return set(_file().read_text(encoding="ascii").split())
    except (OSError, RuntimeError, UnicodeDecodeError):
        return set()


def _file() -> Path:
    state = os.environ.get("XDG_STATE_HOME", "")
    base = Path(state) if state else Path.home() / ".local" / "state"
    return base / "optcell-search" / "trusted"


def _mark(key: str, value: str) -> str:
    # A hash: the file then gives no password away.
    return hashlib.sha256(f"{key}={value}".encode()).hexdigest()
