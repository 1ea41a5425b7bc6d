"""The types of what a search writes into its study, checked where a study is read.

A study can come from anybody, or from a damaged disk.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..typed import checker, in_words, short

_NUMBERS = dict[str, float]
_TRIAL: dict[str, Any] = {
    "candidate": dict[str, dict[str, Any]],
    "key": str,
    "seed": int,
    "seeds": list[int],
    "repeat": int,
    "worker": str,
    "gpus": float,
    "metrics": _NUMBERS,
    "spread": _NUMBERS,
    "folds": dict[str, list[float]],
    "gradients": _NUMBERS,
    "mixture": dict[str, dict[str, float]],
    "reason": str,
    "detail": str,
    "duplicate_of": int,
}
_OF_MIXTURE = {"loss", "without", "alone", "weights", "values"}
_EPOCH: dict[str, Any] = {"epoch": _NUMBERS}
_LISTS = dict[str, list[float]]
_RECORD: dict[str, Any] = {
    "seeds": list[int],
    "validation": _LISTS,
    "test": _LISTS,
    "failed": dict[str, str],
    "epochs": int,
    "refit": bool,
    "given": bool,
    "members": list[int],
    "together": list[list[int]],
    "others": list[dict[str, Any]],
}
# Without these there are no scores; which seeds they are of, and the rest, may be left out.
_NEEDED = {"validation", "test", "epochs"}
_STUDY: dict[str, Any] = {
    "request": dict[str, Any],
    "run_id": str,
    "occupancy": list[int],
    "searched_seconds": float,
    "ended": str,
    "note": str,
}
_OBJECTIVES: dict[str, Any] = {"objectives": list[dict[str, str]]}
_CHECKS = {
    id(table): {name: checker(hint) for name, hint in table.items()}
    for table in (_TRIAL, _EPOCH, _RECORD, _STUDY, _OBJECTIVES)
}


def check_trial(number: int, known: Mapping[str, Any]) -> None:
    """Raise a ValueError where a trial's user attributes are none that a search writes."""
    _check(known, _TRIAL, f"trial {number}")
    for kind in ("cell", "rule"):
        if "candidate" in known and not isinstance(
            known["candidate"].get(kind, {}).get("name"), str
        ):
            raise ValueError(f"trial {number}: its candidate names no {kind}")
    # Penalties are tables of their own; 0.1 called them objectives.
    for part in ("penalty", "objective"):
        terms = known.get("candidate", {}).get(part, {})
        if not _CHECKS[id(_TRIAL)]["candidate"](terms):
            raise ValueError(f"trial {number}: {part} = {short(terms)}; valid: a table of tables")
    for distance in known.get("gradients", ()):
        whole_number(distance, f"trial {number}: gradients")
    told = known.get("mixture")
    if told and not (
        told.keys() >= _OF_MIXTURE
        and "mixture" in told["loss"]
        and told["without"].keys() == told["alone"].keys()
    ):
        raise ValueError(f"trial {number}: mixture = {short(told)}; it is damaged")


def check_numbers(numbers: Sequence[int], where: str) -> None:
    """Raise a ValueError unless the trials of a study are numbered from 0, none left out."""
    if list(numbers) != list(range(len(numbers))):
        raise ValueError(f"{where}: its trials are not numbered from 0 on; the study is damaged")


def check_epoch(key: str, metrics: object) -> None:
    """Raise a ValueError where an epoch's metrics are none."""
    if not _CHECKS[id(_EPOCH)]["epoch"](metrics):
        raise ValueError(f"{key} = {short(metrics)}; a search writes {in_words(_NUMBERS)}")


def check_record(key: str, record: object) -> None:
    """Raise a ValueError where what `finalize` found about a trial is nothing it writes."""
    if not isinstance(record, Mapping) or not record.keys() >= _NEEDED:
        raise ValueError(f"study: {key} = {short(record)}; it is damaged")
    _check(record, _RECORD, f"study: {key}")
    if "seeds" not in record:
        return
    seeds = len(record["seeds"])
    columns = [*record["validation"].values(), *record["test"].values()]
    if any(len(column) != seeds for column in columns):
        raise ValueError(f"study: {key} has not one score for each of its {seeds} seeds")


def check_study(attributes: Mapping[str, Any], where: str) -> None:
    """Raise a ValueError where a study's user attributes are none that a search writes."""
    _check(attributes, _STUDY, where)
    if len(attributes.get("occupancy", (0, 0))) != 2:
        raise ValueError(
            f"{where}: occupancy = {short(attributes['occupancy'])}; valid: two counts"
        )
    request = attributes["request"]
    _check(request, _OBJECTIVES, f"{where}: request")
    check_objectives(request.get("objectives", []), f"{where}: request")


def check_objectives(entries: Sequence[Mapping[str, str]], where: str) -> None:
    """Raise a ValueError where a request's objectives are none."""
    for entry in entries or [{}]:
        if entry.keys() != {"name", "direction"}:
            raise ValueError(f"{where}: objectives = {short(entry)}; valid: name and direction")
        if entry["direction"] not in ("minimize", "maximize"):
            valid = "minimize or maximize"
            raise ValueError(f"{where}: direction = {short(entry['direction'])}; valid: {valid}")


def whole_number(text: str, where: str) -> int:
    """Return the number in a key such as ``epoch:0003``; raise a ValueError where it is none."""
    # Not `int` alone, which takes '٣' and '1_0', too.
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise ValueError(f"{where}: {short(text)} is no number")
    return int(text)


def _check(values: Mapping[str, Any], table: Mapping[str, Any], where: str) -> None:
    checks = _CHECKS[id(table)]
    for name, value in values.items():
        if name in checks and not checks[name](value):
            raise ValueError(
                f"{where}: {name} = {short(value)}; a search writes {in_words(table[name])}"
            )
