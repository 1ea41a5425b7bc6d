"""Tasks: data in three splits, a loss, and metrics with their direction."""

from __future__ import annotations

from optcell_search.raw.ragged import Ragged, answered, buckets
from optcell_search.tasks.base import Batch, Data, Split, Task
from optcell_search.tasks.goals import (
    IGNORED,
    Classification,
    Forecasting,
    Goal,
    Labels,
    NextSymbol,
    Regression,
    ScaledRegression,
)
from optcell_search.tasks.loaded import LoadedTask
from optcell_search.tasks.loading import load, parse

__all__ = [
    "IGNORED",
    "Batch",
    "Classification",
    "Data",
    "Forecasting",
    "Goal",
    "Labels",
    "LoadedTask",
    "NextSymbol",
    "Ragged",
    "Regression",
    "ScaledRegression",
    "Split",
    "Task",
    "answered",
    "buckets",
    "load",
    "parse",
]
