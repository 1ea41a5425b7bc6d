"""Where the live page is served: its port and its address."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("dash", reason="dash is not installed")

from optcell_search.dashboard import serve
from optcell_search.dashboard.app.serve import Dashboard


@pytest.fixture
def dashboard(folder: Path) -> Iterator[Dashboard]:
    started = Dashboard([folder])
    yield started
    started.close()


def test_it_takes_a_free_port_of_this_machine(dashboard: Dashboard) -> None:
    assert dashboard.address.startswith("http://127.0.0.1:")
    with urllib.request.urlopen(f"{dashboard.address}about.json") as answer:
        assert json.load(answer)["names"]


def test_the_address_to_open_holds_a_token_of_its_own(dashboard: Dashboard, folder: Path) -> None:
    token = dashboard.url.removeprefix(f"{dashboard.address}?token=")
    assert len(token) >= 20
    other = Dashboard([folder])
    assert token not in other.url
    other.close()


def test_a_taken_port_is_one_clear_line(dashboard: Dashboard, folder: Path) -> None:
    port = int(dashboard.address.rstrip("/").rpartition(":")[2])
    with pytest.raises(OSError, match=f"--port {port}: cannot listen there"):
        Dashboard([folder], port=port)


def test_without_dash_the_line_says_which_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    for name in [n for n in sys.modules if n.startswith("optcell_search.dashboard.app")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "dash", None)
    with pytest.raises(ValueError, match=r"pip install 'optcell-search\[dashboard\]'"):
        serve(["anywhere"])
