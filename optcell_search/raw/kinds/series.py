"""Series of a ``.ts`` file, brought to mean 0 and variance 1 by channel."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from ..base import Inputs, Preprocessing, lengths_of, rows_of
from ..features import Features
from ..outputs import Outputs
from ..ragged import Ragged, stored
from ..reading.ts import Series, Values, read_ts
from ..reading.unfit import real_array, refuse_unfit


@dataclass(frozen=True, kw_only=True)
class SeriesPreprocessing(Preprocessing):
    """Series (steps, channels) of equal or unequal lengths.

    Args:
        features: how the channels are scaled, and what becomes of missing values.
        where: what the set is called in messages.
    """

    kind: ClassVar[str] = "series"

    features: Features
    where: str = "series"

    @classmethod
    def of(cls, data: dict[str, Any]) -> SeriesPreprocessing:
        """Return what `to_dict` has written, without its kind."""
        return cls(
            outputs=Outputs.from_dict(data["outputs"]),
            features=Features.from_dict(data["features"]),
            where=data["where"],
        )

    def read(self, path: Path) -> Series:
        """Return the series of a ``.ts`` file."""
        return read_ts(path)

    def inputs(self, raw: Series) -> Inputs:
        """Return the series in their order."""
        if not isinstance(raw, Series):
            raise ValueError(
                f"{self.where}: a {type(raw).__name__}; valid: the path of a .ts file, or a "
                "raw.Series"
            )
        if not len(raw.values):
            raise ValueError(f"{raw.where}: there is no series; valid: one or more")
        made = []
        for number, given in enumerate(raw.values):
            values = self.numbers(given, f"{raw.where}: series {number + 1}")
            if self.features.missing == "refuse" and np.isnan(values).any():
                raise ValueError(
                    f"{raw.where}: series {number + 1} has missing values; valid: missing=forward, "
                    "interpolate, mean or mask"
                )
            made.append(torch.from_numpy(self.features.scaled(self.features.fill(values))))
        lengths = torch.tensor([len(one) for one in made])
        joined = Ragged(torch.cat(made), lengths)
        longest = joined.shape[1]
        rows = [torch.arange(longest * i, longest * i + len(one)) for i, one in enumerate(made)]
        places = Ragged(torch.cat(rows), lengths, -1)
        names = tuple(str(number + 1) for number in range(len(made)))
        return Inputs(stored(joined), lengths_of(places), names, rows_of(places))

    def numbers(self, given: Any, where: str) -> Values:
        """Return a series (steps, channels) as numbers, NaN where a value is missing.

        A file has been looked through as it was read; what is made by hand is here.

        Args:
            given: the series.
            where: what it is called in messages.

        Raises:
            ValueError: it is none that the model takes.
        """
        refuse_unfit(given, where)
        try:
            values = real_array(given)
        except (TypeError, ValueError):
            raise ValueError(f"{where} is no array of numbers (steps, channels)") from None
        if values.ndim != 2 or not len(values):
            raise ValueError(
                f"{where} has shape {values.shape}; valid: (steps, channels), 1 step or more"
            )
        channels = len(self.features.names)
        if values.shape[1] != channels:
            raise ValueError(f"{where} has {values.shape[1]} channels, in training {channels}")
        with np.errstate(over="ignore"):
            finite = np.isfinite(values.astype(np.float32)) | np.isnan(values)
        if not finite.all():
            step, channel = np.argwhere(~finite)[0] + 1
            raise ValueError(
                f"{where}, step {step} holds {values[step - 1, channel - 1]:g} in channel "
                f"{channel}; valid: numbers within float32, NaN for what is missing"
            )
        return values

    def targets(self, raw: Series, inputs: Inputs) -> Tensor:
        """Return class numbers (series,), or numbers (series, 1)."""
        if not raw.labels:
            raise ValueError(f"{raw.where}: the file says nothing of classes or numbers")
        if self.outputs.kind == "classes":
            named: list[str | None] = [*raw.labels]
            return torch.from_numpy(self.outputs.class_numbers(named, raw.where))
        numbers = np.array(raw.labels, dtype=np.float64)[:, None]
        return torch.from_numpy(numbers if self.outputs.precise else numbers.astype(np.float32))
