"""What differs between runs in what they were asked, their spaces and their data, as plain data."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ...wording import number
from .data import Data

# Names and places of a run, which are others in any two runs, and what is told in words elsewhere.
_LEFT_OUT = {
    "format", "run_id", "created", "study", "storage", "address", "data_dir", "epochs_rule",
}  # fmt: skip
_DATA = {"task": "task", "data_fingerprint": "fingerprint"}
_PARTS = ("data", "space", "request")
_MARK = 12


@dataclass(frozen=True)
class Difference:
    """Something that not all runs have in common.

    Attributes:
        part: what it belongs to: ``"data"``, ``"space"`` or ``"request"``.
        name: what differs, in dotted names as a space file has them.
        values: what each run has, in words; None: nothing of the kind.
    """

    part: str
    name: str
    values: tuple[str | None, ...]


def differences(runs: Sequence[Data]) -> tuple[Difference, ...]:
    """Return what differs between runs: in their data first, then their spaces, then the rest."""
    flat = [dict(_flat(data)) for data in runs]
    keys = sorted({key for one in flat for key in one}, key=lambda k: (_PARTS.index(k[0]), k[1]))
    found = [Difference(*key, tuple(one.get(key) for one in flat)) for key in keys]
    return tuple(one for one in found if len(set(one.values)) > 1)


def _flat(data: Data) -> Iterator[tuple[tuple[str, str], str]]:
    """Give (part, name) → value in words of everything that a run was asked."""
    for name, value in data.request.items():
        if name in _DATA:
            # A fingerprint is long, and its beginning tells it from any other.
            yield ("data", _DATA[name]), str(value)[:_MARK] if "print" in name else str(value)
        elif name == "objectives":
            wanted = ", ".join(f"{way} {metric}" for metric, way in data.objectives.items())
            yield ("request", "objectives"), wanted
        elif name == "first":
            # As many others are others.
            mark = hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:_MARK]
            told = f"{len(value)} ({mark})" if value else "0"
            yield ("request", "candidates tried first"), told
        elif name == "space":
            yield from ((("space", inner), text) for inner, text in _leaves(value, ""))
        elif name not in _LEFT_OUT:
            yield from (
                (("request", i), text) for i, text in _leaves(value, name.replace("_", " "))
            )


def _leaves(value: Any, name: str) -> Iterator[tuple[str, str]]:
    """Give dotted name → value in words of all that lies in a table."""
    if isinstance(value, Mapping) and not {"low", "choices"} & value.keys():
        for key, inner in value.items():
            yield from _leaves(inner, f"{name}.{key}" if name else str(key))
    elif value not in ("", [], ()):
        yield name, _words(value)


def _words(value: Any) -> str:
    if isinstance(value, Mapping):
        if "choices" in value:
            return f"one of {_words(value['choices'])}"
        if "low" in value:
            ends = f"{_words(value['low'])} to {_words(value.get('high'))}"
            return f"{ends}, logarithmic" if value.get("log") else ends
        return ", ".join(f"{key} {_words(inner)}" for key, inner in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(map(_words, value))
    if not isinstance(value, float):
        return str(value)
    # Runs that differ beyond the digits that are usually told differ.
    told = number(value)
    return told if float(told.replace(",", "")) == value else repr(value)
