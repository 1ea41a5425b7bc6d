"""The loops in C++ for the CPU, called through ctypes. Shapes are those of the operators."""

from __future__ import annotations

import ctypes
import functools
from typing import Any

import torch
from torch import Tensor

from . import build
from .delta import delta_marks
from .driven import driven_gradients, marks_of
from .normalize import marks_like
from .recurrence import outputs_like

_SUFFIX = {torch.float32: "f32", torch.float64: "f64"}
# Below so many multiplications a second thread costs more than it brings.
_SERIAL = 1 << 16


def refusal(device: torch.device, dtype: torch.dtype) -> str | None:
    """Say why these kernels cannot run, or None where they can."""
    if device.type != "cpu":
        return f"compiled for the CPU, not for {device.type}"
    if dtype not in _SUFFIX:
        return f"compiled for float32 and float64, not for {dtype}"
    return build.problem()


@functools.cache
def _kernel(name: str, dtype: torch.dtype) -> Any:
    """Return a function of the library: its sizes, its arrays, the number of threads."""
    function = getattr(build.library(), f"{name}_{_SUFFIX[dtype]}")
    function.argtypes = (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_long)
    function.restype = None
    return function


def _call(
    name: str,
    sizes: tuple[int, ...],
    work: int,
    *tensors: Tensor | None,
    strided: int | None = None,
) -> None:
    """Call a kernel with its arrays in the order of its struct, one of which may have strides."""
    dtype = next(t.dtype for t in tensors if t is not None and t.dtype in _SUFFIX)
    for place, tensor in enumerate(tensors):
        assert tensor is None or (
            (tensor.is_contiguous() or place == strided) and tensor.dtype in (dtype, torch.int64)
        ), f"{name}: a tensor of {tensor.dtype} among {dtype}"
    threads = torch.get_num_threads() if work > _SERIAL else 1
    arrays = [None if tensor is None else tensor.data_ptr() for tensor in tensors]
    _kernel(name, dtype)(
        (ctypes.c_long * len(sizes))(*sizes), (ctypes.c_void_p * len(arrays))(*arrays), threads
    )


def _in_rows(grad: Tensor) -> Tensor:
    """Return the gradient with its last axis in one piece; what was spread out stays so.

    Behind a mean over time, or a module with `batch_first`, it lies otherwise than its output, and
    to copy it would take as long as some of the loop.
    """
    if not grad.numel() or grad.stride(-1) == 1:
        return grad
    each = tuple(slice(1) if stride == 0 else slice(None) for stride in grad.stride()[:-1])
    return grad[each].contiguous().expand_as(grad)


def _outer(grad: Tensor) -> tuple[int, ...]:
    """Strides of candidates, steps and sequences."""
    return grad.stride()[:-1] if grad.numel() else (0, 0, 0)


def _some(tensor: Tensor) -> Tensor | None:
    return tensor if tensor.numel() else None


def _columns(x: Tensor, decay: Tensor) -> tuple[int, ...]:
    """K, T, sequences with a decay of their own, channels of each."""
    K, T, B, D = x.shape
    return (K, T, 1, B * D) if decay.shape[-1] == 1 else (K, T, B, D)


def scan_forward(decay: Tensor, x: Tensor, initial: Tensor) -> Tensor:
    """v_t = decay_t v_{t-1} + x_t."""
    v = torch.empty_like(x)
    _call("scan_forward", _columns(x, decay), x.numel(), decay, x, initial, v)
    return v


def scan_backward(
    grad: Tensor, decay: Tensor, v: Tensor, initial: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Gradients of decay, x and initial."""
    grads = (torch.empty_like(decay), torch.empty_like(v), torch.empty_like(initial))
    shape = _columns(v, decay)
    _call("scan_backward", shape, v.numel(), grad, decay, v, initial, *grads)
    return grads


_FORMS = {2: "linear_real", 3: "linear_complex", 6: "linear_matrix"}


def linear_scan_forward(coefficients: Tensor, x: Tensor, initial: Tensor) -> Tensor:
    """A linear recurrence of one of the three forms."""
    K, T, B = x.shape[:3]
    v = x.new_empty(K, T, B, *initial.shape[2:])
    _linear("forward", coefficients, x, (initial, v))
    return v


def linear_scan_backward(
    grad: Tensor, coefficients: Tensor, x: Tensor, v: Tensor, initial: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Gradients of the coefficients, x and initial."""
    K, T, B = x.shape[:3]
    steps = coefficients.shape[1]
    by_row = coefficients.new_empty(K, steps, B, *coefficients.shape[3:])
    dx, d_initial = x.new_empty(x.shape), torch.empty_like(initial)
    _linear("backward", coefficients, x, (v, initial, by_row, dx, d_initial), grad)
    return by_row.sum_to_size(coefficients.shape), dx, d_initial


def _linear(
    way: str, coefficients: Tensor, x: Tensor, others: tuple[Tensor, ...], *first: Tensor
) -> None:
    x, row = _in_even_rows(x)
    varies, own = (size > 1 for size in coefficients.shape[1:3])
    K, T, B, _, N = x.shape
    _call(
        f"{_FORMS[coefficients.shape[-2]]}_{way}",
        (K, T, B, N, varies, own, row),
        x.numel(),
        *first,
        coefficients,
        x,
        *others,
        strided=len(first) + 1,
    )


def _in_even_rows(x: Tensor) -> tuple[Tensor, int]:
    """Return x (K, T, B, ...) with its rows evenly spread, and how far they are apart.

    A share of a wider tensor's channels is such already.
    """
    K, T, B, *inner = x.shape
    row = x.stride(2)
    even = (T * B * row if K > 1 else x.stride(0), B * row, row)
    dense = x[0, 0, 0].is_contiguous() and row >= x[0, 0, 0].numel()
    if not (dense and x.stride()[:3] == even):
        x = x.contiguous()
    return x, x.stride(2)


def gated_scan_forward(x: Tensor, initial: Tensor, kind: str) -> Tensor:
    """minGRU or minLSTM from its pre-activations."""
    x, row = _in_even_rows(x)
    K, T, B, _ = x.shape
    v = x.new_empty(K, T, B, initial.shape[-1])
    sizes = (K, T, B, initial.shape[-1], 0, 0, row)
    _call(f"{kind}_forward", sizes, x.numel(), None, x, initial, v, strided=1)
    return v


def gated_scan_backward(
    grad: Tensor, x: Tensor, v: Tensor, initial: Tensor, kind: str
) -> tuple[Tensor, Tensor]:
    """Gradients of x and initial."""
    x, row = _in_even_rows(x)
    K, T, B, N = v.shape
    dx, d_initial = x.new_empty(x.shape), torch.empty_like(initial)
    arrays = (grad, None, x, v, initial, None, dx, d_initial)
    _call(f"{kind}_backward", (K, T, B, N, 0, 0, row), x.numel(), *arrays, strided=2)
    return dx, d_initial


def delta_forward(
    q: Tensor, k: Tensor, v: Tensor, alpha: Tensor, beta: Tensor, values: Tensor, start: Tensor,
    lengths: Tensor, inner: str, keep: bool,
) -> tuple[Tensor, Tensor, Tensor]:  # fmt: skip
    """o, the states after the last step, and what the backward pass starts from."""
    o, end, marks = torch.empty_like(v), torch.empty_like(start), delta_marks(v, start, keep)
    inputs = (q, k, v, alpha, beta, values, start, lengths)
    sizes = (*v.shape, *values.shape[1:3])
    _call(f"delta_{inner}_forward", sizes, v.numel() * v.shape[-1], *inputs, o, end, _some(marks))
    return o, end, marks


def delta_backward(
    grad_o: Tensor, grad_end: Tensor, q: Tensor, k: Tensor, v: Tensor, alpha: Tensor, beta: Tensor,
    values: Tensor, lengths: Tensor, marks: Tensor, inner: str,
) -> tuple[Tensor, ...]:  # fmt: skip
    """Gradients of q, k, v, alpha, beta and the states at the start."""
    grads = tuple(map(torch.empty_like, (q, k, v, alpha, beta, grad_end)))
    inputs = (grad_o, grad_end, q, k, v, alpha, beta, values, lengths, marks)
    sizes = (*v.shape, *values.shape[1:3])
    _call(f"delta_{inner}_backward", sizes, v.numel() * v.shape[-1], *inputs, *grads)
    return grads


def normalize_forward(
    z: Tensor, p: Tensor, v0: Tensor, m0: Tensor, lengths: Tensor, keep: bool
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """u, both traces after the last step, and what the backward pass starts from."""
    marks = marks_like(z, "compiled", keep)
    u, v, m = torch.empty_like(z), torch.empty_like(v0), torch.empty_like(m0)
    inputs = (z, p, v0, m0, lengths)
    _call("normalize_forward", tuple(z.shape), z.numel(), *inputs, u, v, m, _some(marks))
    return u, v, m, marks


def normalize_backward(
    grad_u: Tensor,
    grad_v: Tensor,
    grad_m: Tensor,
    z: Tensor,
    p: Tensor,
    lengths: Tensor,
    marks: Tensor,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Gradients of z, p and both initial traces."""
    grads = tuple(map(torch.empty_like, (z, p, grad_v, grad_m)))
    inputs = (grad_u, grad_v, grad_m, z, p, lengths, marks)
    _call("normalize_backward", tuple(z.shape), z.numel(), *inputs, *grads)
    return grads  # type: ignore[return-value]


def recurrence_forward(
    u: Tensor, weight: Tensor, bias: Tensor, h0: Tensor, c0: Tensor, kind: str, keep: bool
) -> tuple[Tensor, Tensor, Tensor]:
    """h, c and what the backward pass needs of each step."""
    K, T, B, W = u.shape
    H = h0.shape[-1]
    h, c, saved = outputs_like(h0, T, kind, keep)
    no_rule = (None,) * 5
    inputs = (u, None, None, weight, bias, h0, _some(c0), *no_rule)
    outputs = (h, _some(c), _some(saved), None, None, None)
    _call(f"{kind}_forward", (K, T, B, W, H), u.numel() * H, *inputs, *outputs)
    return h, c, saved


def recurrence_backward(
    grad_h: Tensor,
    grad_c: Tensor,
    weight: Tensor,
    h0: Tensor,
    c0: Tensor,
    h: Tensor,
    c: Tensor,
    saved: Tensor,
    kind: str,
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Gradients of u, of the weights and the bias, of h0 and of c0."""
    K, T, B, H = h.shape
    W = weight.shape[1]
    du = h.new_empty(K, T, B, W)
    grads = (torch.empty_like(weight), weight.new_empty(K, W), *map(torch.empty_like, (h0, c0)))
    inputs = (_some(grad_h), _some(grad_c), None, None, None, None, None, weight, h0, _some(c0))
    no_rule = (None,) * 3
    history = (h, _some(c), _some(saved), None)
    outputs = (du, None, None, *map(_some, grads), None, None, None, None)
    sizes = (K, T, B, W, H, *_outer(grad_h))
    _call(f"{kind}_backward", sizes, du.numel() * H, *inputs, *no_rule, *history, *outputs)
    return du, *grads  # type: ignore[return-value]


def driven_forward(
    x: Tensor, w_ih: Tensor, b_ih: Tensor, w_hh: Tensor, b_hh: Tensor, h0: Tensor, c0: Tensor,
    p: Tensor, v0: Tensor, m0: Tensor, lengths: Tensor, linear: Tensor, kind: str, keep: bool,
) -> tuple[Tensor, ...]:  # fmt: skip
    """h, c and what the backward pass needs of each step, both traces at the end, and marks."""
    K, T, B, F = x.shape
    H = h0.shape[-1]
    h, c, saved = outputs_like(h0, T, kind, keep)
    filtered = (torch.empty_like(v0), torch.empty_like(m0), marks_of(v0, m0, T, keep))
    inputs = (x, w_ih, b_ih, w_hh, b_hh, h0, c0, p, v0, m0, lengths, linear)
    outputs = (h, c, saved, *filtered)
    work = T * B * (w_ih.numel() + w_hh.numel())
    _call(f"{kind}_forward", (K, T, B, F, H), work, *map(_some, inputs), *map(_some, outputs))
    return outputs


def driven_backward(
    grad_h: Tensor, grad_c: Tensor, grad_v: Tensor, grad_m: Tensor, x: Tensor, w_ih: Tensor,
    b_ih: Tensor, w_hh: Tensor, h0: Tensor, c0: Tensor, p: Tensor, lengths: Tensor,
    linear: Tensor, h: Tensor, c: Tensor, saved: Tensor, marks: Tensor, kind: str, wanted: int,
) -> tuple[Tensor, ...]:  # fmt: skip
    """Gradients of x, weights, biases, h0, c0, p, both initial traces and a linear rule."""
    K, T, B, F = x.shape
    H = h0.shape[-1]
    grad_h = _in_rows(grad_h)
    grads = driven_gradients(x, w_ih, b_ih, w_hh, h0, c0, p, linear, grad_v, grad_m, wanted)
    inputs = (grad_h, grad_c, grad_v, grad_m, x, w_ih, b_ih, w_hh, h0, c0, p, lengths, linear)
    history = (h, c, saved, marks)
    work = T * B * (w_ih.numel() + w_hh.numel())
    sizes = (K, T, B, F, H, *_outer(grad_h))
    _call(f"{kind}_backward", sizes, work, *map(_some, (*inputs, *history, *grads)), strided=0)
    return grads
