"""The hyperparameters of a rule as tensors: fixed, or learned inside their valid range."""

from __future__ import annotations

from collections.abc import Callable
from typing import Self

import torch
from torch import Tensor, nn

from ..hyperparameters import Real, specification
from ..kernels import wide
from ..rules import Rule

# Where a learned value may start: this close to the ends of its range, so that the inverse
# sigmoid is finite and has a gradient.
_MARGIN = 1e-3


class RuleValues(nn.Module):
    """Holds a rule's hyperparameters as 0-d tensors; calling it returns them by name.

    Fixed values are non-persistent buffers, so a state dict holds weights alone. Learned ones are
    parameters p with value = low + (high - low) sigmoid(p), which is inside the valid range for
    every p; they start a thousandth of the range from its ends at least.
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
        self.ranges: dict[str, Real] = {}
        self._fixed: dict[str, float] = {}
        dtype = dtype or torch.get_default_dtype()
        for key, spec in specification(type(rule)).items():
            value = getattr(rule, key)
            if not isinstance(spec, Real):
                self.register_buffer(key, torch.tensor(value, device=device), persistent=False)
            elif learn and spec.learnable:
                self.ranges[key] = spec
                share = (value - spec.valid_low) / (spec.valid_high - spec.valid_low)
                share = min(max(share, _MARGIN), 1 - _MARGIN)
                raw = torch.logit(torch.tensor(share, dtype=torch.float64))
                setattr(self, key, nn.Parameter(raw.to(device=device, dtype=dtype)))
            else:
                self._fixed[key] = value
                self.register_buffer(key, _exactly(value, device), persistent=False)

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        """Move to another device or dtype; fixed values keep theirs, which rounds nothing."""
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        for key, value in self._fixed.items():
            setattr(self, key, _exactly(value, getattr(self, key).device))
        return self

    def forward(self, dtype: torch.dtype | None = None) -> dict[str, Tensor]:
        """Return the values by name, real ones as `dtype` where that is given.

        They are float32 at least: in bfloat16 a decay of 0.999 would be 1.
        """
        values = dict(self.named_buffers(recurse=False))
        for key, spec in self.ranges.items():
            values[key] = _inside(spec, getattr(self, key))
        return {
            key: value.to(dtype and wide(dtype)) if value.is_floating_point() else value
            for key, value in values.items()
        }


def _exactly(value: float, device: torch.device | str | None) -> Tensor:
    # In float64 whatever the weights are, so that a cell turned to double later has the value
    # asked for and not its rounding to float32.
    return torch.tensor(value, device=device, dtype=torch.float64)


def _inside(spec: Real, raw: Tensor) -> Tensor:
    """Return the value of a learned hyperparameter, off the ends that are open."""
    share = torch.sigmoid(raw.to(wide(raw.dtype)))
    near = torch.finfo(share.dtype).eps
    if spec.open_low or spec.open_high:
        share = share.clamp(near if spec.open_low else 0, 1 - near if spec.open_high else 1)
    return spec.valid_low + (spec.valid_high - spec.valid_low) * share
