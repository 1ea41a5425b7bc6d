"""The page's charts as plotly figures, for notebooks and papers: info object → figure.

Each function takes a run: what `Run.open` gives, a run folder, the URL of a study, or the study.
"""

from __future__ import annotations

from .figure import RunFigure
from .front import plot_front
from .growth import plot_growth
from .importances import plot_importances
from .rules import plot_rules
from .saving import FORMATS, figures, save_figures
from .source import AnyRun
from .training import plot_training

__all__ = [
    "FORMATS",
    "AnyRun",
    "RunFigure",
    "figures",
    "plot_front",
    "plot_growth",
    "plot_importances",
    "plot_rules",
    "plot_training",
    "save_figures",
]
