"""What answering without looking at any input comes to, beside which a score is to be read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..ledger.format import TASK_FILE
from ..ledger.storage.names import refuse_link
from .tables import diagnoses_of


def chance(folder: Path | None, attributes: Mapping[str, Any]) -> dict[str, dict[str, float]]:
    """Return "validation" or "test" → metric → score of answering without any input.

    Of numbers the answer is the mean of the training targets, of classes their frequencies, of a
    forecast the value one season ago. A part is missing where nothing was noted of it: by older
    versions, and of the test part before `finalize`.

    Args:
        folder: of the run; None where it is known by its study alone, which says nothing of the
            validation part.
        attributes: of its study.

    Raises:
        ValueError: ``task.json`` is damaged.
    """
    told = diagnoses_of(attributes).values()
    tested: Mapping[str, float] = next((one["chance"] for one in told if one.get("chance")), {})
    found = {
        "validation": {} if folder is None else _noted(folder / TASK_FILE),
        "test": dict(tested),
    }
    return {split: scores for split, scores in found.items() if scores}


def _noted(path: Path) -> dict[str, float]:
    refuse_link(path)
    if not path.is_file():
        return {}
    try:
        return {str(name): float(value) for name, value in _scores(path).items()}
    except (ValueError, TypeError, AttributeError) as error:
        raise ValueError(f"{path}: damaged: {error}") from None


def _scores(path: Path) -> Mapping[str, Any]:
    found: Mapping[str, Any] = json.loads(path.read_bytes()).get("chance", {})
    return found
