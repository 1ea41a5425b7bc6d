"""Search spaces and candidates: plain data, read from TOML, independent of torch and Ray."""

from __future__ import annotations

from .candidate import Candidate, trial_seed
from .faults import SpaceError
from .fitting import check_fit
from .flat import from_flat
from .settings import ConvModel, Model, Training
from .space import SearchSpace

__all__ = [
    "Candidate",
    "ConvModel",
    "Model",
    "SearchSpace",
    "SpaceError",
    "Training",
    "check_fit",
    "from_flat",
    "trial_seed",
]
