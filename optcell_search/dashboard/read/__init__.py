"""Ledgers as rows and learning curves, read again and again at the cost of what has changed."""

from __future__ import annotations

from .board import Board
from .opening import open_source
from .several import LOST, boards_of, named
from .source import Curve, Source

__all__ = ["LOST", "Board", "Curve", "Source", "boards_of", "named", "open_source"]
