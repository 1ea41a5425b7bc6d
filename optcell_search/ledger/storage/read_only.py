"""A SQLite file, opened so that nothing is made or changed by reading it; without Optuna."""

from __future__ import annotations

import sqlite3
import urllib.parse
from pathlib import Path

# So long another process may write before this one gives up.
WAIT = 60.0  # seconds


def connect_for_reading(file: Path) -> sqlite3.Connection:
    """Connect without a lock or a side file being made, in a folder that cannot be written, too."""
    # Beside a database that somebody writes to lies its log. Without one nobody does, and what
    # SQLite is told to be immutable it reads as it is. Asked anew for every connection.
    mode = "mode=ro" if Path(f"{file}-wal").exists() else "immutable=1"
    address = f"file:{urllib.parse.quote(str(file.absolute()))}?{mode}"
    return sqlite3.connect(address, uri=True, timeout=WAIT, check_same_thread=False)
