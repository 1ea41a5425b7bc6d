"""A bar in a notebook: a line of HTML that is rewritten in place, without widgets or extensions."""

from __future__ import annotations

import html
import importlib
import sys
import time
from typing import Any

_SECONDS_BETWEEN = 0.5


def notebook() -> Any:
    """Return IPython's module `display` where a notebook shows what is displayed, else None."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    # The shell of a terminal has no kernel behind it.
    if ipython is None or getattr(shell, "kernel", None) is None:
        return None
    return importlib.import_module("IPython.display")


class Bar:
    """A bar with words beside it, shown from the first `update` on.

    Args:
        display: what `notebook` returned.
    """

    def __init__(self, display: Any) -> None:
        self._display = display
        self._handle: Any = None
        self._shown = -_SECONDS_BETWEEN

    @property
    def due(self) -> bool:
        """Whether it is time to show something new."""
        return time.monotonic() - self._shown >= _SECONDS_BETWEEN

    def update(self, share: float | None, words: str) -> None:
        """Show how far it is.

        Args:
            share: of the whole, from 0 to 1; None: nobody knows.
            words: to stand beside the bar.
        """
        self._shown = time.monotonic()
        value = "" if share is None else f' value="{min(1.0, max(0.0, share)):.4f}"'
        shown = {
            "text/html": f'<progress max="1"{value} style="width: 16em"></progress> '
            f"{html.escape(words)}",
            "text/plain": words,
        }
        if self._handle is None:
            self._handle = self._display.display(shown, raw=True, display_id=True)
        else:
            self._handle.update(shown, raw=True)
