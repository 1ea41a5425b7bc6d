"""Features that are numbers of categories, such as stations or products, each with a vector."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import embedding

_WIDEST = 64


def width_of(levels: int) -> int:
    """Return the length of the vectors of so many categories: min(64, round(1.6 · levels^0.56)).

    Source: the rule of thumb of Howard, Gugger: fastai, A Layered API for Deep Learning,
    Information 11, 2020; it has a limit of 600.
    """
    return min(_WIDEST, round(1.6 * math.pow(levels, 0.56)))


class Categories(nn.Module):
    """Embeddings of some features; the others stand before them as they are.

        x (..., F) -> (..., F - K + w_1 + … + w_K):   [the other features, E_1[x_1], …, E_K[x_K]]

    Args:
        features: F of a step.
        embedded: (place, levels) of each of the K features that hold the number of a category, 0 to
            levels − 1.
        device, dtype: of the parameters, which start from N(0, 1).

    Raises:
        ValueError: a place is none of the features, or there are no levels.
    """

    def __init__(
        self,
        features: int,
        embedded: Sequence[tuple[int, int]],
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        for place, levels in embedded:
            if not 0 <= place < features or levels < 1:
                raise ValueError(
                    f"embedded = {(place, levels)} of {features} features; valid: the place of a "
                    "feature, and 1 level or more"
                )
        self._places = [place for place, _ in embedded]
        self._others = [place for place in range(features) if place not in self._places]
        self.tables = nn.ParameterList(
            nn.Parameter(torch.empty(levels, width_of(levels), device=device, dtype=dtype))
            for _, levels in embedded
        )
        for table in self.tables:
            nn.init.normal_(table)
        self.width = len(self._others) + sum(table.shape[1] for table in self.tables)

    def forward(self, x: Tensor) -> Tensor:
        """Return (..., width) from (..., F); a number beyond the levels is as the nearest."""
        vectors = [
            embedding(x[..., place].round().long().clamp(0, len(table) - 1), table)
            for place, table in zip(self._places, self.tables, strict=True)
        ]
        return torch.cat([x[..., self._others], *vectors], -1)
