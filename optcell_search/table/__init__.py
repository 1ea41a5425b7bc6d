"""A table of a whole space: asking it, and searches simulated on it."""

from __future__ import annotations

from .table import Table

__all__ = ["Table"]
