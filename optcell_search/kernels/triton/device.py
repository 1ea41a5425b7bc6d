"""What the Triton kernels share."""

# mypy: disable-error-code="no-untyped-def, untyped-decorator"

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

# Recurrent weights are read anew each step, from the GPU's cache: so many rows at once, and so
# many of these pieces under way. A product takes its operands from registers, and those of a whole
# matrix, or of a whole state, would overflow them.
ROWS, STAGES = tl.constexpr(16), tl.constexpr(3)


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
def place(channels, CHANNELS: tl.constexpr):
    """Row, block of its channels, and candidate of a program.

    Rows and blocks share the grid's first dimension: the others end at 65,535.
    """
    blocks = tl.cdiv(channels, CHANNELS)
    index = tl.program_id(0)
    return index // blocks, index % blocks, tl.program_id(1).to(tl.int64)


@triton.jit
def read(at, mask):
    """Numbers to calculate with: all arithmetic is in float32, whatever the tensors are."""
    return tl.load(at, mask=mask, other=0.0).to(tl.float32)


@triton.jit
def columns(vectors, start, size, valid):
    """Some numbers of each sequence's vector of `size` numbers, from number `start`."""
    i = start + tl.arange(0, ROWS)[None, :]
    return tl.load(vectors + i, mask=valid & (i < size), other=0.0)


@triton.jit
def rows(matrix, start, size, H, WIDTH: tl.constexpr):
    """Some rows of a matrix (size, H), from row `start`."""
    i, j = start + tl.arange(0, ROWS)[:, None], tl.arange(0, WIDTH)[None, :]
    return tl.load(matrix + i * H + j, mask=(i < size) & (j < H), other=0.0)


@triton.jit
def product(
    vectors, matrix, size, valid, H, SEQUENCES: tl.constexpr, WIDTH: tl.constexpr,
    PRECISION: tl.constexpr,
):  # fmt: skip
    """Each sequence's vector times a matrix (size, H), both read piece by piece.

    The vectors are in memory, too: what is in registers cannot be cut into pieces.
    """
    total = tl.zeros((SEQUENCES, WIDTH), tl.float32)
    for start in tl.range(0, size, ROWS, num_stages=STAGES):
        x, w = columns(vectors, start, size, valid), rows(matrix, start, size, H, WIDTH)
        total = tl.dot(x, w, total, input_precision=PRECISION)
    return total


def width(hidden_size: int) -> int:
    """Lanes for a hidden state: a power of two, at least what a matrix product takes."""
    return max(16, int(triton.next_power_of_2(hidden_size)))


def precision(tensor: Tensor) -> str:
    """TF32 only where the user has asked torch for it."""
    asked = torch.backends.cuda.matmul.fp32_precision == "tf32"
    return "tf32" if asked and tensor.dtype == torch.float32 else "ieee"


def sequences(K: int, B: int, h: Tensor) -> int:
    """How many sequences a program carries through time, for states h (..., H).

    16 are the least that tensor cores multiply. The other units do 8 in half the time, which pays
    where the programs would leave half of the GPU idle. Wide states would overflow the registers.
    """
    if precision(h) == "tf32" or h.dtype != torch.float32 or h.shape[-1] > 128 or not h.is_cuda:
        return 16
    processors = torch.cuda.get_device_properties(h.device).multi_processor_count
    return 8 if 2 * K * triton.cdiv(B, 16) <= processors else 16
