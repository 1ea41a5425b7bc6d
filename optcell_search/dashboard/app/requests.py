"""From what is asked for on the page to a command, or to why it cannot be."""

from __future__ import annotations

import re
from pathlib import Path

from .driver import own
from .jobs import Job

EXPORTS = "exports"
_SETTING = re.compile(r"[A-Za-z_][\w.]{0,99}")
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
        ("export", str(own(run)), "--trial", str(trial), "--out", str(target)),
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
        ("finalize", str(own(run)), "--top", str(top), "--seeds", str(seeds)),
        f"Training the best {top} again, with {seeds} fresh seeds each, then testing them",
        "Their test scores are below.",
        outlives=True,
    )


def resume_job(
    run: Path | None, trials: int | None = None, time: str | None = None, skip: int | None = None
) -> Job:
    """Return going on with a run, with more trials or time in all, or without one of its trials.

    Args:
        run: folder of the run.
        trials, time: in all; None or an empty text: as it was.
        skip: a trial that is given up.

    Raises:
        ValueError: there is no run folder, or `trials` is no number from 1 on.
    """
    if run is None:
        raise ValueError(f"{_NO_FOLDER}, so it cannot go on.")
    return Job(
        ("resume", str(own(run)), *_limits(trials, time), *_option("skip", skip)),
        "The search goes on, also when this dashboard ends",
        "The search has ended.",
        outlives=True,
    )


def extend_job(run: Path, trials: int | None = None, time: str | None = None) -> Job:
    """Return letting the search at work on a run use more trials or time, in all.

    Raises:
        ValueError: `trials` is no number from 1 on, or nothing is given.
    """
    limits = _limits(trials, time)
    if not limits:
        raise ValueError("The search is at work; say how many trials or how much time in all.")
    return Job(
        ("extend", str(own(run)), *limits),
        "Telling the search its new limits",
        "The search goes by them within seconds.",
    )


def _limits(trials: int | None, time: str | None) -> list[str]:
    if trials is not None and (not isinstance(trials, int) or trials < 1):
        raise ValueError("trials in all: a whole number, 1 or more.")
    return [*_option("trials", trials), *_option("time", time)]


def _option(name: str, value: object) -> list[str]:
    # One word, so that no value can be taken for an option.
    return [] if value in (None, "") else [f"--{name}={value}"]


def prune_job(run: Path | None, trial: int | None) -> Job:
    """Return ending a running trial early; raises a ValueError where there is none."""
    if run is None:
        raise ValueError(f"{_NO_FOLDER}, so its search cannot be reached.")
    if not isinstance(trial, int):
        raise ValueError("No trial is picked.")
    return Job(
        ("prune", str(own(run)), str(trial)),
        f"Asking the search to end trial {trial}",
        f"Trial {trial} ends, pruned, after its current epoch.",
    )


def enqueue_job(run: Path | None, trial: int | None, setting: str | None, value: str | None) -> Job:
    """Return putting a trial's candidate, with another value, into the queue.

    Raises:
        ValueError: there is no run folder or trial, or something is left empty.
    """
    if run is None:
        raise ValueError(f"{_NO_FOLDER}, so nothing can be trained for it.")
    if not isinstance(trial, int):
        raise ValueError("No trial is picked.")
    if not _SETTING.fullmatch(setting or "") or not (value or "").strip():
        raise ValueError("A setting, such as heavy_ball.mu, and its new value.")
    return Job(
        ("enqueue", str(own(run)), str(trial), f"{setting}={(value or '').strip()}"),
        f"Putting trial {trial} with another {setting} into the queue",
        "It waits in the queue: a search that goes on takes it up, or the next resume does.",
    )
