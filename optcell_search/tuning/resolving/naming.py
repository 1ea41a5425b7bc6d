"""What a new run is called."""

from __future__ import annotations

import re
import uuid

_LONGEST = 60  # characters, of a space


def name_of_run(space: str, task: str) -> str:
    """Return a new name, of signs alone that are plain in a path, a URI and a file of a lock."""
    plain = re.sub(r"[^A-Za-z0-9._]+", "-", space)[:_LONGEST].strip("-.")
    return f"{plain or 'space'}-{task}-{uuid.uuid4().hex[:12]}"
