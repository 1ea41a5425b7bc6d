"""Where workers import from: from nowhere where this process does not."""

from __future__ import annotations

import sys
from collections.abc import Iterable

from ray.job_config import JobConfig


class _Seen(list[str]):
    """Takes only folders that this process imports from."""

    def extend(self, folders: Iterable[str]) -> None:
        """Add those of the folders on this process' own path."""
        # An empty entry stands for the current folder.
        super().extend(folder for folder in folders if folder in sys.path or "" in sys.path)


def job_config() -> JobConfig:
    """Return Ray's settings of a job, under which workers import as this process does.

    Ray would have them import from the current folder first: a file of the name of a module of
    ours, in a folder with somebody else's data, would run in its stead.
    """
    config = JobConfig()
    # No public setting; where a later Ray has none of the name, this one is read by nobody.
    config._py_driver_sys_path = _Seen()
    return config
