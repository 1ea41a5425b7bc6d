"""Which candidates can be trained side by side: those that agree in form."""

from __future__ import annotations

import dataclasses
from collections.abc import Hashable

from optcell_search import registry
from optcell_search.hyperparameters import Choice, specification
from optcell_search.rules import Rule
from optcell_search.space import Candidate
from optcell_search.tasks import LoadedTask, Ragged
from optcell_search.tasks.goals import Goal

Family = tuple[type[Rule], tuple[object, ...]]


@dataclasses.dataclass(frozen=True)
class Form:
    """What candidates must agree in to be trained side by side; all else is each one's own.

    Attributes:
        cell: its name and hyperparameters.
        model: sizes and layout of the network.
        optimizer: its kind.
        batch_size: sequences a step.
        rule: where the rule is learned, its name and choices; else nothing, as fixed rules mix.
    """

    cell: tuple[str, Hashable]
    model: Hashable
    optimizer: str
    batch_size: int
    rule: Hashable = None


def form(candidate: Candidate) -> Form:
    """Return the form of a candidate; those of one form, on one task, fit into one population."""
    training = candidate.training
    return Form(
        (candidate.cell, candidate.cell_options),
        candidate.model,
        training.optimizer,
        training.batch_size,
        family(candidate) if candidate.model.learn_rule else None,
    )


def mapped_rule(candidate: Candidate) -> Rule:
    """Return the rule that stands for a candidate's own where candidates are mapped over.

    It is the same filter; see `rules.Rule.general`. What is learned of a rule is its own.
    """
    rule: Rule = registry.rules.get(candidate.rule)(**dict(candidate.rule_options))
    return rule if candidate.model.learn_rule else rule.general()


def family(candidate: Candidate) -> Family:
    """Return the kind of the rule that stands for a candidate's, and its choices.

    In one family rules differ in numbers alone: one call takes them all.
    """
    rule = mapped_rule(candidate)
    choices = [key for key, spec in specification(type(rule)).items() if isinstance(spec, Choice)]
    return type(rule), tuple(getattr(rule, key) for key in choices)


def alone(task: LoadedTask) -> str:
    """Return why candidates are trained one by one on a task; empty where they need not be."""
    if isinstance(task.train.inputs, Ragged) or task.train.lengths is not None:
        return "its sequences are of several lengths, and each candidate has others in a batch"
    return ""


def same_kind(one: LoadedTask, other: LoadedTask) -> bool:
    """Return whether two tasks ask for the same models, as two folds of one task do."""

    def kind(task: LoadedTask) -> tuple[object, ...]:
        goal: type[Goal] = type(task.goal)
        inputs = task.train.inputs
        sizes = task.input_size, task.output_size, task.embedded, task.anchors, task.frame
        whole = not alone(task)
        return (
            *sizes,
            task.readout,
            task.symbols,
            task.chunk,
            goal,
            inputs.dtype,
            task.device,
            whole,
        )

    return kind(one) == kind(other)
