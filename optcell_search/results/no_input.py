"""What answering without looking at any input comes to, beside which a score is to be read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..ledger.format import CHANCE, IN_FOLDS, REQUEST, TASK_FILE
from ..ledger.storage.names import refuse_link
from .tables import diagnoses_of


def chance(folder: Path | None, attributes: Mapping[str, Any]) -> dict[str, dict[str, float]]:
    """Return part of the data → metric → score of answering without any input.

    Parts are "search", what the search judges by; "validation"; and "test". The first two are one,
    unless candidates are judged in folds: then "search" is the mean over these.

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
    noted = {} if folder is None else _noted(folder / TASK_FILE)
    own = noted.get(CHANCE, {})
    # Of its folds an older version has noted nothing.
    in_folds = attributes.get(REQUEST, {}).get("folds", 1) > 1
    searched = noted.get(IN_FOLDS, {} if in_folds else own)
    found = {"search": searched, "validation": own, "test": dict(tested)}
    return {split: scores for split, scores in found.items() if scores}


def _noted(path: Path) -> dict[str, dict[str, float]]:
    refuse_link(path)
    if not path.is_file():
        return {}
    try:
        return {name: _numbers(scores) for name, scores in _scores(path).items()}
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"{path}: damaged: {error}") from None


def _scores(path: Path) -> dict[str, Mapping[str, Any]]:
    known: Mapping[str, Any] = json.loads(path.read_bytes())
    return {name: known[name] for name in known.keys() & {CHANCE, IN_FOLDS}}


def _numbers(scores: Mapping[str, Any]) -> dict[str, float]:
    return {str(name): float(value) for name, value in scores.items()}
