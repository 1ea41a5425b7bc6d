"""The hyperparameters of a rule as tensors: fixed, or learned inside their valid range."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any, Self

import torch
from torch import Tensor, nn

from ..hyperparameters import Choice, Real, specification
from ..kernels import wide
from ..rules import Rule

# Where a learned value may start: this close to the ends of its range, so that the inverse
# sigmoid is finite and has a gradient.
_MARGIN = 1e-3


class RuleValues(nn.Module):
    """Holds a rule's hyperparameters as 0-d tensors; calling it returns them by name.

    Fixed values are plain numbers, and beside them non-persistent buffers, so that they can be
    stacked and mapped over while a state dict holds weights alone. However the module is moved,
    cast or loaded, the buffers are made anew from the numbers, in the dtype of the weights but in
    float32 at least. Learned ones are parameters p with value = low + (high - low) sigmoid(p),
    which is inside the valid range for every p; they start a thousandth of the range from its ends
    at least.

    Choices are not among the values: they are the rule's form, which it reads off itself, and
    modules can be stacked only where they agree in it.
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
        self._starts: dict[str, float] = {}
        dtype = dtype or torch.get_default_dtype()
        for key, spec in specification(type(rule)).items():
            value = getattr(rule, key)
            if learn and isinstance(spec, Real) and spec.learnable:
                self.ranges[key] = spec
                share = (value - spec.valid_low) / (spec.valid_high - spec.valid_low)
                share = min(max(share, _MARGIN), 1 - _MARGIN)
                self._starts[key] = math.log(share / (1 - share))
                setattr(self, key, nn.Parameter(torch.empty((), device=device, dtype=dtype)))
            elif not isinstance(spec, Choice):
                self._fixed[key] = value
                self.register_buffer(key, _tensor(value, dtype, device), persistent=False)
        self.reset_parameters()

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """Put the learned values back to those of the rule."""
        for key, start in self._starts.items():
            getattr(self, key).fill_(start)

    def follow(self, weight: Tensor) -> None:
        """Make the fixed values anew where they are not of a weight's dtype and device."""
        for key, value in self._fixed.items():
            buffer, anew = getattr(self, key), _tensor(value, weight.dtype, weight.device)
            if (buffer.dtype, buffer.device) != (anew.dtype, anew.device):
                setattr(self, key, anew)

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        """Move to another device or dtype, by which no fixed value is rounded or lost."""
        before = dict(self.named_buffers(recurse=False))
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        for key, value in self._fixed.items():
            moved = getattr(self, key)
            if moved is not before[key]:
                setattr(self, key, _tensor(value, moved.dtype, moved.device))
        return self

    def forward(self, dtype: torch.dtype | None = None) -> dict[str, Tensor]:
        """Return the values by name, real ones as `dtype` where that is given.

        They are float32 at least: in bfloat16 a decay of 0.999 would be 1.
        """
        values = dict(self.named_buffers(recurse=False))
        if self.ranges:
            # All at once: of a small cell's step, a few operations for each would be a good part.
            raw = torch.stack([getattr(self, key) for key in self.ranges])
            values |= zip(self.ranges, _inside(self.ranges.values(), raw).unbind(), strict=True)
        return {
            key: value.to(dtype and wide(dtype)) if value.is_floating_point() else value
            for key, value in values.items()
        }


def keep_beside_weights(module: nn.Module) -> None:
    """Let the `rule_values` of a module follow its weights when it is loaded.

    With ``load_state_dict(assign=True)`` weights come from elsewhere, while what no state dict
    holds would stay behind: on the meta device, or in another dtype.
    """
    module.register_load_state_dict_post_hook(_follow)  # type: ignore[no-untyped-call]


def _follow(module: Any, _: Any) -> None:
    own = (*module.parameters(recurse=False), *module.buffers(recurse=False))
    module.rule_values.follow(next(t for t in own if t.is_floating_point()))


def _tensor(value: float, dtype: torch.dtype, device: torch.device | str | None) -> Tensor:
    """Return a number as a 0-d tensor: whole numbers and switches have a dtype of their own."""
    return torch.tensor(value, device=device, dtype=wide(dtype) if type(value) is float else None)


def _inside(specs: Iterable[Real], raw: Tensor) -> Tensor:
    """Return the values of learned hyperparameters, off the ends that are open."""
    share = torch.sigmoid(raw.to(wide(raw.dtype)))
    near = torch.finfo(share.dtype).eps
    # Not 0 and 1: an exporter would make whole numbers of them, which nothing converts.
    least, most, low, high = (
        share.new_tensor(numbers)
        for numbers in zip(
            *(
                (
                    near if spec.open_low else 0.0,
                    1 - near if spec.open_high else 1.0,
                    spec.valid_low,
                    spec.valid_high,
                )
                for spec in specs
            ),
            strict=True,
        )
    )
    return low + (high - low) * share.clamp(least, most)
