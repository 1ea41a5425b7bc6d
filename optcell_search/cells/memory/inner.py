"""A rule inside a memory: what it makes of the memory's own gradient, step by step.

Outside, a rule filters what is known of all steps at once. Inside, each gradient depends on what
the rule made of the one before. So a rule is asked about one step at a time there, and its traces
may depend on nothing but that step and its number.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ...hyperparameters import Choice, Real, specification
from ...kernels import scan, wide
from ...registry import rules
from ...rules import Rule, RuleState, as_linear_filter
from ...rules.base import Recurrence, Values


@dataclass(frozen=True)
class Inner:
    """A rule with its values, on one number for each entry of a gradient."""

    rule: Rule

    def values(self, like: Tensor) -> Values:
        """Return the hyperparameters as the rule's formulas take them."""
        return {
            key: torch.tensor(
                getattr(self.rule, key),
                dtype=wide(like.dtype) if isinstance(spec, Real) else None,
                device=like.device,
            )
            for key, spec in specification(type(self.rule)).items()
            if not isinstance(spec, Choice)  # which a formula reads off the rule itself
        }

    def traces(self, like: Tensor) -> int:
        """Return how many traces the rule keeps."""
        return len(self._recurrences(like.new_zeros(1, 1, 1), like.new_ones(1, 1, 1)))

    def step(
        self, gradient: Tensor, traces: tuple[Tensor, ...], number: Tensor
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Return what the rule makes of one gradient, and the traces after it.

        Args:
            gradient: (B, entries).
            traces: (B, entries) each.
            number: of the step, from 1, (1,) or (B,).
        """
        z = gradient.unsqueeze(0)
        recurrences = self._recurrences(z, number.reshape(1, -1, 1))
        after = tuple(
            (decay[0] * trace + x[0]).to(gradient.dtype)
            for trace, (decay, x) in zip(traces, recurrences, strict=True)
        )
        q = tuple(trace.unsqueeze(0) for trace in after)
        return self.rule.emit(z, q, self.values(z))[0], after

    def _recurrences(self, z: Tensor, t: Tensor) -> tuple[Recurrence, ...]:
        return self.rule.traces(z, t, self.values(z))

    def form(self, like: Tensor, number: Tensor) -> tuple[str, Tensor] | None:
        """Return the rule as the delta memory's loop takes it, or None where that does not know it.

        Args:
            like: (T, ...) of the dtype and device.
            number: steps taken before, (1,) or (B,).

        Returns:
            ``"plain"``, ``"trace"`` or ``"adam"``, and the values, see `kernels.delta`.
        """
        p = self.values(like)
        normalizer = self.rule.normalizer(p)
        if normalizer is not None:
            mu, s, beta, eps = normalizer
            mu = torch.zeros_like(s) if mu is None else mu
            return "adam", torch.stack([mu, s, beta, eps]).reshape(1, 1, 4)
        if not self.rule.linear:
            return None
        steps = like.new_empty(()).to(wide(like.dtype)).expand(like.shape[0], number.shape[0], 1)
        traces = (torch.zeros_like(steps[0]),) * self.traces(like)
        found = as_linear_filter(self.rule, p, steps, RuleState(traces, number))
        if found is None:
            return None
        return ("trace" if traces else "plain"), found.values


def inner_rule(name: str, values: dict[str, object]) -> Rule:
    """Return a registered rule with those of the values that it has; the rest are its defaults."""
    cls = rules.get(name)
    specs = specification(cls)
    return cls(**{key: value for key, value in values.items() if key in specs})  # type: ignore[no-any-return]


def check_inner(label: str, rule: Rule) -> None:
    """Make sure that a rule can stand inside.

    Raises:
        ValueError: its traces or what it emits depend on other steps than the one they are for.
    """
    inner = Inner(rule)
    # Any numbers do: a formula that looks beyond its step gives others when it has one step alone.
    z = torch.linspace(-1.0, 1.5, 12, dtype=torch.float64).cos().reshape(4, 1, 3)
    t = torch.arange(1, 5).reshape(4, 1, 1)
    p = inner.values(z)
    recurrences = rule.traces(z, t, p)
    fits = all(x.shape == z.shape for _, x in recurrences)
    if fits:
        zeros = torch.zeros_like(z[0])
        q = tuple(scan(decay, x, zeros, "reference") for decay, x in recurrences)
        whole = rule.emit(z, q, p)
        traces = (zeros,) * len(recurrences)
        for i in range(len(z)):
            alone, traces = inner.step(z[i], traces, t[i, 0])
            fits = fits and torch.equal(alone, whole[i])
    if not fits:
        raise ValueError(
            f"{label} = {rule.name!r} cannot stand inside: its formulas look beyond the step they "
            f"are for, or change the width; valid: rules that take each step by itself"
        )
