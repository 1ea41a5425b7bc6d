from __future__ import annotations

from collections.abc import Iterator

import pytest
from runs import cluster
from serial_searches import in_this_process

__all__ = ["cluster"]


@pytest.fixture(scope="module")
def quick() -> Iterator[None]:
    """Searches without Ray, in this process."""
    with in_this_process():
        yield
