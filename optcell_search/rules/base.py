"""What an update rule is, and how one runs over a whole sequence.

A rule keeps *traces*, each a linear recurrence of first order over time, and reads its output off
them point by point:

    q_t = decay_t q_{t-1} + input_t        (all traces start at 0)
    u_t = emit(z_t, q_t)

So a rule is two short formulas, and the loop over time is written once, in `kernels`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import ClassVar, NamedTuple

from torch import Tensor

from ..hyperparameters import Hyperparameters
from ..shapes import Float, Int

Values = Mapping[str, Tensor]


class Recurrence(NamedTuple):
    """One trace: q_t = decay_t q_{t-1} + input_t.

    `decay` is (T or 1, B or 1, 1) and `input` is (T, B, channels).
    """

    decay: Tensor
    input: Tensor


class RuleState(NamedTuple):
    """What a rule remembers between two pieces of a sequence.

    `traces` holds one (B, channels) tensor a trace, `steps` the number of steps taken so far:
    (1,) while all sequences are equally long, else (B,).
    """

    traces: tuple[Tensor, ...]
    steps: Tensor


class Part(NamedTuple):
    """A rule in a sum of rules: u = ... + weight u_rule(z) + ...

    Attributes:
        weight: 0-d.
        rule: with `values` for its formulas.
        values: its hyperparameters by name.
        traces: how many it keeps.
    """

    weight: Tensor
    rule: Rule
    values: Values
    traces: int


class Rule(Hyperparameters, ABC):
    """An update rule: its hyperparameters, its traces and what it makes of them.

    A subclass is a frozen, keyword-only dataclass in a file of this room. Its fields are what a
    search varies; in the formulas numbers arrive as 0-d tensors, so that they can be learned and
    mapped over, and the formulas must not branch on their values. A choice is the form of a rule:
    the formulas read it off `self`, and may branch on it.
    """

    title: ClassVar[str]
    equation: ClassVar[str]
    citation: ClassVar[str]
    # A linear rule commutes with the input weights, filter(W x) = W filter(x), so that it filters
    # the narrow input and any kernel that takes one runs its cells. The contract tests check it.
    linear: ClassVar[bool]

    @abstractmethod
    def traces(
        self, z: Float[Tensor, "time batch channels"], t: Int[Tensor, "time steps 1"], p: Values
    ) -> tuple[Recurrence, ...]:
        """Return the recurrences behind the rule.

        Args:
            z: (T, B, channels) pre-activations.
            t: (T, B or 1, 1) number of each step, from 1, counted on over pieces.
            p: the numbers among the hyperparameters by name, 0-d tensors; a choice is read off
                `self`.
        """

    @abstractmethod
    def emit(
        self,
        z: Float[Tensor, "time batch channels"],
        q: tuple[Float[Tensor, "time batch channels"], ...],
        p: Values,
    ) -> Float[Tensor, "time batch channels"]:
        """Return u from `z` and the traces `q`, in the order of `traces`."""

    def general(self) -> Rule:
        """Return the same filter as a rule of which others are special cases, too.

        Rules that give objects of one class and with the same choices differ in numbers alone, so
        that one training takes them side by side. By default a rule stands for itself.
        """
        return self

    def normalizer(self, p: Values) -> tuple[Tensor | None, Tensor, Tensor, Tensor] | None:
        """Return mu, s, beta and eps where this rule is Adam's filter, which has its own kernel.

        None for mu stands for no momentum and no trace of it. Every other rule returns None.
        """
        return None

    def parts(self, p: Values) -> tuple[Part, ...]:
        """Return the rules that this one is the weighted sum of, or nothing where it is no sum.

        Each part of a sum goes the fastest way there is for it. The sum's traces are those of its
        parts, one part after the other.
        """
        return ()
