"""Can the workers do what the search will ask of them? Asked before it begins, on every node."""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ray
from ray import exceptions
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from optcell_search.space import SearchSpace

from ...ledger.request import Request
from ...ledger.storage.passwords import without_password
from ...ledger.storage.storage import said
from ..store.file_systems import Location
from . import data_transfer, heartbeat
from .data_transfer import DataChangedError, Source

_GIBIBYTE = 2**30
_ASKED, _ANSWERED = "question", "answer"

Node = dict[str, Any]


@dataclass(frozen=True)
class Question:
    """What a worker is asked, as plain data.

    Attributes:
        space: as in `Request`.
        source: where the data comes from.
        where: a location that holds a question and takes the answer.
    """

    space: dict[str, Any]
    source: Source
    where: str


@dataclass(frozen=True)
class Answer:
    """What is wrong on a worker, in words, empty for nothing; and whether it is the data."""

    fault: str = ""
    lacks_data: bool = False


def check_system() -> None:
    """Make sure that this is a POSIX system: users, signals and folders are used as it has them.

    Raises:
        ValueError: it is another.
    """
    if os.name != "posix":
        raise ValueError(
            "a search needs Linux or macOS (on Windows: inside WSL); valid on this system: "
            "cells, search spaces, tasks, results and exported packages"
        )


def check_room(location: Location, needed: int) -> None:
    """Make sure that a disk has room for the checkpoints.

    Args:
        location: where they go; what lies behind a URI is not asked for its room.
        needed: bytes.

    Raises:
        ValueError: there is less.
    """
    if not location.is_local:
        return
    there = _nearest(location)
    free = shutil.disk_usage(there).free
    if free < needed:
        raise ValueError(
            f"storage {there}: {free / _GIBIBYTE:.3g} GiB are free, and checkpoints may take "
            f"{needed / _GIBIBYTE:.3g} GiB; make room, or ask for less by checkpoint_gib"
        )


def check_storage(location: Location) -> None:
    """Make sure that checkpoints can be written from this machine.

    Args:
        location: where they go. Behind a URI a file is written and deleted again.

    Raises:
        ValueError: they cannot.
    """
    if location.is_local:
        there = _nearest(location)
        if not os.access(there, os.W_OK):
            raise ValueError(f"storage {there}: cannot be written")
        return
    preflight = location / f".preflight-{uuid.uuid4().hex[:8]}"
    try:
        preflight.write(_ASKED, b"?")
        preflight.delete("")
    except OSError as error:
        raise ValueError(
            without_password(f"storage {location}: cannot be written: {said(error)}")
        ) from error


def check_nodes(request: Request, location: Location, source: Source) -> None:
    """Have a worker on every node load the space and the data and write to `location`.

    Data that a worker does not see is sent to all that do not.

    Args:
        request: of the run.
        location: where its checkpoints go.
        source: where its data comes from.

    Raises:
        ValueError: one cannot; the line says which, what, and what would help.
    """
    # Of what is to become a run folder nothing must be there yet.
    base = Location(str(_nearest(location))) if location.is_local else location
    preflight = base / f".preflight-{uuid.uuid4().hex[:8]}"
    try:
        preflight.write(_ASKED, preflight.where.encode())
    except OSError as error:
        raise ValueError(without_password(f"storage {base}: cannot be written: {error}")) from error
    try:
        _ask_all(request, preflight, source)
    finally:
        preflight.delete("")


def _nearest(location: Location) -> Path:
    """The folder that is there, of those that a path leads through."""
    path = Path(location.path)
    return next(folder for folder in (path, *path.parents) if folder.is_dir())


def _ask_all(request: Request, preflight: Location, source: Source) -> None:
    without = _ask(_nodes(), request, preflight, source)
    if not without:
        return
    first, fault = without[0]
    task = source.load()
    try:
        data_transfer.send(task, Location(source.transfer))
    except ValueError as error:
        raise ValueError(f"{_name(first)}: {fault}; {error}") from error
    except OSError as error:
        raise ValueError(
            without_password(f"storage {source.transfer}: cannot be written: {error}")
        ) from error
    for node, fault in _ask([node for node, _ in without], request, preflight, source):
        raise ValueError(f"{_name(node)}: {fault}")


def _ask(
    nodes: Sequence[Node], request: Request, preflight: Location, source: Source
) -> list[tuple[Node, str]]:
    """Ask these nodes; return which of them lack the data, and what they say."""
    ask = ray.remote(answer)
    pending = {}
    for node in nodes:
        question = Question(request.space, source, (preflight / node["NodeID"]).where)
        (preflight / node["NodeID"]).write(_ASKED, b"")
        there = NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
        task = ask.options(num_cpus=0, max_retries=0, scheduling_strategy=there)
        pending[task.remote(question)] = node
    without = []
    for reference, node in pending.items():
        name = _name(node)
        try:
            said = ray.get(reference)
        except exceptions.RayError as error:
            if _has_gone(node, error):
                continue
            raise ValueError(f"{name}: cannot run the search: {_last_line(error)}") from error
        if said.fault and not said.lacks_data:
            raise ValueError(f"{name}: {said.fault}")
        if (preflight / node["NodeID"]).read(_ANSWERED) is None:
            raise ValueError(
                f"{name}: what it wrote to storage {str(preflight).rpartition('/')[0]} did not "
                "arrive here; give a path that all nodes share, or a URI, by --storage"
            )
        if said.lacks_data:
            without.append((node, said.fault))
    return without


def answer(question: Question) -> Answer:
    """Try on a worker what the search will do there."""
    try:
        SearchSpace.from_dict(question.space, where="space", written=True)
    except ValueError as error:
        first = str(error).splitlines()[0]
        help_ = "a plug-in must be installed there, or offered by an entry point"
        return Answer(f"{first}; {help_}")
    location = Location(question.where)
    if location.read(_ASKED) is None:
        what = "is not the one that is seen here; give a shared path, or a URI"
        return Answer(f"storage {location} {what}")
    try:
        location.write(_ANSWERED, b"")
    except OSError as error:
        return Answer(without_password(f"storage {location} cannot be written there: {error}"))
    try:
        question.source.load()
    except DataChangedError:
        return Answer(f"the data of task {question.source.task!r} is not the same there", True)
    except (OSError, ValueError) as error:
        first = str(error).splitlines()[0]
        return Answer(f"the data cannot be read there: {first}", True)
    return Answer()


def _name(node: Node) -> str:
    return f"worker on {node['NodeManagerAddress']}"


def _nodes() -> Sequence[Node]:
    """The nodes that can train now; those that an autoscaler adds later are like them."""
    return [node for node in heartbeat.nodes() if node["Resources"].get("CPU", 0) >= 1]


def _has_gone(node: Node, error: exceptions.RayError) -> bool:
    """Whether a node died while it was asked; the others can do without it."""
    # Ray says that a task for a dead node finds no place before it calls the node dead.
    unplaced = isinstance(error, exceptions.TaskUnschedulableError)
    return unplaced or all(other["NodeID"] != node["NodeID"] for other in _nodes())


def _last_line(error: Exception) -> str:
    return str(error).strip().splitlines()[-1].strip()
