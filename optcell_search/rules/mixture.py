"""A weighted sum of the other rules: one training in which all of them take part."""

from __future__ import annotations

import dataclasses
import functools
import itertools
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from ..hyperparameters import choice, field_of, real, specification
from .adam import Adam
from .base import Part, Recurrence, Rule, Values
from .gd import GradientDescent
from .heavy_ball import HeavyBall
from .nesterov import Nesterov
from .rmsprop import RMSProp

INNER: dict[str, type[Rule]] = {
    cls.name: cls for cls in (GradientDescent, HeavyBall, Nesterov, Adam, RMSProp)
}
# How many traces each keeps.
_TRACES = {"gd": 0, "heavy_ball": 1, "nesterov": 1, "adam": 2, "rmsprop": 1}


def _takes_part(cls: type[Rule]) -> Any:
    # Searched only where a space asks for it: one space, one mixture.
    return choice(
        True, options=(True,), more=lambda: (False,), doc=f"whether {cls.title} takes part"
    )


def _logit(cls: type[Rule]) -> Any:
    return real(
        0.0, search=(-2.0, 2.0), valid=(-10.0, 10.0), needs={cls.name: (True,)},
        doc=f"logit of the weight of {cls.title}",
    )  # fmt: skip


def _its(cls: type[Rule], key: str) -> Any:
    spec = specification(cls)[key]
    return field_of(
        dataclasses.replace(spec, needs={cls.name: (True,)}, doc=f"{cls.title}: {spec.doc}")
    )


@dataclass(frozen=True, kw_only=True)
class Mixture(Rule):
    """Add up what the rules that take part make of the pre-activation.

        u_t = sum_r alpha_r u_{r,t},  alpha = softmax(logits)

    where each rule r keeps its own traces with its own mu, s and beta. Where a cell learns its
    rule (`learn_rule`), the logits and those values are all learned, so that one training tells of
    every rule. A rule takes no part where its switch is off: the weights of the others then add up
    to 1 without it.

    Source: Liu, Simonyan, Yang: DARTS: Differentiable Architecture Search. ICLR 2019, arXiv
    1806.09055, equation (2), with rules in the place of operations.
    Departure: the logits stay between -10 and 10, as every learned value has a range.

    Raises:
        ValueError: no rule takes part.
    """

    name: ClassVar[str] = "mixture"
    title: ClassVar[str] = "mixture of rules"
    equation: ClassVar[str] = "u_t = Σ_r α_r u_{r,t},  α = softmax(logits)"
    citation: ClassVar[str] = (
        "Liu, Simonyan, Yang: DARTS: Differentiable Architecture Search. ICLR 2019, arXiv "
        "1806.09055."
    )
    linear: ClassVar[bool] = False

    gd: bool = _takes_part(GradientDescent)
    heavy_ball: bool = _takes_part(HeavyBall)
    nesterov: bool = _takes_part(Nesterov)
    adam: bool = _takes_part(Adam)
    rmsprop: bool = _takes_part(RMSProp)
    gd_logit: float = _logit(GradientDescent)
    heavy_ball_logit: float = _logit(HeavyBall)
    nesterov_logit: float = _logit(Nesterov)
    adam_logit: float = _logit(Adam)
    rmsprop_logit: float = _logit(RMSProp)
    gd_s: float = _its(GradientDescent, "s")
    heavy_ball_mu: float = _its(HeavyBall, "mu")
    heavy_ball_s: float = _its(HeavyBall, "s")
    nesterov_s: float = _its(Nesterov, "s")
    nesterov_restart: int = _its(Nesterov, "restart")
    adam_mu: float = _its(Adam, "mu")
    adam_s: float = _its(Adam, "s")
    adam_beta: float = _its(Adam, "beta")
    adam_eps: float = _its(Adam, "eps")
    rmsprop_s: float = _its(RMSProp, "s")
    rmsprop_beta: float = _its(RMSProp, "beta")
    rmsprop_eps: float = _its(RMSProp, "eps")

    def __post_init__(self) -> None:
        """Check the values, and that a rule takes part."""
        super().__post_init__()
        if not self.rules:
            raise ValueError(f"{self.name}: no rule takes part; valid: one of {', '.join(INNER)}")

    @property
    def rules(self) -> tuple[str, ...]:
        """Names of the rules that take part."""
        return tuple(name for name in INNER if getattr(self, name))

    def only(self, names: Collection[str]) -> Mixture:
        """Return the mixture of some of the rules, each with the values that it has here.

        Raises:
            ValueError: none of `names` is a rule of mixtures.
        """
        own = {
            key: getattr(self, key)
            for key, spec in specification(Mixture).items()
            if spec.needs.keys() & set(names)
        }
        return Mixture(**dict[str, Any]({name: name in names for name in INNER}), **own)

    def parts(self, p: Values) -> tuple[Part, ...]:
        """Return the rules that take part."""
        weights = torch.stack([p[f"{name}_logit"] for name in self.rules]).softmax(0)
        return tuple(
            Part(
                weight,
                INNER[name](),
                {key: p[f"{name}_{key}"] for key in specification(INNER[name])},
                _TRACES[name],
            )
            for name, weight in zip(self.rules, weights.unbind(), strict=True)
        )

    def traces(self, z: Tensor, t: Tensor, p: Values) -> tuple[Recurrence, ...]:
        """Return the traces of the rules that take part, one rule after the other."""
        found = (part.rule.traces(z, t, part.values) for part in self.parts(p))
        return tuple(itertools.chain.from_iterable(found))

    def emit(self, z: Tensor, q: tuple[Tensor, ...], p: Values) -> Tensor:
        """Return the weighted sum of what the rules emit."""
        left = iter(q)
        parts = self.parts(p)
        own = [tuple(itertools.islice(left, part.traces)) for part in parts]
        emitted = [
            part.weight * part.rule.emit(z, traces, part.values)
            for part, traces in zip(parts, own, strict=True)
        ]
        return functools.reduce(torch.add, emitted)
