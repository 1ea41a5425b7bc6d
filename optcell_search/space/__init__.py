"""Search spaces and candidates: plain data, read from TOML, independent of torch and Ray."""

from __future__ import annotations

from .adapting import AUTO, DataSizes, adapted
from .candidate import Candidate, trial_seed
from .faults import SpaceError
from .fitting import check_fit
from .flat import from_flat
from .mixing import LARGEST, MIXTURE, is_mixture, mixtures, read_off
from .plain import is_plain
from .settings import ConvModel, Model, Training
from .space import SearchSpace

__all__ = [
    "AUTO",
    "LARGEST",
    "MIXTURE",
    "Candidate",
    "ConvModel",
    "DataSizes",
    "Model",
    "SearchSpace",
    "SpaceError",
    "Training",
    "adapted",
    "check_fit",
    "from_flat",
    "is_mixture",
    "is_plain",
    "mixtures",
    "read_off",
    "trial_seed",
]
