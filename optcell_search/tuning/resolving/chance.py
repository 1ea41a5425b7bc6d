"""Between what bounds a score says no more than chance, as far as that is known."""

from __future__ import annotations

import math
from collections.abc import Mapping

from optcell_search.tasks import LoadedTask
from optcell_search.tasks.folds import chance_in

from ...ledger.constraints import Constraint
from ...pareto import Direction
from .reach import ranges

# Of the way from chance to the best there can be.
_SHARE = 0.05


def bounds_of_chance(
    task: LoadedTask, objectives: Mapping[str, Direction], folds: int = 1, seed: int = 0
) -> tuple[str, ...]:
    """Return bounds that a candidate keeps while it has learned nothing: ``accuracy<=0.145``, say.

    They lie a twentieth of the way to the best value there can be on both sides of what answering
    without any input comes to where candidates are judged, for each objective of which both are
    known.

    Args:
        task: what the candidates are judged on.
        objectives: name → direction.
        folds, seed: see `tasks.folds.chance_in`.
    """
    found = []
    known = chance_in(task, folds, seed)
    for name, direction in objectives.items():
        low, high = ranges(task).get(name, (-math.inf, math.inf))
        best = low if direction == "minimize" else high
        chance = known.get(name, math.nan)
        room = _SHARE * abs(best - chance)
        if math.isfinite(room):
            found += [f"{name}>={chance - room:.6g}", f"{name}<={chance + room:.6g}"]
    return tuple(str(Constraint.stored(text)) for text in found)
