"""Named views: addresses of the page that are kept in the run folder."""

from __future__ import annotations

import json
from pathlib import Path

from ..ledger.storage.whole import write_text_whole

FILE = "views.json"
_MOST = 100
_LONGEST_NAME = 60
_LONGEST_ADDRESS = 100_000
_LARGEST_FILE = 10_000_000


def views_of(run: Path | None) -> dict[str, str]:
    """Return name → what stands behind the # of the address; what is no view is passed over."""
    if run is None:
        return {}
    path = run / FILE
    if path.is_symlink() or not path.is_file() or path.stat().st_size > _LARGEST_FILE:
        return {}
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError):
        return {}
    if not isinstance(found, dict):
        return {}
    kept = {name: text for name, text in found.items() if isinstance(text, str)}
    return {name: text for name, text in kept.items() if not _fault(name, text)}


def _fault(name: str, address: str) -> str:
    if not name.strip() or len(name) > _LONGEST_NAME or not name.isprintable():
        return f"view {name!r}; valid: a name of up to {_LONGEST_NAME} letters"
    if len(address) > _LONGEST_ADDRESS or not address.isprintable():
        return "the address of this view is too long"
    return ""


def keep_view(run: Path | None, name: str, address: str | None) -> dict[str, str]:
    """Keep a view under a name, or with None forget it; return all there are.

    Raises:
        ValueError: there is no run folder, the name or the address is none, or there are too many.
        OSError: the folder cannot be written.
    """
    if run is None:
        raise ValueError("views are kept in the run folder, and this study has none here")
    known = views_of(run)
    if address is None:
        known.pop(name, None)
    else:
        if fault := _fault(name, address):
            raise ValueError(fault)
        known[name.strip()] = address
    if len(known) > _MOST:
        raise ValueError(f"{len(known)} views; valid: up to {_MOST}")
    write_text_whole(run / FILE, json.dumps(known, indent=1, ensure_ascii=False) + "\n")
    return known
