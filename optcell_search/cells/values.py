"""The hyperparameters of a rule as tensors: fixed, or learned inside their valid range."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ..hyperparameters import Real, specification
from ..rules import Rule

# Where a learned value may start: this close to the ends of its range, so that the inverse
# sigmoid is finite and has a gradient.
_MARGIN = 1e-3


class RuleValues(nn.Module):
    """Holds a rule's hyperparameters as 0-d tensors; calling it returns them by name.

    Fixed values are non-persistent buffers, so a state dict holds weights alone. Learned ones are
    parameters p with value = low + (high - low) sigmoid(p), which is inside the valid range for
    every p.
    """

    def __init__(
        self,
        rule: Rule,
        *,
        learn: bool = False,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        self.ranges: dict[str, tuple[float, float]] = {}
        dtype = dtype or torch.get_default_dtype()
        for key, spec in specification(type(rule)).items():
            value = getattr(rule, key)
            if not isinstance(spec, Real):
                self.register_buffer(key, torch.tensor(value, device=device), persistent=False)
            elif learn and spec.learnable:
                low, high = self.ranges[key] = spec.valid_low, spec.valid_high
                share = min(max((value - low) / (high - low), _MARGIN), 1 - _MARGIN)
                raw = torch.logit(torch.tensor(share, dtype=torch.float64))
                setattr(self, key, nn.Parameter(raw.to(device=device, dtype=dtype)))
            else:
                # In float64 whatever the weights are, so that a cell turned to double later has
                # the value asked for and not its rounding to float32.
                tensor = torch.tensor(value, device=device, dtype=torch.float64)
                self.register_buffer(key, tensor, persistent=False)

    def forward(self, dtype: torch.dtype | None = None) -> dict[str, Tensor]:
        """Return the values by name, real ones as `dtype` where that is given."""
        values = dict(self.named_buffers(recurse=False))
        for key, (low, high) in self.ranges.items():
            values[key] = low + (high - low) * torch.sigmoid(getattr(self, key))
        return {
            key: value.to(dtype) if value.is_floating_point() else value
            for key, value in values.items()
        }
