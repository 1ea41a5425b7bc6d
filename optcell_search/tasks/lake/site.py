"""What is known of a lake: its shape, and its weather day by day."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Site:
    """A lake and its weather.

    Args:
        where: what to call it in messages.
        start: first day, ``YYYY-MM-DD``.
        latitude: degrees north.
        depths: (points,), from 0 at the surface to the deepest point, m.
        areas: (points,), of the lake at these depths, m².
        weather: driver → (days,), in the units of `RANGES`.
    """

    where: str
    start: str
    latitude: float
    depths: Array
    areas: Array
    weather: dict[str, Array]

    @property
    def days(self) -> int:
        """Days with weather."""
        return len(self.weather["short_wave"])
