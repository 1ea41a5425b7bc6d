"""Batches of sequences step by step, be they packed or of one length."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence

Steps = Tensor | PackedSequence


class Entered(NamedTuple):
    """What comes of a model's input before the recurrence.

    Attributes:
        taken: what the recurrent layers take.
        beside: what the read-out takes beside their outputs.
        level: (B, outputs), what is added to what is read out.
        front: the front's state afterwards.
    """

    taken: Steps
    beside: Steps | None = None
    level: Tensor | None = None
    front: tuple[Tensor, ...] = ()


def each(function: Callable[[Tensor], Tensor], x: Steps) -> Steps:
    """Apply a function of features (..., F) to every step."""
    return x._replace(data=function(x.data)) if isinstance(x, PackedSequence) else function(x)


def added(x: Steps, y: Steps) -> Steps:
    """Return x + y; two packed batches are packed in the same order."""
    return _both(torch.add, x, y)


def joined(x: Steps, y: Steps) -> Steps:
    """Return the features of y behind those of x."""
    return _both(lambda a, b: torch.cat([a, b], -1), x, y)


def _both(function: Callable[[Tensor, Tensor], Tensor], x: Steps, y: Steps) -> Steps:
    if isinstance(x, PackedSequence):
        assert isinstance(y, PackedSequence)
        return x._replace(data=function(x.data, y.data))
    assert isinstance(y, Tensor)
    return function(x, y)
