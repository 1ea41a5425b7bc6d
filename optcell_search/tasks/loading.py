"""From what a user writes for a task to the task with its data."""

from __future__ import annotations

import os
from dataclasses import fields
from pathlib import Path
from typing import Any

from optcell_search import registry
from optcell_search.hyperparameters import Choice, Integer, Real, Specification, specification
from optcell_search.tasks import describing
from optcell_search.tasks.base import Task
from optcell_search.tasks.loaded import LoadedTask
from optcell_search.tasks.specs import is_file, parts_of


def load(spec: str, data_dir: Path | str | None = None, *, whole: bool = False) -> LoadedTask:
    """Return the task that `spec` describes, its training and validation data read.

    Args:
        spec: ``name``, ``name:option=value,option=value``, or the path of a data file of the
            user's own, options after a colon likewise.
        data_dir: folder with the data of tasks that read files; None: environment variable
            ``OPTCELL_DATA``, or else ``data`` in the current folder.
        whole: whether the test split is read, too, which stays sealed: once for all is sooner,
            where it will be unsealed.

    Raises:
        ValueError: unknown name or option, a value that is not valid, data that cannot be used.
        FileNotFoundError: a file is missing; the message says how to get it.
    """
    folder = Path(data_dir or os.environ.get("OPTCELL_DATA") or "data")
    task = parse(spec, folder)
    if not (whole and task.has_test):
        return LoadedTask(task, folder)
    data, test = task.all_data(folder)
    return LoadedTask(task, folder, data=describing.checked(task, data), test=test)


def parse(spec: str, folder: Path = Path("data")) -> Task:
    """Return the plug-in with its options that `spec` describes; nothing is read.

    The path of a user's file that is there becomes absolute, so that the task is the same in a
    worker that runs in another folder. Raises the ValueErrors of `load` that do not depend on data.
    """
    head, options = parts_of(spec)
    plugins = map(registry.tasks.get, registry.tasks.names())
    readers = {kind: plugin for plugin in plugins for kind in plugin.suffixes}
    fits = [suffix for suffix in readers if head.lower().endswith(suffix)]
    suffix = max(fits, key=len, default=Path(head).suffix.lower())
    if not suffix and "/" not in head:
        cls = registry.tasks.get(head)
        if cls.suffixes:
            raise ValueError(
                f"task {head!r} reads a file of yours: give its path, "
                f"which ends in {' or '.join(cls.suffixes)}"
            )
        return _build(cls, spec, options, {})
    if suffix not in readers:
        raise ValueError(
            f"data file {head!r} is of an unknown kind; valid: {', '.join(readers)}, "
            "and ucr:name=NAME for NAME_TRAIN.ts"
        )
    found = next((path for path in (Path(head), folder / head) if is_file(path)), None)
    path = head if found is None else str(found.absolute())
    return _build(readers[suffix], spec, options, {"path": path})


def _build(cls: type[Any], spec: str, options: dict[str, str], given: dict[str, str]) -> Task:
    declared = specification(cls)
    written = {field: alias for alias, field in cls.aliases.items()}
    names = [field.name for field in fields(cls) if field.name != "path"]
    valid = [written.get(name, name) for name in names]
    for key in options:
        if key not in valid:
            raise ValueError(
                f"task {spec!r}: unknown option {key!r}; valid: {', '.join(valid) or 'none'}"
            )
    chosen = {cls.aliases.get(key, key): text for key, text in options.items()}
    values = {key: _value(text, declared.get(key)) for key, text in chosen.items()}
    task: Task = cls(**given, **values)
    return task


def _value(text: str, spec: Specification | None) -> Any:
    """Turn an option's text into the type that its field declares.

    A text that cannot be turned is handed on as it is: the field's own check then says what
    would be valid.
    """
    if isinstance(spec, Choice):
        return next((option for option in spec.options if str(option) == text), text)
    try:
        if isinstance(spec, Integer):
            return int(text)
        if isinstance(spec, Real):
            return float(text)
    except ValueError:
        pass
    return text
