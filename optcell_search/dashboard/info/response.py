"""How the first objective answers to the hyperparameters of each rule, as plain data."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ...hyperparameters import specification
from ...registry import rules as registered
from .. import words
from .data import Axis, Data, records

# Of a rule's rows, the share that counts as doing well.
_GOOD = 0.25
_ENOUGH = 8
# A surface is fitted to so many trials and more, and drawn where about so many lie near.
_FIT_FROM = 25
_NEAR = 3.0
_GRID = 24
# By so much of their distance the ends of a range may be rounded.
_NEAR_ENDS = 0.05
_MOST_FITTED = 3000


@dataclass(frozen=True)
class Surface:
    """The objective over two hyperparameters, averaged over the trials near each point.

    Attributes:
        x, y: columns of the two.
        xs, ys: where it is known.
        values: one row for each of `ys`; None where too few trials lie near.
    """

    x: str
    y: str
    xs: tuple[float, ...]
    ys: tuple[float, ...]
    values: tuple[tuple[float | None, ...], ...]


@dataclass(frozen=True)
class Response:
    """How the first objective answers to a rule's hyperparameters.

    Attributes:
        rule: its name.
        axes: its hyperparameters that vary, in declared order.
        numbers: the ranked trials, best first.
        stopped: how many more were stopped early.
        surfaces: one for each pair of numeric axes that has trials enough.
        sentence: which values do well, in words.
    """

    rule: str
    axes: tuple[Axis, ...]
    numbers: tuple[int, ...]
    stopped: int
    surfaces: tuple[Surface, ...]
    sentence: str


def responses(data: Data) -> tuple[Response, ...]:
    """Return the response of every rule that was trained, the best rule first.

    A rule all of whose trials were stopped early comes last, with words in place of a picture.
    """
    ranked, stopped = data.best_first, data.stopped
    ascending = data.objectives[data.first] == "minimize"
    early = stopped[~stopped["rule"].isin(ranked["rule"])].sort_values(
        [data.first, "number"], ascending=[ascending, True]
    )
    return tuple(
        _response(str(rule), ranked[ranked["rule"] == rule], stopped[stopped["rule"] == rule], data)
        for rule in [*ranked["rule"].unique(), *early["rule"].unique()]
    )


def _response(rule: str, rows: pd.DataFrame, stopped: pd.DataFrame, data: Data) -> Response:
    if rows.empty:
        return Response(rule, (), (), len(stopped), (), _stopped_sentence(stopped, data))
    declared = registered.get(rule) if rule in registered.names() else None
    specs = specification(declared) if declared else {}
    known = sorted(c for c in map(str, rows.columns) if c.startswith(f"{rule}."))
    names = [name for name in specs if f"{rule}.{name}" in known] or [
        column.removeprefix(f"{rule}.") for column in known
    ]
    names = [name for name in names if name != "eps"]
    varied = [name for name in names if rows[f"{rule}.{name}"].nunique() > 1]

    def axis(name: str) -> Axis:
        column = f"{rule}.{name}"
        log = getattr(specs.get(name), "log", False) and rows[column].min() > 0
        return Axis(column, words.symbol(name), bool(log))

    axes = tuple(axis(name) for name in varied)
    numeric = [a for a in axes if pd.api.types.is_numeric_dtype(rows[a.name])]
    surfaces = [_surface(rows, x, y, data.first) for x, y in combinations(numeric, 2)]
    return Response(
        rule=rule,
        axes=axes,
        numbers=tuple(int(n) for n in rows["number"]),
        stopped=len(stopped),
        surfaces=tuple(surface for surface in surfaces if surface),
        sentence=_sentence(rule, rows, len(stopped), names, varied, data.first),
    )


def _surface(rows: pd.DataFrame, x: Axis, y: Axis, objective: str) -> Surface | None:
    """Return the mean of the objective, weighted by nearness (Nadaraya and Watson 1964)."""
    if len(rows) < _FIT_FROM:
        return None
    rows = rows.iloc[:: -(-len(rows) // _MOST_FITTED)]
    places, grids, distances = [], [], []
    for a in (x, y):
        place = rows[a.name].to_numpy(dtype=float)
        place = np.log(place) if a.log else place
        grid = np.linspace(place.min(), place.max(), _GRID)
        # Scott's rule for two dimensions.
        width = place.std() * len(place) ** (-1 / 6)
        distances.append(((grid[:, None] - place) / width) ** 2)
        places.append(place)
        grids.append(np.exp(grid) if a.log else grid)
    weights = np.exp(-0.5 * (distances[1][:, None, :] + distances[0][None, :, :]))
    total = weights.sum(axis=2)
    mean = weights @ rows[objective].to_numpy(dtype=float) / np.maximum(total, 1e-300)
    return Surface(x.name, y.name, tuple(grids[0]), tuple(grids[1]), _masked(mean, total >= _NEAR))


def _masked(
    values: npt.NDArray[np.float64], known: npt.NDArray[np.bool_]
) -> tuple[tuple[float | None, ...], ...]:
    return tuple(
        tuple(float(value) if there else None for value, there in zip(row, mask, strict=True))
        for row, mask in zip(values, known, strict=True)
    )


def _stopped_sentence(stopped: pd.DataFrame, data: Data) -> str:
    ascending = data.objectives[data.first] == "minimize"
    best = records(stopped.sort_values([data.first, "number"], ascending=[ascending, True])[:1])[0]
    reached = f"had {words.number(float(best[data.first]))} after epoch {best['epochs']}"
    if len(stopped) == 1:
        return f"Its only trial was stopped early; it {reached} (trial {best['number']})."
    return (
        f"All of its {words.count(len(stopped), 'trial')} were stopped early; the best of them "
        f"{reached} (trial {best['number']})."
    )


def _sentence(
    rule: str,
    rows: pd.DataFrame,
    stopped: int,
    names: list[str],
    varied: list[str],
    objective: str,
) -> str:
    top = records(rows.iloc[:1])[0]
    at = words.options({name: top[f"{rule}.{name}"] for name in names}, ", ")
    said = (
        f"Best {words.number(float(top[objective]))} of {words.count(len(rows) + stopped, 'trial')}"
    )
    if stopped:
        said += f" ({stopped:,} of them stopped early)"
    said += f", with {at} (trial {top['number']})." if at else f" (trial {top['number']})."
    good = rows.iloc[: max(2, round(_GOOD * len(rows)))]
    numeric = [n for n in varied if pd.api.types.is_numeric_dtype(rows[f"{rule}.{n}"])]
    if len(rows) < _ENOUGH or not numeric:
        return said
    ranges = [_span(words.symbol(name), good[f"{rule}.{name}"]) for name in numeric]
    return f"{said} The best quarter lies at {words.listed(ranges)}."


def _span(name: str, values: pd.Series[Any]) -> str:
    low, high = float(values.min()), float(values.max())
    if low == high:
        return f"{name} {words.number(low)}"
    # As many digits as tell the ends apart: of 0.991 to 0.998 two would say 0.99 to 1.
    near = _NEAR_ENDS * (high - low)
    for digits in range(2, 18):
        ends = [float(f"{end:.{digits}g}") for end in (low, high)]
        if abs(ends[0] - low) <= near and abs(ends[1] - high) <= near:
            break
    return f"{name} {words.number(ends[0], digits)} to {words.number(ends[1], digits)}"


def colour_range(data: Data) -> tuple[float, float]:
    """Return the first objective's values at the dull and at the bright end of the colours.

    The dull end is the worst but a tenth of the rows: a few bad ones shall not use up the scale.
    """
    values = data.eligible[data.first].to_numpy(dtype=float)
    if not len(values):
        return 0.0, 1.0
    if data.objectives[data.first] == "maximize":
        return float(np.quantile(values, 0.1)), float(values.max())
    return float(np.quantile(values, 0.9)), float(values.min())
