"""How thoroughly a search judges: folds, epochs, repeats and ensemble under one name."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Literal

Automatic = int | Literal["auto"]


@dataclass(frozen=True)
class Thoroughness:
    """What a preset sets.

    Attributes:
        folds, epochs, repeats: as `search` takes them.
        share: of the epochs that ``epochs="auto"`` means.
        ensemble: whether `finalize` tests a candidate's seeds as one, too.
    """

    folds: Automatic = 1
    epochs: Automatic = 10
    repeats: int = 1
    share: float = 1.0
    ensemble: bool = False


PRESETS = {
    "quick": Thoroughness(folds=1, epochs="auto", share=0.25),
    "good": Thoroughness(folds="auto", epochs="auto"),
    "best": Thoroughness(folds="auto", epochs="auto", repeats=2, share=2.0, ensemble=True),
}


def thoroughness(
    preset: str | None, folds: Automatic | None, epochs: Automatic | None, repeats: int | None
) -> Thoroughness:
    """Return what a preset sets, but for what is asked for itself; None leaves it to the preset.

    Without a preset there are no folds, ten epochs and no repeats.

    Raises:
        ValueError: there is no such preset.
    """
    if preset is not None and preset not in PRESETS:
        raise ValueError(f"unknown preset {preset!r}; valid: {', '.join(PRESETS)}")
    found = Thoroughness() if preset is None else PRESETS[preset]
    if epochs is not None:
        found = dataclasses.replace(found, epochs=epochs, share=1.0)
    if folds is not None:
        found = dataclasses.replace(found, folds=folds)
    return found if repeats is None else dataclasses.replace(found, repeats=repeats)
