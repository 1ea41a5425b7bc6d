"""The figures of a run, asked for where the run is at hand: in a notebook."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from optcell_search.dashboard.figures import RunFigure
    from optcell_search.dashboard.inline import Inline


class RunFigures:
    """Methods of a run that return plotly figures; see `optcell_search.dashboard.figures`.

    Attributes:
        directory: the run folder.
    """

    directory: Path

    def plot_front(self, x: str | None = None, y: str | None = None) -> RunFigure:
        """Return the Pareto front among all ranked trials, over two columns of `results`."""
        from optcell_search.dashboard.figures import plot_front

        return plot_front(self.directory, x, y)

    def plot_rules(self) -> RunFigure:
        """Return how each rule and cell does, with 95 % intervals."""
        from optcell_search.dashboard.figures import plot_rules

        return plot_rules(self.directory)

    def plot_training(self, metric: str | None = None) -> RunFigure:
        """Return the learning curves in a metric, by default the first objective."""
        from optcell_search.dashboard.figures import plot_training

        return plot_training(self.directory, metric)

    def plot_importances(self) -> RunFigure:
        """Return how much each hyperparameter decides."""
        from optcell_search.dashboard.figures import plot_importances

        return plot_importances(self.directory)

    def save_figures(
        self, folder: str | Path, formats: Sequence[str] = ("svg", "pdf")
    ) -> list[Path]:
        """Write all figures at print size into a folder; return the files."""
        from optcell_search.dashboard.figures import save_figures

        return save_figures(self.directory, folder, formats)

    def dashboard(self, height: int = 900) -> Inline:
        """Return the page of the run, for a notebook to show; `height` in pixels."""
        from optcell_search.dashboard.inline import show

        return show(self.directory, height)
