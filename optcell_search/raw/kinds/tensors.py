"""Data that are a model's input as they are: made by a program, or part of a package."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from ..base import Inputs, Preprocessing
from ..reading.unfit import refuse_unfit


@dataclass(frozen=True, kw_only=True)
class TensorPreprocessing(Preprocessing):
    """Arrays (sequences, time, features), taken as they are.

    Args:
        features: features of a step.
        where: what the data are called in messages.
    """

    kind: ClassVar[str] = "tensors"

    features: int
    where: str = "data"

    def read(self, path: Path) -> Any:
        """Raise ValueError: there is no file of such data."""
        raise ValueError(
            f"{path}: {self.where} has no files of its own; valid: an array of shape "
            f"(sequences, time, {self.features})"
        )

    def inputs(self, raw: Any) -> Inputs:
        """Return an array (sequences, time, features) as a tensor."""
        refuse_unfit(raw, self.where)
        try:
            values = torch.as_tensor(raw, dtype=torch.float32)
        except (TypeError, ValueError, RuntimeError):
            raise ValueError(
                f"{self.where}: a {type(raw).__name__} that is no array of numbers; valid: finite "
                f"numbers (sequences, time, {self.features})"
            ) from None
        fits = values.ndim == 3 and values.shape[-1] == self.features and values.numel()
        if not fits or not values.isfinite().all():
            raise ValueError(
                f"{self.where}: an array of shape {tuple(values.shape)}; valid: finite numbers "
                f"(sequences, time, {self.features})"
            )
        names = tuple(map(str, range(len(values))))
        return Inputs(
            values,
            None,
            names,
            np.arange(values.shape[0] * values.shape[1]).reshape(values.shape[:2]),
        )

    def targets(self, raw: Any, inputs: Inputs) -> Tensor:
        """Raise ValueError: an array holds no targets."""
        raise ValueError(f"{self.where}: an array of inputs holds no targets")
