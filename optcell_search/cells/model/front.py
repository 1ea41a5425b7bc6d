"""Causal convolutions over time, before the recurrence or beside it."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

from ..norm import FeatureNorm

FRONTS = ("none", "serial", "parallel")
# LSTM-FCN and FCN take kernels of 8, 5 and 3 steps, from the input on.
_SHRINKING = 5 / 8
_SMALLEST_KERNEL = 3


class Convolution(nn.Module):
    """y_t = relu(norm(sum_{i<K} W_i x_{t-i})), with batch norm over sequences and steps.

    Args:
        features: of x.
        width: features of y.
        kernel: steps K that y_t sees, the present one included.
        stride: steps from one y to the next.
        device, dtype: of the parameters.
    """

    def __init__(
        self,
        features: int,
        width: int,
        kernel: int,
        stride: int = 1,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        self.linear = nn.Conv1d(
            features, width, kernel, stride, bias=False, device=device, dtype=dtype
        )
        self.norm = FeatureNorm(width, device=device, dtype=dtype)

    def sums(self, x: Tensor, before: Tensor | None, first: int = 0) -> tuple[Tensor, Tensor]:
        """Return the weighted sums (B, T, width) of x (B, T, features), and what to go on from.

        Args:
            x: the next piece.
            before: (B, K - 1, features), the steps before it; None: zeros.
            first: the step of `x` that the first y stands at; with a stride there are as many sums
                as steps are left from there on, a stride apart.
        """
        reach = self.linear.kernel_size[0] - 1
        if before is None:
            before = x.new_zeros(x.shape[0], reach, x.shape[2])
        x = torch.cat([before, x], 1)
        after = x[:, x.shape[1] - reach :]
        if x.shape[1] - reach <= first:
            return x.new_zeros(x.shape[0], 0, self.linear.out_channels), after
        return self._convolved(x[:, first:]), after

    def _convolved(self, x: Tensor) -> Tensor:
        """Return the weighted sums (B, T, width) of x (B, K - 1 + T, features), one a stride."""
        # As an image of height 1 whose features lie side by side in memory, as they do in x: on
        # CPUs the convolution of a line brings them into another order first, and takes twice to
        # four times as long.
        image = x.transpose(1, 2).unsqueeze(2)
        weight = self.linear.weight.unsqueeze(2).contiguous(memory_format=torch.channels_last)
        stride = (1, *self.linear.stride)
        summed: Tensor = nn.functional.conv2d(image, weight, stride=stride)
        return summed.squeeze(2).transpose(1, 2)

    def finish(self, sums: Tensor) -> Tensor:
        """Return (..., width): norm, then relu."""
        return torch.relu(self.norm(sums))


class Front(nn.Module):
    """`depth` convolutions on top of each other.

    Args:
        features: of the input.
        width: features of the output and between the convolutions.
        kernel: steps that the first one sees; each further one sees 5/8 of the one below, and no
            fewer than 3 (a kernel that is smaller stays): 8, 5, 3.
        depth: number of convolutions.
        stride: steps from one output of the first one to the next, from a sequence's first step on,
            so that T steps become ceil(T / stride); of a stride above the kernel the first one sees
            as many steps as that, so that none is passed over.
        device, dtype: of the parameters.

    Raises:
        ValueError: a size below 1.

    Source: Wang, Yan, Oates: Time Series Classification from Scratch with Deep Neural Networks,
    IJCNN 2017, arXiv 1611.06455 (kernels of 8, 5, 3; theirs are centred, these look back).
    """

    def __init__(
        self,
        features: int,
        width: int,
        kernel: int,
        depth: int,
        stride: int = 1,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        sizes = {"width": width, "kernel": kernel, "depth": depth, "stride": stride}
        for name, size in sizes.items():
            if size < 1:
                raise ValueError(f"front_{name} = {size} is out of range; valid: integers >= 1")
        self.stride = stride
        first = Convolution(features, width, max(kernel, stride), stride, device, dtype)
        layers = [first]
        for _ in range(depth - 1):
            kernel = min(kernel, max(_SMALLEST_KERNEL, round(kernel * _SHRINKING)))
            layers.append(Convolution(width, width, kernel, 1, device, dtype))
        self.layers = nn.ModuleList(layers)

    def forward(self, x: Tensor | PackedSequence) -> Tensor | PackedSequence:
        """Return (B, ceil(T / stride), width) from (B, T, features); packed batches alike."""
        if isinstance(x, PackedSequence):
            return self._packed(x)
        return self.running(x, None)[0]

    def running(
        self, x: Tensor, before: Sequence[Tensor] | None
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Return the outputs for the next piece, and what to go on from.

        Args:
            x: (B, T, features).
            before: what the call on the previous piece returned; None before the first.

        Returns:
            As many outputs as are due in these steps, and each convolution's last inputs; with a
            stride also (1,), the steps until the next output is due.
        """
        after = []
        first = 0 if before is None or self.stride == 1 else int(before[-1])
        due = first - x.shape[1]
        for index, layer in enumerate(self.layers):
            assert isinstance(layer, Convolution)
            sums, last = layer.sums(x, None if before is None else before[index], first)
            x = layer.finish(sums)
            after.append(last)
            first = 0
        if self.stride > 1:
            after.append(x.new_full((1,), due + self.stride * x.shape[1]))
        return x, tuple(after)

    def lengths(self, steps: Tensor) -> Tensor:
        """Return how many outputs sequences of so many steps have."""
        return -(-steps // self.stride)

    def _packed(self, packed: PackedSequence) -> PackedSequence:
        data, batch_sizes, order, back = packed
        for index, layer in enumerate(self.layers):
            assert isinstance(layer, Convolution)
            x, lengths = pad_packed_sequence(PackedSequence(data, batch_sizes), batch_first=True)
            sums, _ = layer.sums(x, None)
            if index == 0:
                lengths = self.lengths(lengths)
            # Packed again at once, so that the norm does not see the padding.
            data, batch_sizes, *_ = pack_padded_sequence(sums, lengths, batch_first=True)
            data = layer.finish(data)
        return PackedSequence(data, batch_sizes, order, back)
