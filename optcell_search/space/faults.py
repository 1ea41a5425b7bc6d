"""What is wrong with a description, all of it at once, one line a fault."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

from ..hyperparameters import shown

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")


class SpaceError(ValueError):
    """A search space or a candidate that cannot be used.

    Attributes:
        faults: one line for each thing that is wrong: where, which key, what, what would be valid.
    """

    def __init__(self, *faults: str) -> None:
        super().__init__(*faults)
        self.faults = faults

    def __str__(self) -> str:
        return "\n".join(self.faults)


class Faults:
    """Collects faults while something is read.

    Args:
        where: what is being read, usually a file; every fault begins with it.
    """

    def __init__(self, where: str) -> None:
        self.where = where
        self._lines: list[str] = []

    def add(self, key: str, what: str, valid: str = "") -> None:
        """Note that `key` is wrong in the way `what` says."""
        line = ": ".join(part for part in (self.where, key, what) if part)
        self._lines.append(f"{line}; valid: {valid}" if valid else line)

    def unknown(self, key: str, kind: str, name: object, valid: Iterable[str]) -> None:
        """Note that `name` is none of the `valid` names."""
        names = list(valid)
        near = difflib.get_close_matches(name, names, n=1) if isinstance(name, str) else []
        hint = f" (did you mean {near[0]!r}?)" if near else ""
        self.add(key, f"unknown {kind} {shown(name)}{hint}", ", ".join(names))

    def raise_if_any(self) -> None:
        """Raise one `SpaceError` with everything noted so far, if there is anything."""
        if self._lines:
            raise SpaceError(*self._lines)


def dotted(key: str, part: object) -> str:
    """Return the TOML key of `part` in the table `key`, quoting what is not a bare key."""
    last = part if isinstance(part, str) and _BARE_KEY.fullmatch(part) else shown(part)
    return f"{key}.{last}" if key else last
