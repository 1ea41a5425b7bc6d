"""Whether what is asked for fits into this machine, asked before it is made."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from .ragged import unequal

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


def require_padded(counts: npt.NDArray[np.int64], names: Sequence[str], where: str) -> None:
    """Refuse sequences that are padded to one length and then do not fit into memory.

    Args:
        counts: (sequences,) lengths.
        names: of the sequences.
        where: file, for the message.
    """
    if unequal(torch.from_numpy(counts)):
        return
    longest = int(counts.argmax())
    require(
        len(counts) * int(counts.max()) * 8,
        f"{where}: {len(counts)} sequences padded to the longest, {names[longest]!r} of "
        f"{counts[longest]} rows (half of them have {int(np.median(counts))} or fewer),",
        "cut long sequences into several",
    )
