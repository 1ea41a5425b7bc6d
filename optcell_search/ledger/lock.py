"""Whether somebody works on a run folder; looking needs neither Optuna nor a lock."""

from __future__ import annotations

import os
from pathlib import Path

LOCK = Path("ray") / "driver.lock"
# Held besides by who finalizes.
FINALIZE_LOCK = Path("ray") / "finalize.lock"


def is_locked(folder: Path, lock: Path = LOCK) -> bool:
    """Whether a process on this machine is working on the run; looking changes nothing.

    Args:
        folder: of the run.
        lock: which work is asked for, by default any.
    """
    try:
        import fcntl

        file = os.open(folder / lock, os.O_RDONLY | os.O_NOFOLLOW)
    except (ImportError, OSError):
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        # A file system without locks: nobody can hold one there.
        return False
    finally:
        os.close(file)
    return False
