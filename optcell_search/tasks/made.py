"""Data that are made or come with a package: what a model's outputs mean there."""

from __future__ import annotations

import torch

from optcell_search.raw import Outputs, TensorPreprocessing
from optcell_search.raw.outputs import Per
from optcell_search.tasks.base import Data
from optcell_search.tasks.goals import Classification, Forecasting, Goal, Labels, NextSymbol


def made_tensors(data: Data, where: str) -> TensorPreprocessing:
    """Return the preprocessing of such data: inputs are taken as they are.

    Args:
        data: what the task gave.
        where: its name.
    """
    return TensorPreprocessing(
        outputs=outputs_of(data), features=int(data.train.inputs.shape[-1]), where=where
    )


def outputs_of(data: Data) -> Outputs:
    """Return how outputs become answers, from what the goal does with them in training.

    Numbers are answered in the unit of the targets: offset + scale · output, as long as that is
    what `Goal.predictions` does.
    """
    goal = data.goal
    per: Per = "step" if data.readout == "every" else "sequence"
    if isinstance(goal, Labels):
        return Outputs(kind="labels", per=per, names=goal.names)
    if data.classes or isinstance(goal, Classification | NextSymbol):
        classes = data.classes or tuple(map(str, range(goal.output_size)))
        return Outputs(kind="classes", per=per, names=("class",), classes=classes)
    nothing = torch.zeros(goal.output_size, dtype=torch.float64)
    offset = goal.predictions(nothing)
    scale = goal.predictions(nothing + 1) - offset
    return Outputs(
        kind="numbers",
        per=per,
        names=_names(goal),
        offset=tuple(offset.tolist()),
        scale=tuple(scale.tolist()),
    )


def _names(goal: Goal) -> tuple[str, ...]:
    named: tuple[str, ...] = getattr(goal, "names", ())
    if isinstance(goal, Forecasting):
        return goal.ahead(named or tuple(f"output {i}" for i in range(len(goal.offset))))
    return named or tuple(f"output {i}" for i in range(goal.output_size))
