"""From what is asked for on the page to a command, or to why it cannot be."""

from __future__ import annotations

import re
from pathlib import Path

from .jobs import Job

EXPORTS = "exports"
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")
_NO_FOLDER = "This study has no run folder here"


def export_job(run: Path | None, trial: int, name: str) -> Job:
    """Return the export of a trial into the export folder of its run.

    Args:
        run: folder of the run, None where there is none on this machine.
        trial: its number.
        name: of the package's folder.

    Raises:
        ValueError: it cannot be exported there.
    """
    if run is None:
        raise ValueError(f"{_NO_FOLDER}, so it holds no weights.")
    if not _NAME.fullmatch(name):
        raise ValueError(
            f"{name!r} cannot be a name; valid: a letter, then letters, digits, - and _, 64 in all."
        )
    folder = run / EXPORTS
    if folder.is_symlink():
        raise ValueError(f"{folder} leads elsewhere; exports stay in the run folder.")
    if (folder / name).exists() or (folder / name).is_symlink():
        raise ValueError(f"{folder / name} exists; choose another name.")
    target = folder / name
    return Job(
        ("export", str(run), "--trial", str(trial), "--out", str(target)),
        f"Exporting trial {trial}: writing the package, then loading it in a new interpreter and "
        "comparing outputs",
        f"Checked: loaded without optcell_search, it computes what trial {trial} does. "
        f"pip install {target}",
    )


def finalize_job(run: Path | None, top: int | None, seeds: int | None) -> Job:
    """Return the finalizing of the best trials of a run.

    Raises:
        ValueError: there is no run folder, or a number is none from 1 on.
    """
    if run is None:
        raise ValueError(f"{_NO_FOLDER}, so nothing can be trained for it.")
    for name, number in (("candidates", top), ("seeds", seeds)):
        if not isinstance(number, int) or number < 1:
            raise ValueError(f"{name}: a whole number, 1 or more.")
    return Job(
        ("finalize", str(run), "--top", str(top), "--seeds", str(seeds)),
        f"Training the best {top} again, with {seeds} fresh seeds each, then testing them",
        "Their test scores are below.",
        outlives=True,
    )


def resume_job(run: Path | None) -> Job:
    """Return going on with a run; raises a ValueError where there is no run folder."""
    if run is None:
        raise ValueError(f"{_NO_FOLDER}, so it cannot go on.")
    return Job(
        ("resume", str(run)),
        "The search goes on, also when this dashboard ends",
        "The search has ended.",
        outlives=True,
    )
