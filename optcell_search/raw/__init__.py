"""Raw data to tensors, and a model's outputs to answers; an exported package carries it along."""

from __future__ import annotations

from typing import Any

from .base import Inputs, Preprocessing
from .kinds.arrays import ArrayPreprocessing
from .kinds.series import SeriesPreprocessing
from .kinds.tables import TablePreprocessing
from .kinds.tensors import TensorPreprocessing
from .kinds.texts import TextPreprocessing
from .kinds.windows import WindowPreprocessing
from .outputs import IGNORED, Outputs
from .reading.ts import Series

__all__ = [
    "IGNORED",
    "ArrayPreprocessing",
    "Inputs",
    "Outputs",
    "Preprocessing",
    "Series",
    "SeriesPreprocessing",
    "TablePreprocessing",
    "TensorPreprocessing",
    "TextPreprocessing",
    "WindowPreprocessing",
    "from_dict",
]


def from_dict(data: dict[str, Any]) -> Preprocessing:
    """Return the preprocessing that `Preprocessing.to_dict` has written, through JSON or not.

    Raises:
        ValueError: its kind is unknown.
    """
    kinds = {cls.kind: cls for cls in Preprocessing.__subclasses__()}
    if data.get("kind") not in kinds:
        raise ValueError(f"preprocessing of kind {data.get('kind')!r}; valid: {', '.join(kinds)}")
    return kinds[data["kind"]].of({name: v for name, v in data.items() if name != "kind"})
