"""Search spaces and candidates: plain data, read from TOML, independent of torch and Ray."""

from __future__ import annotations

from .candidate import Candidate, trial_seed
from .faults import SpaceError
from .settings import Model, Training
from .space import SearchSpace

__all__ = ["Candidate", "Model", "SearchSpace", "SpaceError", "Training", "trial_seed"]
