"""Several trainings of one model as one: their answers are averaged."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Literal, cast, get_args

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

# What outputs stand for where several models' are averaged.
Averaged = Literal["outputs", "classes", "labels"]


def average(outputs: Sequence[Tensor], averaged: Averaged) -> Tensor:
    """Return outputs (float64) that stand for the mean prediction of several models.

        outputs: mean over the models of y
        classes: log mean softmax(y)
        labels:  logit mean sigmoid(y)

    Args:
        outputs: (..., outputs) of each model, all of one shape.
        averaged: what is averaged: the outputs themselves, the probabilities of classes that
            exclude each other, or those of labels that do not.
    """
    each = [one.double() for one in outputs]
    if averaged == "outputs":
        return torch.stack(each).mean(0)
    if averaged == "classes":
        return _mean_of_logarithms([one.log_softmax(-1) for one in each])
    yes = _mean_of_logarithms([nn.functional.logsigmoid(one) for one in each])
    return yes - _mean_of_logarithms([nn.functional.logsigmoid(-one) for one in each])


def _mean_of_logarithms(each: Sequence[Tensor]) -> Tensor:
    """Return the logarithm of a mean of probabilities, from their logarithms."""
    return torch.stack(list(each)).logsumexp(0) - math.log(len(each))


class Ensemble(nn.Module):
    """Models of one shape whose outputs are averaged; it is used as one of them is.

    Args:
        members: the models, `SequenceModel` or `ConvNet`.
        averaged: see `average`.

    Raises:
        ValueError: there are no members, or `averaged` is none of the ways.
    """

    def __init__(self, members: Sequence[nn.Module], averaged: str) -> None:
        super().__init__()
        if not members:
            raise ValueError("members = []; valid: one model or more")
        if averaged not in get_args(Averaged):
            valid = ", ".join(get_args(Averaged))
            raise ValueError(f"averaged = {averaged!r} is not an option; valid: {valid}")
        self.members = nn.ModuleList(members)
        self.averaged = cast(Averaged, averaged)

    @property
    def cell(self) -> Any:
        """The recurrent layers of the first member; the others' are like it."""
        return self.members[0].cell

    @property
    def reads(self) -> Literal["last", "every"]:
        """Which steps the members read out."""
        reads: Literal["last", "every"] = self.members[0].reads  # type: ignore[assignment]
        return reads

    @property
    def streams(self) -> bool:
        """Whether a sequence may be given piece by piece."""
        return bool(self.members[0].streams)

    @property
    def relative(self) -> nn.Module | None:
        """What makes series relative to their last value; None: they are taken as they are."""
        return cast(nn.Module | None, getattr(self.members[0], "relative", None))

    def forward(self, x: Tensor | PackedSequence) -> Tensor:
        """Return the averaged outputs in the type of the members' own."""
        return self._averaged([member(x) for member in self.members])

    def stream(self, x: Tensor, state: Sequence[Any] | None = None) -> tuple[Tensor, list[Any]]:
        """Return the averaged outputs (B, T, outputs) of the next piece, and states."""
        before = [None] * len(self.members) if state is None else state
        pairs = [
            member.stream(x, known)  # type: ignore[operator]
            for member, known in zip(self.members, before, strict=True)
        ]
        return self._averaged([outputs for outputs, _ in pairs]), [after for _, after in pairs]

    def _averaged(self, outputs: Sequence[Tensor]) -> Tensor:
        return average(outputs, self.averaged).to(outputs[0].dtype)
