"""Loggers of others are told of everything, and cannot end a search by what they do.

One that fails as it is set up, say for want of a key, ends the run before anything is trained: who
asked for it wants to know. One that fails later, as when its server goes away over night, is left
out from there on, with a line that says so: the ledger has all it would have logged.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from ray import tune

from ...ledger.trials.reasons import unexpected


class LoggerError(RuntimeError):
    """A callback cannot be set up."""


class Guarded(tune.Callback):
    """Hands on to another callback what it is told, as long as that takes it."""

    def __init__(self, callback: tune.Callback) -> None:
        self._callback = callback
        self._name = type(callback).__name__
        self._failed = False

    def setup(self, *args: Any, **info: Any) -> None:
        """Set the callback up.

        Raises:
            LoggerError: it raises anything itself.
        """
        try:
            self._callback.setup(*args, **info)
        except Exception as error:
            # Whatever it may be: it is the callback's own.
            raise LoggerError(f"callback {self._name}: {unexpected(error)}") from error

    def tell(self, what: str, *args: Any, **info: Any) -> None:
        """Call one of its methods, unless it has failed before."""
        if self._failed:
            return
        try:
            getattr(self._callback, what)(*args, **info)
        except Exception as error:
            self._failed = True
            print(
                f"optcell-search: callback {self._name}: {unexpected(error)}; the search goes on "
                "without it",
                file=sys.stderr,
                flush=True,
            )


def _handing_on(what: str) -> Callable[..., None]:
    def method(self: Guarded, *args: Any, **info: Any) -> None:
        self.tell(what, *args, **info)

    return method


# All there are, so that one which Tune adds is handed on as well.
for _what in vars(tune.Callback):
    if _what.startswith("on_"):
        setattr(Guarded, _what, _handing_on(_what))
