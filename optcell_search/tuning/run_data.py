"""A run's data and checkpoints, wherever they lie."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from optcell_search import tasks
from optcell_search.stages import stage
from optcell_search.tasks.carrying import relocated

from .cluster.data_transfer import DataChangedError, Source
from .run_steering import RunSteering
from .store import checkpoints
from .store.file_systems import Location


class RunData(RunSteering):
    """A run folder with what the run trains on and what it has trained."""

    def _check_data(self, moved: Mapping[str, Any] = MappingProxyType({})) -> tasks.LoadedTask:
        """Return the run's task; raise a ValueError if its data is no longer what it was.

        Args:
            moved: what `_moved` says of the place of its data.
        """
        try:
            with stage("reading the data"):
                return self._source_at(moved).load()
        except DataChangedError as error:
            place = f" in {moved['data_dir']}" if moved else ""
            raise ValueError(
                f"{self.directory}: the data of task {self.request.task!r}{place} is no longer "
                "what the run began with"
            ) from error

    def _moved(self, data_dir: str | Path | None) -> dict[str, Any]:
        """Return what changes in the request where its data now lie in a folder; None: nothing.

        Raises:
            ValueError: there is no such folder.
        """
        if data_dir is None:
            return {}
        folder = Path(data_dir).absolute()
        if not folder.is_dir():
            raise ValueError(f"data_dir = {data_dir}: there is no such folder")
        task = relocated(tasks.parse(self.request.task, folder), folder)
        return {"task": task.spec, "data_dir": str(folder)}

    @property
    def _source(self) -> Source:
        return self._source_at({})

    def _source_at(self, moved: Mapping[str, Any]) -> Source:
        self._require_training()
        return Source.of(dataclasses.replace(self.request, **moved), self.directory)

    @property
    def _checkpoints(self) -> Location:
        return checkpoints.location_of(self.request, self.directory)
