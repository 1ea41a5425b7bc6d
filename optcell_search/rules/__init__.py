"""Update rules: causal filters that make u of a cell's pre-activations z. They never see h."""

from __future__ import annotations

from .adam import Adam
from .applying import apply_rule, as_filter, as_linear_filter, last_valid
from .base import Part, Recurrence, Rule, RuleState
from .gd import GradientDescent
from .heavy_ball import HeavyBall
from .mixture import Mixture
from .nesterov import Nesterov
from .parts import apply_parts
from .rmsprop import RMSProp

__all__ = [
    "Adam",
    "GradientDescent",
    "HeavyBall",
    "Mixture",
    "Nesterov",
    "Part",
    "RMSProp",
    "Recurrence",
    "Rule",
    "RuleState",
    "apply_parts",
    "apply_rule",
    "as_filter",
    "as_linear_filter",
    "last_valid",
]
