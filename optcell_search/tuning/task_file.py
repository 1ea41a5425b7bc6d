"""What an export needs to know of the task, kept in the run folder as ``task.json``.

It is written when the run is made, from data that is read then anyway: sizes, metrics, and how raw
data become tensors and outputs answers. So a run folder can be exported where its data are not.
"""

from __future__ import annotations

import dataclasses
import json
import math
import os
import tempfile
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from optcell_search.export import TaskInfo
from optcell_search.raw import from_dict
from optcell_search.tasks import LoadedTask
from optcell_search.tasks.folds import chance_in

from ..ledger.format import CHANCE, IN_FOLDS, TASK_FILE
from ..ledger.request import Request
from ..ledger.storage.names import refuse_link
from ..ledger.typed import checker

_FIELDS = [field.name for field in dataclasses.fields(TaskInfo)]


def content(task: LoadedTask, folds: int = 1, seed: int = 0) -> str:
    """Return what the file holds of a task.

    Args:
        task: with its data.
        folds, seed: that candidates are judged in; see `tasks.folds.fold`.
    """
    known = {name: getattr(task, name) for name in _FIELDS} | {"data": task.fingerprint}
    known[CHANCE] = _finite(task.chance)
    if folds > 1:
        known[IN_FOLDS] = _finite(chance_in(task, folds, seed))
    known["preprocessing"] = task.preprocessing.to_dict()
    return json.dumps(known, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _finite(scores: Mapping[str, float]) -> dict[str, float]:
    """Return those that are numbers: infinite and NaN are no JSON."""
    return {name: value for name, value in scores.items() if math.isfinite(value)}


def add(folder: Path, task: LoadedTask, request: Request) -> None:
    """Write the file into a run folder that has none, as older versions made it."""
    path = folder / TASK_FILE
    refuse_link(path)
    if not path.exists():
        with tempfile.TemporaryDirectory(prefix=".", dir=folder) as draft:
            (Path(draft) / TASK_FILE).write_text(
                content(task, request.folds, request.seed), encoding="utf-8"
            )
            os.replace(Path(draft) / TASK_FILE, path)


def read(folder: Path, request: Request) -> TaskInfo | None:
    """Return the task of a run without its data; None: its folder does not hold it.

    Raises:
        ValueError: the file is damaged, or is that of other data.
    """
    path = folder / TASK_FILE
    if not path.is_file():
        return None
    refuse_link(path)
    try:
        known = json.loads(path.read_bytes())
        fingerprint = known.pop("data")
        frame = known.pop("frame")
        known.pop(IN_FOLDS, None)
        made = from_dict(known.pop("preprocessing"))
        task = TaskInfo(**known, frame=frame and tuple(frame), preprocessing=made)
        fits = _fits(task) and _fits(made)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise ValueError(f"{path}: damaged: {error}") from None
    if not fits:
        raise ValueError(f"{path}: damaged: a value is of another type than is written there")
    if fingerprint != request.data_fingerprint:
        raise ValueError(f"{path}: is of other data than the run began with")
    return dataclasses.replace(task, spec=request.task)


def _fits(value: Any) -> bool:
    """Whether all fields of a dataclass, and of those in it, have the types that it declares."""
    plain = {"metrics": dict[str, str], "chance": dict[str, float]}
    hints = typing.get_type_hints(type(value)) | plain
    for field in dataclasses.fields(value):
        found = getattr(value, field.name)
        if dataclasses.is_dataclass(found):
            if not _fits(found):
                return False
        elif not checker(hints[field.name])(found):
            return False
    return True
