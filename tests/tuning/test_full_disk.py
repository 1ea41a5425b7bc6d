"""A disk that fills up in mid-run: the run stops in one line, and goes on when there is room."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from runs import SPACE

import optcell_search
from optcell_search.ledger.ledger import Ledger
from optcell_search.results import load
from optcell_search.tuning import Run, RunFailedError

ROOM = 3 * 2**20  # bytes


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own with little room; mounting one takes root."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={ROOM}", "tmpfs", str(folder)]
    try:
        done = subprocess.run(mount, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("no mount here")
    if done.returncode != 0:
        pytest.skip(f"no file system can be mounted here: {done.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(folder: Path, leave: int) -> Path:
    """Write a file that leaves so many bytes free."""
    ballast = folder / "ballast"
    stat = os.statvfs(folder)
    ballast.write_bytes(bytes(max(0, stat.f_bavail * stat.f_frsize - leave)))
    return ballast


@pytest.mark.slow
@pytest.mark.usefixtures("cluster")
@pytest.mark.parametrize("leave", [0, 40 * 2**10])
def test_a_full_disk_stops_the_run_and_nothing_is_lost(
    leave: int, tiny: str, small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ledger or checkpoints, whichever finds it full first."""
    folder = small_disk / "run"
    ballast: list[Path] = []
    complete = Ledger.complete

    def then_fill(ledger: Ledger, *row: Any) -> None:
        complete(ledger, *row)
        if not ballast:
            ballast.append(fill(small_disk, leave))

    monkeypatch.setattr(Ledger, "complete", then_fill)
    with pytest.raises(
        RunFailedError, match=r"the run broke off: .*`optcell-search resume"
    ) as caught:
        optcell_search.search(
            SPACE, tiny, 12, folder, epochs=4, workers=2, threads=1, checkpoint_gib=0.001,
            scheduler="none",
        )  # fmt: skip
    assert "\n" not in str(caught.value)
    monkeypatch.undo()
    ballast[0].unlink()
    before = {t.number: t for t in load(folder).trials if t.state.name == "COMPLETE"}
    assert 1 <= len(before) < 12
    # The report alone takes more than there is.
    monkeypatch.setattr(Run, "report", lambda self, path=None: folder)
    Run.open(folder).resume()
    after = load(folder).trials
    assert [trial.state.name for trial in after] == ["COMPLETE"] * 12
    for number, trial in before.items():
        assert after[number] == trial
