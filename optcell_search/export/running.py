"""Runs an exported package's own command line, in an interpreter of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

# As `python -m PACKAGE`, though the package need not be installed.
_PROGRAM = """
import runpy, sys
folder, package, *sys.argv[1:] = sys.argv[1:]
sys.dont_write_bytecode = True
sys.path.insert(0, folder)
runpy.run_module(package, run_name="__main__", alter_sys=True)
"""


def run_package(folder: str | Path, arguments: Sequence[str]) -> int:
    """Run ``python -m PACKAGE`` with these arguments; return its exit code.

    This runs the code that the package holds, as importing it would. It can import what is
    installed, but nothing from the current folder or from ``PYTHONPATH``.

    Args:
        folder: an exported package, as `export` has written it.
        arguments: of its command line.

    Raises:
        ValueError: there is no such package, or it has no predictor.
    """
    home = Path(folder).absolute()
    try:
        config = _content(home / "config.json")
        known = json.loads(config).get("predictor", False)
    except (OSError, ValueError, AttributeError, RecursionError):
        raise ValueError(
            f"{folder}: no exported package; valid: a folder that `export` has written"
        ) from None
    packages = [path.parent.name for path in home.glob("*/preprocessing.json")]
    if not known or len(packages) != 1:
        raise ValueError(
            f"{folder}: this package has no predictor, as an earlier version wrote it; valid: "
            "export the candidate again"
        )
    if _content(home / packages[0] / "config.json") != config:
        raise ValueError(
            f"{folder}: the two config.json of this package differ, so one is damaged; valid: "
            "export the candidate again"
        )
    done = subprocess.run(
        [sys.executable, "-I", "-c", _PROGRAM, str(home), packages[0], *arguments],
        check=False,
    )
    return done.returncode


def _content(path: Path) -> bytes:
    # A pipe or a device would be read without end.
    return path.read_bytes() if path.is_file() else b""
