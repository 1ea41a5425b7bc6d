"""What is asked before a search begins."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

import optcell_search
from optcell_search.tuning.cluster import preflight


def test_on_a_system_that_is_not_posix_a_search_says_so_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preflight, "os", SimpleNamespace(name="nt"))
    out = tmp_path / "run"
    with pytest.raises(ValueError, match=r"^a search needs Linux or macOS .*; valid .*[^\n]$"):
        optcell_search.search("smoke", "digits", 1, out)
    assert not out.exists()
