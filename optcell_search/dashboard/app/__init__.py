"""The live dashboard: the page of the report, fed by a server that follows the search."""

from __future__ import annotations

from .serve import serve

__all__ = ["serve"]
