"""Whether a candidate, or a whole space of them, can be trained on a task as it asks."""

from __future__ import annotations

from collections.abc import Collection

from optcell_search.hyperparameters import specification
from optcell_search.space import Candidate, DataSizes, SearchSpace, Training
from optcell_search.space.faults import Faults
from optcell_search.tasks import LoadedTask
from optcell_search.tasks.goals import Classification, Forecasting, Labels
from optcell_search.training.measuring.scoring import COSTS

# Metrics for which it does not matter how sure an answer is.
_COUNTED = {"accuracy", "balanced_accuracy", "macro_f1"}
_DEFAULTS = {name: spec.default for name, spec in specification(Training).items()}


def unfit(task: LoadedTask) -> dict[str, str]:
    """Return why some settings of `Training` cannot be used on a task, by name."""
    why: dict[str, str] = {}
    if not isinstance(task.goal, Classification):
        symbols, labels = task.symbols, isinstance(task.goal, Labels)
        what = "symbols" if symbols else "labels" if labels else "numbers"
        said = f"is for classes, and the task predicts {what}"
        why |= {"label_smoothing": said, "class_weights": said}
    if task.readout == "every":
        why["slicing"] = "moves steps away from their targets"
    if isinstance(task.goal, Forecasting):
        why["slicing"] = "moves a series away from the values that follow it"
        why["scaling"] = "changes a series, and not the values that follow it"
    if task.symbols:
        said = "changes numbers, and a step of the task is a symbol"
        why |= {"jitter": said, "scaling": said, "slicing": said}
    return why


def sizes_of(task: LoadedTask, objectives: Collection[str] = ()) -> DataSizes:
    """Return what `space.adapted` goes by, of a task's training split.

    Args:
        task: the task.
        objectives: what candidates are judged by; none: the task's first metric.
    """
    judged = set(objectives or list(task.metrics)[:1]) - set(COSTS)
    return DataSizes(
        sequences=len(task.train),
        steps=int(task.train.inputs.shape[1]),
        readout=task.readout,
        classes=task.goal.classes if isinstance(task.goal, Classification) else 0,
        symbols=task.symbols,
        forecast=isinstance(task.goal, Forecasting),
        anchored=bool(task.anchors),
        by_answers=judged <= _COUNTED,
    )


def check_training(space: SearchSpace, task: LoadedTask) -> None:
    """Make sure that every candidate of a space can be trained on a task.

    Raises:
        SpaceError: some ask for what does not fit it; it lists every setting.
    """
    faults = Faults(f"search space {space.name!r}" if space.name else "search space")
    for name, why in unfit(task).items():
        key = f"{Training.name}.{name}"
        if list(space.domains[key].grid(2)) != [_DEFAULTS[name]]:
            faults.add(key, f"it {why}", repr(_DEFAULTS[name]))
    faults.raise_if_any()


def check_candidate(candidate: Candidate, task: LoadedTask) -> None:
    """Make sure that a candidate can be trained on a task.

    Raises:
        ValueError: it asks for what does not fit the task.
    """
    values = candidate.training.values()
    for name, why in unfit(task).items():
        if values[name] != _DEFAULTS[name]:
            raise ValueError(
                f"{Training.name}.{name} = {values[name]!r} {why}; valid: {_DEFAULTS[name]!r}"
            )
