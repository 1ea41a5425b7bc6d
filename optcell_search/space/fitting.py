"""Whether the networks of a search space can work on a task at all."""

from __future__ import annotations

from typing import Any

from .candidate import Sizes
from .domains import Domain
from .faults import Faults
from .settings import ConvModel, model_settings
from .space import SearchSpace


def check_fit(space: SearchSpace, task: Sizes) -> None:
    """Make sure that every network of a space can take what a task shows it.

    Raises:
        SpaceError: its cells are convolutional and the task has no images, or images that the
            deepest network cannot halve; its networks may read ahead, and the task is to tell
            what comes next; they read over time, and the task has a target for every step; or
            they take series relative to their last value, and the task forecasts none.
    """
    faults = Faults(f"search space {space.name!r}" if space.name else "search space")
    if model_settings(space.cells[0]) is ConvModel:
        _check_frames(space, task, faults)
    else:
        _check_layers(space, task, faults)
    faults.raise_if_any()


def _check_layers(space: SearchSpace, task: Sizes, faults: Faults) -> None:
    if task.symbols and True in _values(space.domains["model.bidirectional"]):
        what = "a network that reads from both ends sees the symbols it is to tell"
        faults.add("model.bidirectional", what, "false for a language model")
    if task.symbols and "parallel" in _values(space.domains["model.front"]):
        what = "it widens the read-out, which is tied to the embedding of symbols"
        faults.add("model.front", what, '"none" and "serial" for a language model')
    if task.readout == "every" and _values(space.domains["model.front_stride"]) != [1]:
        what = "every step of the task has a target, so the recurrence takes every step"
        faults.add("model.front_stride", what, "1 where every step is read out")
    if not getattr(task, "anchors", ()) and "last" in _values(space.domains["model.relative_to"]):
        what = "the task does not forecast a series from its own past"
        faults.add("model.relative_to", what, '"none" for any other task')
    if task.readout == "every" and _values(space.domains["model.readout"]) != ["last"]:
        what = "every step of the task has a target, so no steps are read together"
        faults.add("model.readout", what, '"last" where every step is read out')


def _check_frames(space: SearchSpace, task: Sizes, faults: Faults) -> None:
    from ..cells.conv.hierarchy import check_frame

    if task.frame is None:
        what = f"they work on images, and a step of the task is {task.input_size} numbers"
        faults.add("cells", what, "a task of images or movies, such as digits:steps=image")
    else:
        try:
            check_frame(task.frame, max(map(int, _values(space.domains["model.depth"]))))
        except ValueError as error:
            faults.add("model.depth", str(error))


def _values(domain: Domain) -> list[Any]:
    """Return all values of a domain that is not continuous."""
    return list(domain.grid(domain.size or 1))
