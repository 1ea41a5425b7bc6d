"""Dropout that many candidates draw side by side, each from a random stream of its own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

# A stream is entered while one draws from it, again and again: it goes on where it was left.
Streams = Sequence[AbstractContextManager[Any]]

_streams: ContextVar[Streams | None] = ContextVar("optcell_dropout_streams", default=None)


@contextmanager
def drawing_from(streams: Streams) -> Iterator[None]:
    """Let what is mapped over draw its masks of dropout one by one, each from its own stream."""
    token = _streams.set(streams)
    try:
        yield
    finally:
        _streams.reset(token)


def dropout(x: Tensor, p: float, training: bool) -> Tensor:
    """Return m x / (1 - p), each number of m being 0 with probability p, else 1; x in evaluation.

    m is drawn in the order of x's dimensions, however x lies in memory.
    """
    if not p or not training:
        return x
    if _streams.get() is None:
        return x * _mask(x, p)
    mask: Tensor = _Masks.apply(x.detach(), p)  # type: ignore[no-untyped-call]
    return x * mask


def _mask(x: Tensor, p: float) -> Tensor:
    return functional.dropout(x.new_ones(x.shape), p, training=True)


class _Masks(torch.autograd.Function):
    """Masks for what torch.func.vmap maps over."""

    @staticmethod
    def forward(x: Tensor, p: float) -> Tensor:
        raise AssertionError("streams of several candidates, and one of them draws")

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        pass

    @staticmethod
    def vmap(info: Any, in_dims: tuple[int | None, ...], x: Tensor, p: float) -> tuple[Tensor, int]:
        streams, dim = _streams.get(), in_dims[0]
        assert streams is not None
        assert dim is not None
        masks = []
        for stream, own in zip(streams, x.unbind(dim), strict=True):
            with stream:
                masks.append(_mask(own, p))
        return torch.stack(masks), 0
