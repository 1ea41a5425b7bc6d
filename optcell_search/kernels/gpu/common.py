"""What the Triton kernels share."""

# mypy: disable-error-code="no-untyped-def, untyped-decorator"

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

# Sequences a program carries through time: the least a matrix product on the GPU takes.
SEQUENCES = tl.constexpr(16)


@triton.jit
def tanh(x):
    # Near zero 1 - 2 / (e^2x + 1) would lose the leading digits.
    y = x * x
    near = x * (1 + y * (-1 / 3 + y * (2 / 15 + y * (-17 / 315 + y * (62 / 2835)))))
    size = tl.minimum(tl.abs(x), 20.0, propagate_nan=tl.PropagateNan.ALL)
    far = 1 - 2 / (tl.exp(2 * size) + 1)
    return tl.where(size < 0.25, near, tl.where(x < 0, -far, far))


@triton.jit
def sigmoid(x):
    return 1 / (1 + tl.exp(-tl.maximum(x, -80.0, propagate_nan=tl.PropagateNan.ALL)))


@triton.jit
def follow(decay_1, x_1, decay_2, x_2):
    """Two steps of q <- decay q + x, one after the other, as one step."""
    return decay_1 * decay_2, x_2 + decay_2 * x_1


@triton.jit
def matrix(weight, k, gate, H, GATES: tl.constexpr, WIDTH: tl.constexpr, TURN: tl.constexpr):
    """One gate's recurrent weights (H, H) of candidate k, transposed where TURN."""
    i, j = tl.arange(0, WIDTH)[:, None], tl.arange(0, WIDTH)[None, :]
    row, column = (j, i) if TURN else (i, j)
    at = weight + ((k * GATES + gate) * H + row) * H + column
    return tl.load(at, mask=(i < H) & (j < H), other=0.0)


@triton.jit
def product(
    h, resident, weight, k, gate, H, GATES: tl.constexpr, WIDTH: tl.constexpr, TURN: tl.constexpr,
    STREAM: tl.constexpr, PRECISION: tl.constexpr,
):  # fmt: skip
    """h times one gate's weights: those held on chip, or read now, one gate after the other."""
    w = matrix(weight, k, gate, H, GATES, WIDTH, TURN) if STREAM else resident
    return tl.dot(h, w, input_precision=PRECISION)


def width(hidden_size: int) -> int:
    """Lanes for a hidden state: a power of two, at least what a matrix product takes."""
    return max(16, int(triton.next_power_of_2(hidden_size)))


def precision(tensor: Tensor) -> str:
    """TF32 only where the user has asked torch for it."""
    asked = torch.backends.cuda.matmul.fp32_precision == "tf32"
    return "tf32" if asked and tensor.dtype == torch.float32 else "ieee"


def streams(weight: Tensor) -> bool:
    """Whether recurrent weights (K, G H, H) are read anew each step, from the GPU's cache.

    In the backward pass they and their turned copies must fit into a multiprocessor's shared
    memory, 227 KiB on an H100: what Triton asks for is up to 1.6 times their size, and buffers.
    """
    rows, hidden = weight.shape[1:]
    return rows // hidden * width(hidden) ** 2 * weight.element_size() > 1 << 16


def grid(K: int, B: int) -> tuple[int, int]:
    """One program for some sequences of a candidate."""
    return triton.cdiv(B, SEQUENCES.value), K
