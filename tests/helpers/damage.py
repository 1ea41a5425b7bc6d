"""One line where something is damaged."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from optcell_search.tuning import Run


def in_one_line(call: Callable[[], object]) -> bool:
    """Whether it is refused; then, in one line."""
    said = ""
    try:
        call()
    except (ValueError, FileNotFoundError) as error:
        said = str(error)
    assert "\n" not in said.strip()
    assert len(said) < 1000
    return bool(said)


def look(folder: Path) -> None:
    run = Run.open(folder)
    run.status()
    run.results()
    run.pareto()
