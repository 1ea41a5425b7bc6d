"""Results as something to look at: plain info objects → figures → one page.

The only room that imports plotly.
"""

from __future__ import annotations

from .report import write_report

__all__ = ["write_report"]
