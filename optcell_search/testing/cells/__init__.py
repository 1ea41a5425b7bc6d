"""What every recurrent cell must be under every registered rule."""

from __future__ import annotations

from .equations import Equations
from .population import SideBySide
from .sequences import Sequences
from .training import Training

__all__ = ["CellContract"]


class CellContract(Equations, Sequences, Training, SideBySide):
    """Subclass it and supply the fixture `cell`; every test runs under every registered rule."""
