"""What a trained mixture of rules tells of each rule in it."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence

import torch

from optcell_search.cells.building import AnyModel
from optcell_search.cells.values import RuleValues
from optcell_search.hyperparameters import Real, specification
from optcell_search.rules import Mixture
from optcell_search.space import LARGEST, Candidate
from optcell_search.tasks import LoadedTask
from optcell_search.training.measuring.scoring import evaluate


def read_mixture(
    candidate: Candidate, trained: Sequence[tuple[AnyModel, LoadedTask]]
) -> dict[str, dict[str, float]]:
    """Return what the validation loss is without each rule of a mixture, and with it alone.

        without_r = loss of the mixture of all rules but r,   alone_r = loss of r by itself

    with all weights and values as they are: the weights of the rules that are left add up to 1.
    Everything is the mean over trainings; a loss that is not finite is `space.LARGEST`.

    Args:
        candidate: whose rule is a mixture, of two rules or more.
        trained: its trainings, such as its folds: the model, and the task that judges it.

    Returns:
        - ``loss``: of the whole, under ``mixture``;
        - ``without``, ``alone``: rule → loss;
        - ``weights``: rule → alpha, the mean over layers;
        - ``values``: what can be learned of the rules, such as ``heavy_ball_mu``, likewise.

    Source: Wang, Cheng, Chen, Tang, Hsieh: Rethinking Architecture Selection in Differentiable NAS.
    ICLR 2021, arXiv 2108.04392: the strength of an operation is what is lost without it.
    Departure: nothing is trained on once a rule has been chosen.
    """
    each = [_read(candidate, model, task) for model, task in trained]
    return {
        part: {name: _finite(statistics.fmean(one[part][name] for one in each)) for name in values}
        for part, values in each[0].items()
    }


def _read(candidate: Candidate, model: AnyModel, task: LoadedTask) -> dict[str, dict[str, float]]:
    rule = Mixture(**dict(candidate.rule_options))  # type: ignore[arg-type]
    names = rule.rules

    def loss(*left: str) -> float:
        with torch.random.fork_rng(devices=[]):
            part = candidate.build(task, rule=rule.only(left))
        like = next(model.parameters())
        part.to(like.device, like.dtype).load_state_dict(model.state_dict())
        return evaluate(part, task.validation, task)["loss"]

    return {
        "loss": {"mixture": loss(*names)},
        "without": {one: loss(*(name for name in names if name != one)) for one in names},
        "alone": {one: loss(one) for one in names},
        **_learned(rule, model),
    }


@torch.no_grad()
def _learned(rule: Mixture, model: AnyModel) -> dict[str, dict[str, float]]:
    """Return the weights and the values of the rules, means over layers."""
    specs = specification(Mixture)
    kept = [
        key
        for key, spec in specs.items()
        if isinstance(spec, Real) and spec.learnable and spec.needs.keys() & set(rule.rules)
    ]
    layers = [module() for module in model.modules() if isinstance(module, RuleValues)]
    parts = [rule.parts(values) for values in layers]
    return {
        "weights": {
            name: statistics.fmean(float(one[place].weight) for one in parts)
            for place, name in enumerate(rule.rules)
        },
        "values": {
            key: statistics.fmean(float(values[key]) for values in layers)
            for key in kept
            if not key.endswith("_logit")
        },
    }


def _finite(value: float) -> float:
    return value if math.isfinite(value) else LARGEST
