"""How long a rule remembers an input: its impulse response, computed by the rule itself."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from ...hyperparameters import Choice, Integer, Specification, specification
from ...registry import rules as registered
from .data import Data, settings

if TYPE_CHECKING:
    from torch import Tensor

LAGS = 64
# A tail below this share of the largest value is not drawn.
_GONE = 1e-4


def impulse_responses(data: Data, numbers: Iterable[int]) -> dict[int, tuple[float, ...]]:
    """Return u_0, u_1, ... of an input that is 1 at step 0 and 0 after, for each trial's rule.

    The plain cell, u = z, answers 1, 0, 0, ... A tail of values that are as good as 0 is cut off;
    so is what follows a value that is not finite. Left out is a trial whose rule is not installed
    here or not known with these hyperparameters, or raises an error where no training is, and one
    that has trained no epoch: a rule that brings a worker down would bring this process down too.
    """
    table = data.table
    trained = (table["epochs"] > 0) | (table["state"] == "COMPLETE")
    wanted = table[trained & table["number"].isin(list(numbers))]
    by_rule: dict[str, list[Mapping[str, Any]]] = {}
    for row in wanted.to_dict("records"):
        by_rule.setdefault(str(row["rule"]), []).append({str(k): v for k, v in row.items()})
    found: dict[int, tuple[float, ...]] = {}
    for rule, rows in by_rule.items():
        if rule not in registered.names():
            continue
        names = set(specification(registered.get(rule)))
        complete = [row for row in rows if settings(row, rule).keys() == names]
        if complete:
            curves = _filtered(rule, [settings(row, rule) for row in complete])
            found |= {
                int(row["number"]): _shortened(curve)
                for row, curve in zip(complete, curves, strict=True)
                if curve is not None
            }
    return found


def _filtered(rule: str, options: list[dict[str, Any]]) -> list[list[float] | None]:
    """Return the response of one rule under each set of hyperparameters; None: it raised an error.

    The rule may be another package's, and a search that has ended is not to lose its report by it.
    """
    # torch takes its time to load, and only this view needs it.
    import torch

    from ...kernels import backend
    from ...rules import apply_rule

    specs = specification(registered.get(rule))
    impulse = torch.zeros(LAGS, 1, 1, dtype=torch.float64)
    impulse[0] = 1.0

    def respond(own: Mapping[str, Any]) -> list[float] | None:
        values = {
            name: torch.tensor(
                own[name], dtype=torch.int64 if isinstance(spec, Integer) else torch.float64
            )
            for name, spec in specs.items()
            if not isinstance(spec, Choice)
        }
        try:
            found: Tensor = apply_rule(registered.get(rule)(**own), values, impulse)[0][:, 0, 0]
        except Exception as error:
            told = f"rule {rule!r} fails outside of a training, its answer to a one is not drawn"
            warnings.warn(f"{told}: {error}", stacklevel=2)
            return None
        return found.tolist()

    # Before a compiled kernel first runs torch loads its compiler, longer than this takes.
    with torch.no_grad(), backend("reference"):
        each = ({name: _taken(spec, own[name]) for name, spec in specs.items()} for own in options)
        return [respond(own) for own in each]


def _taken(spec: Specification, value: Any) -> Any:
    """Return a value as a rule takes it: in a table of other rules, too, whole ones are no more."""
    if isinstance(spec, Choice):
        return next((option for option in spec.valid_options if option == value), value)
    return int(value) if isinstance(spec, Integer) else float(value)


def _shortened(curve: list[float]) -> tuple[float, ...]:
    finite = next((i for i, value in enumerate(curve) if not math.isfinite(value)), len(curve))
    kept = curve[:finite]
    floor = _GONE * max(map(abs, kept), default=0.0)
    last = max((i for i, value in enumerate(kept) if abs(value) > floor), default=0)
    return tuple(kept[: last + 1])
