"""A gated cell over its input: input projection, rule and recurrence in one pass.

What the parts do one after the other, on any device, the compiled kernel does for a few steps of a
few sequences at a time, so that neither the filtered input nor the pre-activations, which are as
wide as all gates, are ever written down.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor

from ..shapes import Float, Int
from .backends import loop_of
from .checks import check_layer, check_layer_backward
from .layout import (
    TO_INPUT,
    TO_RULE,
    TO_WEIGHTS,
    InputGradients,
    LayerInputs,
    LayerKept,
    LayerOutputs,
    OutputGradients,
    layer_gradients,
    layer_outputs,
)
from .operators import Tensors, arguments, differentiable, operator, tensors
from .watching import transformed

# Torch hands over tensors one by one; these are their places.
_INPUTS, _GRADS, _KEPT = map(len, (LayerInputs._fields, OutputGradients._fields, LayerKept._fields))


def _inputs(args: tuple[Any, ...]) -> tuple[LayerInputs, str, bool, int]:
    kind, keep, wanted = args[_INPUTS:]
    return LayerInputs(*args[:_INPUTS]), kind, keep, wanted


def _backward_inputs(args: tuple[Any, ...]) -> tuple[OutputGradients, LayerKept, str, int]:
    kind, wanted = args[_GRADS + _KEPT :]
    return OutputGradients(*args[:_GRADS]), LayerKept(*args[_GRADS : _GRADS + _KEPT]), kind, wanted


def _forward(*args: Any) -> LayerOutputs:
    inputs, kind, keep, _ = _inputs(args)
    return loop_of("compiled", "fused_layer_forward")(inputs, kind, keep)  # type: ignore[no-any-return]


def _check(*args: Any) -> None:
    inputs, kind, *_ = _inputs(args)
    check_layer(inputs, kind)


def _check_backward(*args: Any) -> None:
    grads, kept, kind, _ = _backward_inputs(args)
    check_layer_backward(grads, kept, kind)


def _forward_room(*args: Any) -> LayerOutputs:
    inputs, kind, keep, _ = _inputs(args)
    return layer_outputs(inputs, kind, keep)


def _backward(*args: Any) -> InputGradients:
    return loop_of("compiled", "fused_layer_backward")(*_backward_inputs(args))  # type: ignore[no-any-return]


def _backward_room(*args: Any) -> InputGradients:
    grads, kept, _, wanted = _backward_inputs(args)
    return layer_gradients(grads, kept, wanted)


def _keep(args: tuple[Any, ...], output: Any) -> tuple[Tensors, tuple[Any, ...]]:
    i, kind, _, wanted = _inputs(args)
    o = LayerOutputs(*output)
    kept = LayerKept(
        i.x,
        i.w_ih,
        i.b_ih,
        i.w_hh,
        i.h0,
        i.c0,
        i.p,
        i.lengths,
        i.linear,
        o.h,
        o.c,
        o.saved,
        o.marks,
    )
    # Of v and m only the forms are needed, those of gradients which may be absent.
    return (*kept, o.v, o.m), (kind, wanted)


def _gradients(backward: Any, tensors: Tensors, values: tuple[Any, ...], grads: Any) -> Any:
    *rest, v, m = tensors
    kept = LayerKept(*rest)
    flow = LayerOutputs(*grads)
    arriving = OutputGradients(
        grad_h=_given(flow.h, kept.h),
        grad_c=_given(flow.c, kept.c),
        grad_v=torch.zeros_like(v) if flow.v is None else flow.v,
        grad_m=torch.zeros_like(m) if flow.m is None else flow.m,
    )
    found = InputGradients(*backward(*arriving, *kept, *values))
    # What nobody wants came back empty; one for each input follows, None for what has no gradient.
    dx, dv, dlinear = (
        part if part.numel() else None for part in (found.dx, found.dv, found.dlinear)
    )
    weights = found.dw_ih, found.db_ih, found.dw_hh, found.db_hh
    before = found.dh0, found.dc0, found.dp, dv, found.dm
    return dx, *weights, *before, None, dlinear, None, None, None


def _settled(args: tuple[Any, ...]) -> tuple[Any, ...]:
    inputs, *_ = _inputs(args)
    return *args[:-1], _wanted(inputs.x, inputs.linear, inputs.v0)


def _given(grad: Tensor | None, output: Tensor) -> Tensor:
    return output.new_empty(len(output), 0) if grad is None or not output.numel() else grad


_fused_layer = differentiable(
    operator(
        "fused_layer",
        f"({arguments(LayerInputs._fields)}, str kind, bool keep, int wanted)"
        f" -> {tensors(len(LayerOutputs._fields))}",
        _forward,
        _forward_room,
        _check,
    ),
    operator(
        "fused_layer_backward",
        f"({arguments(OutputGradients._fields + LayerKept._fields)}, str kind, int wanted)"
        f" -> {tensors(len(InputGradients._fields))}",
        _backward,
        _backward_room,
        _check_backward,
        main=_GRADS,
        strided=0,
    ),
    _keep,
    _gradients,
    _settled,
)


class LayerWeights(NamedTuple):
    """The weights of a layer in one direction, without biases or with both."""

    w_ih: Float[Tensor, "width features"]
    b_ih: Float[Tensor, " width"] | None
    w_hh: Float[Tensor, "width hidden"]
    b_hh: Float[Tensor, " width"] | None


def fused_layer(
    kind: str,
    x: Float[Tensor, "time batch features"],
    weights: LayerWeights,
    hidden: tuple[Float[Tensor, "batch hidden"], ...],
    rule: tuple[Tensor, Tensor, Tensor, Tensor] | Float[Tensor, "time batch_or_1 4"],
    traces: tuple[Tensor, ...] = (),
    lengths: Int[Tensor, " batch"] | None = None,
) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
    """Run a gated cell over its input, by the compiled kernel.

        z = W_ih x + b_ih,  u = rule(z),  h_t = cell(u_t, h_{t-1})

    where the rule is Adam's filter or one with four coefficients a step, which as it is linear
    filters x and the constant 1 that b_ih is multiplied with:

        v_t = d_t v_{t-1} + a_t z_t,  u_t = c_t v_t + e_t z_t

    Args:
        kind: ``"lstm"``, ``"gru"``, ``"rnn_tanh"``, ``"rnn_relu"`` or ``"rnn_modrelu"``, gates in
            torch's order.
        x: (T, B, F) input.
        weights: input weights (G H, F), input bias (G H,) or None, recurrent weights (G H, H) and
            recurrent bias (G H,) or None.
        hidden: h, or h and c, before the first step, (B, H) each.
        rule: mu, s, beta and eps of Adam's filter, 0-d; or d, a, c and e of a linear rule in one
            tensor (T, B or 1, 4).
        traces: before the first step: of Adam's filter v and m, (B, G H) each; of a linear rule v,
            (B, F), with the input bias (B, F + 1), or nothing where it keeps none.
        lengths: (B,) valid steps of each sequence, where the rule ends; None means all T.

    Returns:
        h, or h and c, after every step, (T, B, H) each; and the traces after the last valid step.
    """
    w_ih, b_ih, w_hh, b_hh = weights
    none = w_hh.new_empty(0)
    T, B, _ = x.shape
    v0, m0 = (*traces, none, none)[:2]
    p = torch.stack(rule).to(x.dtype) if isinstance(rule, tuple) else none
    linear = none if isinstance(rule, tuple) else rule.to(x.dtype).expand(T, B, 4)
    inputs = LayerInputs(
        x=x,
        w_ih=w_ih,
        b_ih=none if b_ih is None else b_ih,
        w_hh=w_hh,
        b_hh=w_hh.new_zeros(w_hh.shape[0]) if b_hh is None else b_hh,
        h0=hidden[0],
        c0=hidden[1] if kind == "lstm" else none,
        p=p,
        v0=v0,
        m0=m0,
        lengths=_all(x) if lengths is None else lengths,
        linear=linear,
    )
    wanted = _wanted(x, inputs.linear, v0)
    outputs = LayerOutputs(
        *_fused_layer(
            *(part.unsqueeze(0) for part in inputs), kind, torch.is_grad_enabled(), wanted
        )
    )
    h, c, v, m = (part.squeeze(0) for part in (outputs.h, outputs.c, outputs.v, outputs.m))
    return (h, c) if kind == "lstm" else (h,), (v, m)[: len(traces)]


def _all(x: Tensor) -> Tensor:
    """Lengths of sequences that are all as long as x."""
    return torch.full((x.shape[1],), x.shape[0], dtype=torch.int64, device=x.device)


def _wanted(x: Tensor, linear: Tensor, v0: Tensor) -> int:
    # What wants a gradient a mapped or transformed function does not tell.
    if transformed() or linear.requires_grad or v0.requires_grad:
        return TO_RULE
    return TO_INPUT if x.requires_grad else TO_WEIGHTS
