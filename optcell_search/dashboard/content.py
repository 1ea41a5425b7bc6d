"""What the page shows, put together as JSON: whole, or what is new since a version."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Collection, Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from ..registry import every_cell
from ..registry import rules as registered_rules
from . import words
from .info import (
    columns,
    diagnosis,
    finals,
    front,
    gradient,
    importance,
    impulse,
    no_input,
    overview,
    progress,
    provenance,
    response,
    rule_map,
    training,
)
from .info.data import Data
from .info.uncertainty import standings
from .palette import styles
from .read import Board, Curve
from .views import views_of

# A browser stays quick with so many trials; of more the front, the best and an even sample go.
MOST_ROWS = 20_000
# Learning curves that are read and shown, beside those of the front.
MOST_CURVES = 10_000
# What takes longer to work out than to read is renewed at most so often, in seconds, and takes at
# most such a share of the time.
_SLOW_EVERY = 10.0
_SLOW_SHARE = 0.05
_DIGITS = 5


class Contents:
    """What the page shows of one run, and what is new of it.

    Args:
        board: the run.
    """

    def __init__(self, board: Board) -> None:
        self._board = board
        self._slow: dict[str, Any] = {}
        self._slow_version = -1
        self._slow_due = 0.0

    @property
    def board(self) -> Board:
        """The run."""
        return self._board

    @property
    def behind(self) -> bool:
        """Whether what takes long is older than the rows, and due to be renewed."""
        due = time.monotonic() >= self._slow_due
        return due and self._slow_version < self._board.version

    def whole(self, patient: bool = True) -> dict[str, Any]:
        """Return everything but learning curves and impulse responses.

        Args:
            patient: whether to wait for what takes long; otherwise it is left to `news`.
        """
        numbers = _most_telling(self._board.data, MOST_ROWS)
        return self._content(numbers, since=-1, patient=patient)

    def news(self, since: int) -> dict[str, Any]:
        """Return everything, of the rows only those that changed after version `since`.

        Where another run was shown then, nothing of it stays, and the whole is told.
        """
        if since < self._board.begun:
            return self.whole()
        changed = {number for number, version in self._board.changed.items() if version > since}
        return self._content(changed, since, patient=True)

    def _content(self, numbers: Collection[int], since: int, patient: bool) -> dict[str, Any]:
        data = self._board.data
        wanted = set(numbers)
        found = front.front(data)
        shown = columns.columns(data)
        if self._slow_version < self._board.begun:
            self._slow, self._slow_due = {}, 0.0
        return {
            "version": self._board.version,
            "since": since,
            "where": self._board.where,
            "at_work": self._board.at_work,
            "name": data.request.get("run_id", ""),
            "task": data.request["task"],
            "title": words.task(str(data.request["task"])),
            "description": data.request["space"].get("description", ""),
            "epochs": data.request.get("epochs"),
            "objectives": data.objectives,
            "axes": [asdict(axis) for axis in found.axes],
            "columns": [asdict(column) for column in shown],
            "rows": _rows(data, shown, numbers),
            "total": len(data.table),
            "front": found.numbers,
            "knee": found.knee,
            "infeasible": found.infeasible,
            "ranked": [int(n) for n in data.eligible["number"] if int(n) in wanted],
            "gain": None if data.gain is None else asdict(data.gain),
            "warm_start": None if data.warm_start is None else asdict(data.warm_start),
            "no_input": [asdict(one) for one in no_input.no_input(data)],
            "remark": asdict(data.remark),
            "views": views_of(self._board.folder),
            "overview": asdict(overview.overview(data)),
            "progress": asdict(progress.progress(data)),
            "map": asdict(rule_map.rule_map(data)),
            "rungs": [asdict(rung) for rung in training.rungs(data)],
            "failures": [asdict(failure) for failure in training.failures(data)],
            "finals": [asdict(row) for row in finals.final_rows(data)],
            "confusions": [asdict(one) for one in diagnosis.confusions(data)],
            "residuals": [asdict(one) for one in diagnosis.residuals(data)],
            "provenance": asdict(provenance.provenance(data, self._board.where)),
            "styles": styles(str(rule) for rule in data.table["rule"].dropna()),
            "limits": response.colour_range(data),
            **(self._slowly(data) if patient else self._slow),
        }

    def _slowly(self, data: Data) -> dict[str, Any]:
        if not self._slow or self.behind:
            began = time.monotonic()
            self._slow = {
                # Rules and cells are known to torch, which takes seconds to load.
                "equations": _equations(data),
                "growth": asdict(front.growth(data)),
                "standings": asdict(standings.standings(data, curves_to_compare(self._board))),
                "responses": [asdict(answer) for answer in response.responses(data)],
                "importances": [asdict(found) for found in importance.importances(data)],
            }
            self._slow_version = self._board.version
            now = time.monotonic()
            self._slow_due = now + max(_SLOW_EVERY, (now - began) / _SLOW_SHARE)
        return self._slow


def curves_to_compare(board: Board) -> dict[int, Curve]:
    """Return the learning curves that rules are compared by, of very many trials a sample."""
    return board.curves(training.sampled(board.data, board.trained, MOST_CURVES))


def curves(board: Board, most: int, metrics: int, since: int = -1) -> dict[str, Any]:
    """Return learning curves, of the trials that changed after version `since`.

    Args:
        board: the run.
        most: how many trials at most, beside the front.
        metrics: how many metrics at most.
        since: a version.
    """
    trained = board.trained
    changed = [number for number in trained if board.changed[number] > since]
    # Of very many trials only those are read that are shown.
    known = board.curves(training.sampled(board.data, changed, most))
    found = training.learning_curves(board.data, known, metrics)
    return {
        "metrics": found.metrics,
        "labels": found.labels,
        "numbers": found.numbers,
        "epochs": found.epochs,
        "values": {
            name: [columns.finite(columns.rounded(np.array(curve), _DIGITS)) for curve in own]
            for name, own in found.values.items()
        },
        "total": len(trained),
    }


def impulses(data: Data, numbers: Collection[int]) -> dict[int, list[float | None]]:
    """Return the impulse responses of these trials' rules, by number."""
    found = impulse.impulse_responses(data, numbers)
    return {number: [_short(value) for value in curve] for number, curve in found.items()}


def gradients(data: Data, numbers: Collection[int]) -> dict[int, dict[str, Any]]:
    """Return how far the gradients of these trials reach, and of those to compare them with."""
    return {
        number: {**asdict(found), "norms": [_short(norm) for norm in found.norms]}
        for number, found in gradient.gradients(data, numbers).items()
    }


def encode(content: Mapping[str, Any]) -> str:
    """Return content as JSON that is safe inside a script element, whatever names it holds.

    What is no finite number, as a metric that is not defined on some data, is null.
    """
    try:
        text = _json(content)
    except ValueError:
        # Looked for only where there is one: most contents are large and hold none.
        text = _json(_without_nan(content))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _json(content: Mapping[str, Any]) -> str:
    return json.dumps(
        content, default=_plain_number, allow_nan=False, separators=(",", ":"), ensure_ascii=False
    )


def _without_nan(content: Any) -> Any:
    if isinstance(content, Mapping):
        return {name: _without_nan(each) for name, each in content.items()}
    if isinstance(content, list | tuple):
        return [_without_nan(each) for each in content]
    number = isinstance(content, float | np.floating)
    return None if number and not math.isfinite(content) else content


def _plain_number(value: Any) -> Any:
    """Return a numpy scalar as Python's own."""
    return value.item()


def _short(value: float) -> float | None:
    return float(f"{value:.{_DIGITS}g}") if math.isfinite(value) else None


def _most_telling(data: Data, most: int) -> Collection[int]:
    """Return the numbers of all rows, or of the front, the best half of `most`, and a sample."""
    every = [int(number) for number in data.table["number"]]
    if len(every) <= most:
        return every
    best = [int(number) for number in data.best_first["number"][: most // 2]]
    step = -(-len(every) // (most // 2))
    return {*data.front, *best, *every[::step]}


def _rows(
    data: Data, shown: tuple[columns.Column, ...], numbers: Collection[int]
) -> dict[str, Any]:
    table = data.table
    if len(numbers) < len(table):
        table = table[table["number"].isin(list(numbers))]
    exact = {"rule", "cell", "model", "training", "penalty"}
    return {
        column.name: columns.plain_values(table[column.name], column.group in exact)
        for column in shown
    }


def _equations(data: Data) -> dict[str, dict[str, dict[str, str]]]:
    """Return title, equation and source of the rules and cells of a run that are known here."""
    found: dict[str, dict[str, dict[str, str]]] = {}
    for kind, known in (("rule", registered_rules), ("cell", every_cell)):
        names = [str(name) for name in data.table[kind].dropna().unique()]
        found[kind] = {
            name: {
                key: str(getattr(known.get(name), key)) for key in ("title", "equation", "citation")
            }
            for name in names
            if name in known.names()
        }
    return found
