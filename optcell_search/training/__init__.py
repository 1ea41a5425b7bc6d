"""One candidate on one task: training, evaluation, and what else is measured of a model."""

from __future__ import annotations

from optcell_search.training.budget import automatic_epochs
from optcell_search.training.divergence import DivergedError
from optcell_search.training.fitting import check_training, sizes_of
from optcell_search.training.iterating import train
from optcell_search.training.measuring.baseline import feedforward_baseline, has_baseline, of_size
from optcell_search.training.measuring.mixing import read_mixture
from optcell_search.training.measuring.properties import (
    count_parameters,
    gradient_curve,
    gradient_norms,
    latency,
)
from optcell_search.training.measuring.scoring import (
    COSTS,
    TIMED,
    evaluate,
    examine,
    examine_together,
    objectives,
    outputs_on,
    predict,
    score_of,
)
from optcell_search.training.population import Form, Population, form
from optcell_search.training.recipe.schedule import ends_at_zero
from optcell_search.training.trainer import Training

__all__ = [
    "COSTS",
    "TIMED",
    "DivergedError",
    "Form",
    "Population",
    "Training",
    "automatic_epochs",
    "check_training",
    "count_parameters",
    "ends_at_zero",
    "evaluate",
    "examine",
    "examine_together",
    "feedforward_baseline",
    "form",
    "gradient_curve",
    "gradient_norms",
    "has_baseline",
    "latency",
    "objectives",
    "of_size",
    "outputs_on",
    "predict",
    "read_mixture",
    "score_of",
    "sizes_of",
    "train",
]
