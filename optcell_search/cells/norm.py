"""Norms of features that sequences and single steps are brought to alike."""

from __future__ import annotations

import torch
from torch import Tensor, nn

NORMS = ("none", "layer", "batch")


class FeatureNorm(nn.BatchNorm1d):
    """Batch norm over all but the last dimension; a single row is normed as in evaluation."""

    def forward(self, input: Tensor) -> Tensor:
        """Return the features (..., F) at mean 0 and variance 1, scaled and shifted."""
        rows = input.reshape(-1, input.shape[-1])
        return nn.functional.batch_norm(
            rows,
            self.running_mean,
            self.running_var,
            self.weight,
            self.bias,
            # One row has no variance: the last batch of an epoch may hold a single sequence.
            training=self.training and rows.shape[0] > 1,
            momentum=self.momentum or 0.0,
            eps=self.eps,
        ).view_as(input)


def norm_of(
    kind: str,
    width: int,
    device: torch.device | str | None = None,
    dtype: torch.dtype | None = None,
) -> nn.Module:
    """Return the norm of features (..., width) that a name stands for; "none" changes nothing.

    Raises:
        ValueError: there is no norm of that name.
    """
    if kind == "none":
        return nn.Identity()
    if kind == "layer":
        return nn.LayerNorm(width, device=device, dtype=dtype)
    if kind == "batch":
        return FeatureNorm(width, device=device, dtype=dtype)
    raise ValueError(f"norm = {kind!r} is not an option; valid: {', '.join(NORMS)}")
