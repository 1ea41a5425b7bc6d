"""Whether what is asked for fits into this machine, asked before it is made."""

from __future__ import annotations

import os
from pathlib import Path

_GIBIBYTE = 2**30
_LIMIT = Path("/sys/fs/cgroup/memory.max")
_SYSTEM = Path("/proc/meminfo")


def available() -> int:
    """Return how many bytes a process may still take here, as far as the system says."""
    found = []
    if _SYSTEM.is_file():
        lines = dict(line.split(":", 1) for line in _SYSTEM.read_text().splitlines())
        found.append(int(lines["MemAvailable"].split()[0]) * 1024)
    elif hasattr(os, "sysconf"):
        found.append(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    if _LIMIT.is_file() and (limit := _LIMIT.read_text().strip()).isdigit():
        found.append(int(limit))
    return min(found, default=2**63)


def require(size: int, where: str, valid: str) -> None:
    """Refuse what needs more than the memory that is there.

    Args:
        size: bytes.
        where: what needs them, for the message.
        valid: what can be done instead.

    Raises:
        ValueError: there are fewer.
    """
    there = available()
    if size > there:
        raise ValueError(
            f"{where} would take {size / _GIBIBYTE:.1f} GiB of memory, "
            f"{there / _GIBIBYTE:.1f} GiB are free; valid: {valid}"
        )
