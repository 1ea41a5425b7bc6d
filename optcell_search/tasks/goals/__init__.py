"""What tasks ask of a model's outputs."""

from __future__ import annotations

from optcell_search.tasks.goals.base import IGNORED, Goal
from optcell_search.tasks.goals.classification import Classification
from optcell_search.tasks.goals.forecasting import Forecasting
from optcell_search.tasks.goals.labels import Labels
from optcell_search.tasks.goals.language import NextSymbol
from optcell_search.tasks.goals.regression import Regression, ScaledRegression

__all__ = [
    "IGNORED",
    "Classification",
    "Forecasting",
    "Goal",
    "Labels",
    "NextSymbol",
    "Regression",
    "ScaledRegression",
]
