"""What a command tells while it works: a spinner on a terminal, elsewhere a line now and then."""

from __future__ import annotations

import contextlib
import logging
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

from optcell_search.stages import LOGGER, STAGE

if TYPE_CHECKING:
    from rich.status import Status


@contextlib.contextmanager
def told() -> Iterator[None]:
    """Show on the standard error stream what the package tells through `logging`."""
    handler = _Spinner() if sys.stderr.isatty() else _Lines()
    level = LOGGER.level
    LOGGER.setLevel(logging.DEBUG if isinstance(handler, _Spinner) else logging.INFO)
    LOGGER.addHandler(handler)
    try:
        yield
    finally:
        LOGGER.removeHandler(handler)
        LOGGER.setLevel(level)
        handler.close()


class _Lines(logging.Handler):
    """A line for each thing told; stages are left out, they would fill a log file."""

    def emit(self, record: logging.LogRecord) -> None:
        """Print what is told."""
        if not hasattr(record, STAGE):
            # A search does not end because its log has no room.
            with contextlib.suppress(OSError):
                print(record.getMessage(), file=sys.stderr, flush=True)


class _Spinner(_Lines):
    """The stage that the command is in, beside something that turns."""

    def __init__(self) -> None:
        super().__init__()
        self._stages: list[str] = []
        self._status: Status | None = None

    def emit(self, record: logging.LogRecord) -> None:
        """Show a stage, or print what is told above it."""
        doing = getattr(record, STAGE, None)
        if doing is None:
            super().emit(record)
            return
        if doing:
            self._stages.append(doing)
        else:
            self._stages.pop()
        self._show()

    def _show(self) -> None:
        # Not above: it is needed only where somebody looks.
        from rich.console import Console
        from rich.markup import escape
        from rich.status import Status

        if not self._stages:
            self.close()
        elif self._status is None:
            self._status = Status(escape(self._stages[-1]), console=Console(stderr=True))
            self._status.start()
        else:
            self._status.update(escape(self._stages[-1]))

    def close(self) -> None:
        """Take the spinner away."""
        if self._status is not None:
            self._status.stop()
            self._status = None
        super().close()
