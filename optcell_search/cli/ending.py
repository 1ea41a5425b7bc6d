"""What a search that has ended, trained or simulated, tells its user."""

from __future__ import annotations

from typing import Any

from . import tables
from .output import print_json


def show_end(run: Any, *, as_json: bool) -> int:
    """Print the standing of a run, its front and where its report is; return the exit code."""
    front, standing = run.pareto(), run.status()
    report = str(run.directory / "report.html")
    if as_json:
        return print_json({"status": standing, "report": report, "pareto": tables.records(front)})
    width = tables.terminal_width()
    parts = [tables.status(standing, width)]
    if len(front):
        asked = list(run.request.objectives)
        parts.append(tables.candidates(front, asked, width, run.chance()))
    print("\n\n".join([*parts, f"report: {report}"]))
    return 0
