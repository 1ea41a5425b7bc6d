"""A run is looked at in the moment it starts: several processes open a ledger that is not there."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
OPEN = (
    "import sys; sys.path.insert(0, sys.argv[1])\n"
    "from pathlib import Path\n"
    "from optcell_search.ledger.storage.storage import LedgerStorage\n"
    "sys.stdin.readline()\n"
    "LedgerStorage.in_folder(Path(sys.argv[2])).close()\n"
)


def test_processes_that_open_a_new_ledger_at_once_all_can(tmp_path: Path) -> None:
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", OPEN, str(ROOT), str(tmp_path)],
            stdin=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    assert [process.communicate()[1] for process in processes] == [""] * 3
