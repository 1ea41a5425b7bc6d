"""The feed-forward network of equal size that a task of movies is compared with."""

from __future__ import annotations

import bisect
from collections.abc import Callable

from optcell_search.space import Candidate
from optcell_search.space.settings import ConvModel
from optcell_search.tasks import LoadedTask, load
from optcell_search.training.measuring.properties import count_parameters

_WIDEST = 512


def has_baseline(candidate: Candidate, task: LoadedTask) -> bool:
    """Whether `feedforward_baseline` has a network to compare with: a convolutional one, movies."""
    return isinstance(candidate.model, ConvModel) and hasattr(task.task, "view")


def feedforward_baseline(candidate: Candidate, task: LoadedTask) -> tuple[Candidate, LoadedTask]:
    """Return a network without recurrence with as many parameters, and the task it is given.

    It has the candidate's depth, training and input filters, no feedback and plain gradient
    descent with s = 1, hence no memory; it sees all frames of a movie at once, as channels
    (``view=stack``). Its channels are those whose number of parameters comes nearest.

    Args:
        candidate: a convolutional candidate.
        task: the task of movies it is for.

    Raises:
        ValueError: the candidate is not convolutional, or the task has no view of all frames.
    """
    if not isinstance(candidate.model, ConvModel):
        raise ValueError(f"cell {candidate.cell!r} is not convolutional; valid: see `ConvModel`")
    if not hasattr(task.task, "view"):
        raise ValueError(f"task {task.spec!r} has no movies; valid: stream_digits")
    stacked = load(_with_view(task, "stack"), task.folder)
    wanted = count_parameters(candidate.build(task))
    return of_size(wanted, lambda channels: _feedforward(candidate, channels), stacked), stacked


def of_size(wanted: int, variant: Callable[[int], Candidate], task: LoadedTask) -> Candidate:
    """Return the variant on `task` whose number of parameters comes nearest to `wanted`.

    Args:
        wanted: number of parameters.
        variant: channels → candidate; more channels, more parameters.
        task: what it is built for.
    """

    def size(channels: int) -> int:
        return count_parameters(variant(channels).build(task))

    # The first width that is not too small, or the one before it.
    enough = bisect.bisect_left(range(1, _WIDEST), wanted, key=size) + 1
    near = range(max(1, enough - 1), enough + 1)
    return variant(min(near, key=lambda channels: abs(size(channels) - wanted)))


def _with_view(task: LoadedTask, view: str) -> str:
    head, _, options = task.spec.partition(":")
    kept = [option for option in options.split(",") if option and not option.startswith("view=")]
    return f"{head}:{','.join([*kept, f'view={view}'])}"


def _feedforward(candidate: Candidate, channels: int) -> Candidate:
    data = candidate.to_dict()
    options = {"input_filter": data["cell"]["input_filter"]}
    model = {"depth": data["model"]["depth"], "growth": data["model"]["growth"]}
    return Candidate.from_dict(
        {
            "cell": {"name": "conv_feedforward", **options},
            "rule": {"name": "gd", "s": 1.0},
            "model": {**model, "channels": channels},
            "training": data["training"],
        }
    )
