"""What tests of the loops over time share: how numbers are drawn, compared and written out."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

GATES = {"lstm": 4, "gru": 3, "rnn_tanh": 1, "rnn_relu": 1, "rnn_modrelu": 1}
TOLERANCE = {torch.float64: 1e-10, torch.float32: 1e-5}


def draw(*shape: int, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.randn(*shape, dtype=dtype, requires_grad=True)


def close(found: dict[str, Tensor], truth: dict[str, Tensor], tolerance: float = 1e-10) -> None:
    for name, value in truth.items():
        assert torch.isfinite(found[name]).all(), name
        size = value.abs().max().item()
        assert (found[name] - value).abs().max().item() <= tolerance * size + 1e-300, name


def with_gradients(
    outputs: dict[str, Tensor], inputs: dict[str, Tensor], weights: dict[str, Tensor]
) -> dict[str, Tensor]:
    """The outputs, and the gradients of their sum weighted by `weights`."""
    loss = sum((outputs[name] * weight).sum() for name, weight in weights.items())
    assert isinstance(loss, Tensor)
    grads = torch.autograd.grad(loss, list(inputs.values()))
    return {n: o.detach() for n, o in outputs.items()} | dict(zip(inputs, grads, strict=True))


def written_out(kind: str, weight: Tensor, bias: Tensor) -> Callable[..., tuple[Tensor, ...]]:
    def step(u: Tensor, hidden: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        a = hidden[0] @ weight.T
        if kind == "rnn_modrelu":
            a = u + a
            return (a.sign() * (a.abs() + bias).clamp(min=0),)
        a = a + bias
        if kind == "lstm":
            i, f, g, o = (u + a).chunk(4, -1)
            c = f.sigmoid() * hidden[1] + i.sigmoid() * g.tanh()
            return o.sigmoid() * c.tanh(), c
        if kind == "gru":
            (a_r, a_z, a_n), (u_r, u_z, u_n) = a.chunk(3, -1), u.chunk(3, -1)
            z = (u_z + a_z).sigmoid()
            return ((1 - z) * (u_n + (u_r + a_r).sigmoid() * a_n).tanh() + z * hidden[0],)
        return ((u + a).tanh() if kind == "rnn_tanh" else (u + a).relu(),)

    return step
