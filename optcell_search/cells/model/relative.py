"""Series that are forecast, as they stand to their last value."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

from ..norm import FeatureNorm
from .steps import Steps

# Of an output: the feature that holds its series' past, and factor and shift from the unit of that
# feature to the output's.
Anchor = tuple[int, float, float]


class Relative(nn.Module):
    """Series relative to their last value, with their changes beside them.

        x_t -> [x_t - x_T, norm(x_t - x_{t-1})],   level_o = factor_o · x_T + shift_o

    for the features that are series, each other feature as it is; the change of the first step is
    0, and the norm is a batch norm without weights over sequences and steps. The level is added to
    what is read out: a network that says 0 forecasts that the series stays where it is, and one
    that has seen a series rise can follow it to where it never was.

    Args:
        features: of a step.
        anchors: one for each output.
        device, dtype: of the statistics.

    Raises:
        ValueError: there are no anchors, or one names none of the features.

    Source: of the last value, NLinear in Zeng et al.: Are Transformers Effective for Time Series
    Forecasting?, AAAI 2023, arXiv 2205.13504. Of the changes, Box, Jenkins: Time Series Analysis,
    1970.
    """

    series: Tensor
    factor: Tensor
    shift: Tensor

    def __init__(
        self,
        features: int,
        anchors: Sequence[Anchor],
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        if not anchors or not all(0 <= place < features for place, _, _ in anchors):
            raise ValueError(
                f"anchors = {list(anchors)} of {features} features; valid: for each output the "
                "place of the feature that holds the past of its series"
            )
        self._of_output = [place for place, _, _ in anchors]
        self._places = sorted(set(self._of_output))
        self.norm = FeatureNorm(len(self._places), affine=False, device=device, dtype=dtype)
        self.width = features + len(self._places)
        is_series = [float(place in self._places) for place in range(features)]
        for name, numbers in (
            ("series", is_series),
            ("factor", [factor for _, factor, _ in anchors]),
            ("shift", [shift for _, _, shift in anchors]),
        ):
            tensor = torch.tensor(numbers, device=device, dtype=dtype)
            self.register_buffer(name, tensor, persistent=False)

    def forward(self, x: Steps) -> tuple[Steps, Tensor]:
        """Return what stands for x (B, T, F), of `width` features, and the levels (B, outputs)."""
        if isinstance(x, PackedSequence):
            return self._packed(x)
        last = x[:, -1:]
        changes = self.norm(self._changes(x))
        return torch.cat([x - last * self.series, changes], -1), self._levels(last[:, 0])

    def _packed(self, packed: PackedSequence) -> tuple[PackedSequence, Tensor]:
        data, batch_sizes, order, back = packed
        x, lengths = pad_packed_sequence(PackedSequence(data, batch_sizes), batch_first=True)
        rows = torch.arange(len(x), device=x.device)
        last = x[rows, lengths.to(x.device) - 1]

        def without_padding(steps: Tensor) -> Tensor:
            return pack_padded_sequence(steps, lengths, batch_first=True).data

        relative = without_padding(x - last.unsqueeze(1) * self.series)
        changes = self.norm(without_padding(self._changes(x)))
        levels = self._levels(last)
        made = torch.cat([relative, changes], -1)
        return (
            PackedSequence(made, batch_sizes, order, back),
            levels if back is None else levels[back],
        )

    def _changes(self, x: Tensor) -> Tensor:
        own = x[..., self._places]
        return own - torch.cat([own[:, :1], own[:, :-1]], 1)

    def _levels(self, last: Tensor) -> Tensor:
        return last[:, self._of_output] * self.factor + self.shift
