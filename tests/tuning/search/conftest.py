"""Fixtures of these tests."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from driving import Driver


@pytest.fixture
def drivers(tiny: str, tmp_path: Path) -> Iterator[Any]:
    with ExitStack() as stack:

        def make(folder: str = "run", **changes: Any) -> Driver:
            (tmp_path / folder).mkdir()
            driver = Driver(tiny, tmp_path / folder, **changes)
            stack.callback(lambda: driver.ledger.close())
            return driver

        yield make
