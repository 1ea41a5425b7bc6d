"""Runs an exported package's predictor on raw rows in a new interpreter, and compares scores."""

from __future__ import annotations

import math
import pickle
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors.torch import load_file
from torch import Tensor

from ..raw import Series
from .verify import HIDDEN, ExportError, in_new_interpreter


@dataclass(frozen=True)
class Reference:
    """Raw data, and what a predictor must score on them.

    Args:
        raw: the data, as `Preprocessing.read` gives them.
        scores: metric → value that the search has noted for the weights.
        score: turns the outputs on the data, piece by piece as `raw.predictor.Predictor.outputs`
            gives them, into scores.
        tolerance: how far a score may be off, of its size or of 1, the larger.
    """

    raw: Any
    scores: Mapping[str, float]
    score: Callable[[Iterable[Tensor]], Mapping[str, float]]
    tolerance: float


def compare(folder: Path, package: str, reference: Reference, plugins: Iterable[str] = ()) -> None:
    """Raise `ExportError` unless a package's predictor scores what the search has noted.

    Args:
        folder: holds the package.
        package: its name.
        reference: the raw data and the scores.
        plugins: packages that were carried along and must not be found.
    """
    hidden = [name for name in (*HIDDEN, *plugins) if name != "pandas"]
    with tempfile.TemporaryDirectory() as scratch:
        given, made = Path(scratch, "given"), Path(scratch, "made")
        made.mkdir()
        given.write_bytes(pickle.dumps(_plain(reference.raw)))
        in_new_interpreter("predict_check.txt", folder, package, hidden, given, made)
        found = reference.score(_pieces(made))
    for name, noted in reference.scores.items():
        value = found[name]
        same = math.isnan(noted) and math.isnan(value)
        if not same and not math.isclose(
            value, noted, rel_tol=reference.tolerance, abs_tol=reference.tolerance
        ):
            raise ExportError(
                f"the exported package's predictor has {name} {value:.7g} on the validation "
                f"part, the search noted {noted:.7g}"
            )


def _plain(raw: Any) -> tuple[str, Any]:
    """Return the data without a class of ours, which the other interpreter cannot find."""
    return ("series", vars(raw)) if isinstance(raw, Series) else ("", raw)


def _pieces(made: Path) -> Iterator[Tensor]:
    for path in sorted(made.iterdir()):
        yield load_file(path)["outputs"]
