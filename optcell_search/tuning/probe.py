"""Can the workers do what the search will ask of them? Asked before it begins, on every node."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ray
from ray import exceptions
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from optcell_search import tasks
from optcell_search.space import SearchSpace

from .place import Place
from .request import Request

_GIBIBYTE = 2**30
_ASKED, _ANSWERED = "question", "answer"


@dataclass(frozen=True)
class Question:
    """What a worker is asked, as plain data: the request's own fields, and where to leave a word.

    Attributes:
        space, task, data_dir, data_fingerprint: as in `Request`.
        where: a place that holds a question and takes the answer; empty for none.
    """

    space: dict[str, Any]
    task: str
    data_dir: str
    data_fingerprint: str
    where: str


def check_room(place: Place, needed: int) -> None:
    """Make sure that a disk has room for the checkpoints.

    Args:
        place: where they go; what lies behind a URI is not asked for its room.
        needed: bytes.

    Raises:
        ValueError: there is less.
    """
    if not place.is_local:
        return
    there = _nearest(place)
    free = shutil.disk_usage(there).free
    if free < needed:
        raise ValueError(
            f"storage {there}: {free / _GIBIBYTE:.3g} GiB are free, and checkpoints may take "
            f"{needed / _GIBIBYTE:.3g} GiB; make room, or ask for less by checkpoint_gib"
        )


def check_nodes(request: Request, place: Place) -> None:
    """Have a worker on every node load the space and the data and write to `place`.

    Raises:
        ValueError: one cannot; the line says which, what, and what would help.
    """
    # Of what is to become a run folder nothing must be there yet.
    base = Place(str(_nearest(place))) if place.is_local else place
    probe = base / f".probe-{uuid.uuid4().hex[:8]}"
    try:
        probe.write(_ASKED, probe.where.encode())
    except OSError as error:
        raise ValueError(f"storage {base}: cannot be written: {error}") from error
    try:
        _ask(request, probe)
    finally:
        probe.delete("")


def _nearest(place: Place) -> Path:
    """The folder that is there, of those that a path leads through."""
    path = Path(place.path)
    return next(folder for folder in (path, *path.parents) if folder.is_dir())


def _ask(request: Request, probe: Place) -> None:
    ask = ray.remote(answer)
    pending = {}
    for node in _nodes():
        question = Question(
            request.space,
            request.task,
            request.data_dir,
            request.data_fingerprint,
            str(probe / node["NodeID"]),
        )
        (probe / node["NodeID"]).write(_ASKED, b"")
        there = NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
        task = ask.options(num_cpus=0, max_retries=0, scheduling_strategy=there)
        pending[task.remote(question)] = node
    for reference, node in pending.items():
        name = f"worker on {node['NodeManagerAddress']}"
        try:
            fault = ray.get(reference)
        except exceptions.RayError as error:
            if _has_gone(node, error):
                continue
            raise ValueError(f"{name}: cannot run the search: {_last_line(error)}") from error
        if fault:
            raise ValueError(f"{name}: {fault}")
        if (probe / node["NodeID"]).read(_ANSWERED) is None:
            raise ValueError(
                f"{name}: what it wrote to storage {probe.where.rpartition('/')[0]} did not arrive "
                "here; give a path that all nodes share, or a URI, by --storage"
            )


def answer(question: Question) -> str:
    """Try on a worker what the search will do there; return what is wrong, or nothing."""
    try:
        SearchSpace.from_dict(question.space, where="space")
    except ValueError as error:
        first = str(error).splitlines()[0]
        return f"{first}; a plug-in must be installed there, or offered by an entry point"
    try:
        task = tasks.load(question.task, question.data_dir)
    except (OSError, ValueError) as error:
        return f"the data cannot be read there: {error}"
    if task.fingerprint != question.data_fingerprint:
        return f"the data of task {question.task!r} is not the same there as here"
    place = Place(question.where)
    if place.read(_ASKED) is None:
        return f"storage {place} is not the one that is seen here; give a shared path, or a URI"
    try:
        place.write(_ANSWERED, b"")
    except OSError as error:
        return f"storage {place} cannot be written there: {error}"
    return ""


def _nodes() -> Sequence[dict[str, Any]]:
    """The nodes that can train now; those that an autoscaler adds later are like them."""
    nodes: list[dict[str, Any]] = ray.nodes()  # type: ignore[no-untyped-call]
    return [node for node in nodes if node["Alive"] and node["Resources"].get("CPU", 0) >= 1]


def _has_gone(node: dict[str, Any], error: exceptions.RayError) -> bool:
    """Whether a node died while it was asked; the others can do without it."""
    # Ray says that a task for a dead node finds no place before it calls the node dead.
    unplaced = isinstance(error, exceptions.TaskUnschedulableError)
    return unplaced or all(other["NodeID"] != node["NodeID"] for other in _nodes())


def _last_line(error: Exception) -> str:
    return str(error).strip().splitlines()[-1].strip()
