"""Fixtures of these tests."""

from __future__ import annotations

from pathlib import Path

import pytest
from ledgers import TWO, in_folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    in_folder(tmp_path / "run", TWO).add([0.9, 10.0])
    return tmp_path / "run"
