"""What a command is busy with, told through `logging`, so that nobody waits without knowing why."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator

LOGGER = logging.getLogger("optcell_search")
# The attribute of a record that begins a stage (what is done) or ends one (an empty text).
STAGE = "stage"


@contextlib.contextmanager
def stage(doing: str) -> Iterator[None]:
    """Tell that something is being waited for, and when that is over.

    Args:
        doing: what is done, such as "starting Ray".
    """
    LOGGER.debug("%s", doing, extra={STAGE: doing})
    try:
        yield
    finally:
        LOGGER.debug("%s: done", doing, extra={STAGE: ""})
