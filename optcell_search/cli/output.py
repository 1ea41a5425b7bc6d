"""The standard output is for results alone."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator


@contextlib.contextmanager
def results_only() -> Iterator[None]:
    """Send what anybody writes to the standard output meanwhile to the standard error.

    Ray's own processes, which inherit it, write there what they think of a full memory, and JSON
    with a line of that in it is none.
    """
    sys.stdout.flush()
    output, errors = 1, 2
    kept = os.dup(output)
    os.dup2(errors, output)
    try:
        with contextlib.redirect_stdout(sys.stderr):
            yield
    finally:
        os.dup2(kept, output)
        os.close(kept)
