"""What a task reads, so that it can be laid where the task's files are not."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from optcell_search.hyperparameters import specification
from optcell_search.tasks.base import Task
from optcell_search.tasks.specs import is_file


def carried(task: Task, folder: Path) -> tuple[str, dict[str, Path]]:
    """Return how a task reads its files in another folder, and which files these are.

    Files that its options name are taken first; where there are none, `Task.files` says which of
    the data folder's it reads.

    Args:
        task: the plug-in with its options.
        folder: the user's data folder.

    Returns:
        What `tasks.load` is to be given together with a folder that holds the files, and the files
        as they lie here, by their name in that folder.
    """
    named = {field: path for field in _texts(task) if (path := _file(getattr(task, field), folder))}
    if not named:
        own = {str(path.relative_to(folder)): path for path in task.files(folder)}
        return task.spec, own
    # A folder each: two files may have one name.
    names = {field: f"{field}/{path.name}" for field, path in named.items()}
    moved = dataclasses.replace(task, **names)
    return moved.spec, {names[field]: path for field, path in named.items()}


def relocated(task: Task, folder: Path) -> Task:
    """Return a task that reads each of its files in `folder`, where one of that name lies there.

    Args:
        task: the plug-in with its options; what they name by an absolute path are files.
        folder: where the files are now.
    """
    paths = {field: Path(getattr(task, field)) for field in _texts(task)}
    here = {field: folder / path.name for field, path in paths.items() if path.is_absolute()}
    moved = {field: str(path.absolute()) for field, path in here.items() if is_file(path)}
    return dataclasses.replace(task, **moved)


def _texts(task: Task) -> list[str]:
    """The options that take any text; paths are among these."""
    declared = specification(type(task))
    return [field.name for field in dataclasses.fields(task) if field.name not in declared]


def _file(text: str, folder: Path) -> Path | None:
    if not text:
        return None
    return next((path for path in (Path(text), folder / text) if is_file(path)), None)
