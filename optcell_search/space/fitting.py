"""Whether the networks of a search space can work on a task at all."""

from __future__ import annotations

from .candidate import Sizes
from .faults import Faults
from .settings import ConvModel, model_settings
from .space import SearchSpace


def check_fit(space: SearchSpace, task: Sizes) -> None:
    """Make sure that every network of a space can take what a task shows it.

    Raises:
        SpaceError: its cells are convolutional and the task has no images, or images that the
            deepest network cannot halve.
    """
    if model_settings(space.cells[0]) is not ConvModel:
        return
    from ..cells.conv.hierarchy import check_frame

    faults = Faults(f"search space {space.name!r}" if space.name else "search space")
    if task.frame is None:
        what = f"they work on images, and a step of the task is {task.input_size} numbers"
        faults.add("cells", what, "a task of images or movies, such as digits:steps=image")
    else:
        depths = space.domains["model.depth"]
        try:
            check_frame(task.frame, max(int(depth) for depth in depths.grid(depths.size or 1)))
        except ValueError as error:
            faults.add("model.depth", str(error))
    faults.raise_if_any()
