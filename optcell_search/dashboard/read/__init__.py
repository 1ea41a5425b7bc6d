"""Ledgers as rows and learning curves, read again and again at the cost of what has changed."""

from __future__ import annotations

from .board import Board
from .opening import open_source
from .source import Curve, Source

__all__ = ["Board", "Curve", "Source", "open_source"]
