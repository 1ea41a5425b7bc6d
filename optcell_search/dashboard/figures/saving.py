"""All figures of a run as files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import plotly.io

from .figure import RunFigure, shows_something
from .front import plot_front
from .growth import plot_growth
from .importances import plot_importances
from .rules import plot_rules
from .source import AnyRun
from .training import plot_training

FORMATS = ("svg", "pdf", "png", "html")
_DOTS = 3


def figures(run: AnyRun) -> dict[str, RunFigure]:
    """Return every figure of a run that has something to show, by name."""
    made = {
        "front": plot_front(run),
        "growth": plot_growth(run),
        "rules": plot_rules(run),
        "training": plot_training(run),
        "importances": plot_importances(run),
    }
    return {name: figure for name, figure in made.items() if shows_something(figure)}


def save_figures(
    run: AnyRun, folder: str | Path, formats: Sequence[str] = ("svg", "pdf")
) -> list[Path]:
    """Write every figure of a run into a folder at print size.

    Args:
        run: the run.
        folder: where to; made where it is not there. Files of these names in it are replaced.
        formats: of `FORMATS`: ``svg`` and ``pdf`` for papers, ``png`` at 300 dots an inch, ``html``
            to be turned and zoomed, which needs no network.

    Returns:
        The files, one a figure and format.

    Raises:
        FileNotFoundError, ValueError: there is no such run, a format is unknown, or kaleido, which
            draws all but ``html``, or the Chromium it works with is not installed.
    """
    if unknown := [kind for kind in formats if kind not in FORMATS]:
        raise ValueError(f"unknown format {unknown[0]!r}; valid: {', '.join(FORMATS)}")
    made = figures(run)
    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    pairs = [
        (figure, target / f"{name}.{kind}") for name, figure in made.items() for kind in formats
    ]
    pages = [(figure, path) for figure, path in pairs if path.suffix == ".html"]
    pictures = [(figure, path) for figure, path in pairs if path.suffix != ".html"]
    if pictures:
        _draw(pictures)
    for figure, path in pages:
        figure.write_html(path, include_plotlyjs=True, config={"showSendToCloud": False})
    return [path for _, path in pairs]


def _draw(pictures: Sequence[tuple[RunFigure, Path]]) -> None:
    """Draw all pictures with one browser, which takes its time to start."""
    scales = [_DOTS if path.suffix == ".png" else 1 for _, path in pictures]
    try:
        plotly.io.write_images(
            fig=[figure for figure, _ in pictures],
            file=[path for _, path in pictures],
            scale=scales,
        )
    except (ValueError, RuntimeError) as error:
        first = str(error).strip().splitlines()[0]
        raise ValueError(
            "svg, pdf and png are drawn by kaleido and Chromium: pip install "
            f"'optcell-search[figures]', and Chrome or Chromium; formats=('html',) needs neither "
            f"({first})"
        ) from error
