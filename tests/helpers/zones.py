"""Time zones: what is told in local time is told in that of any place."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest


@pytest.fixture
def kathmandu() -> Iterator[None]:
    """Be where it is 5:45 later than UTC, which no machine that tests is set to."""
    with pytest.MonkeyPatch.context() as elsewhere:
        elsewhere.setenv("TZ", "Asia/Kathmandu")
        time.tzset()
        yield
    time.tzset()
