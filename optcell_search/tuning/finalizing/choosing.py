"""Which trials `finalize` takes, and in which order it tells of them."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from optcell_search import results
from optcell_search.results import Direction

_TOP = 3
# What being dominated costs a trial, as a share of what lies between best and median.
_BEHIND = 0.25


def choose(table: pd.DataFrame, objectives: dict[str, Direction], top: int) -> list[int]:
    """Return the numbers of the `top` best trials in the first objective, the front preferred.

    With several objectives a trial that another one dominates counts as if it were worse by a
    quarter of what lies between the best trial and the median one. So a trial of the front goes
    before others that are a little better, and never before one that is far better. Ties and
    near-ties are told apart as `results.best` does.
    """
    return [int(number) for number in _by_worth(table, objectives)["number"][:top]]


def _by_worth(table: pd.DataFrame, objectives: dict[str, Direction]) -> pd.DataFrame:
    trials = results.best_first(results.eligible(table, objectives), objectives)
    if len(objectives) < 2 or trials.empty:
        return trials
    first, direction = next(iter(objectives.items()))
    loss = trials[first] if direction == "minimize" else -trials[first]
    behind = ~trials["number"].isin(results.pareto(trials, objectives)["number"])
    loss = loss + _BEHIND * (loss.median() - loss.min()) * behind
    order = loss.sort_values(kind="stable").index
    best = trials.index[:1]
    if not behind[best].any():
        # The first of those that are nearly the same; by the loss alone it need not be.
        order = best.append(order.drop(best))
    ordered: pd.DataFrame = trials.loc[order]
    return ordered


def choose_of_each(
    table: pd.DataFrame, objectives: dict[str, Direction], kinds: Sequence[str]
) -> list[int]:
    """Return the number of the best trial of each rule, of each cell, or both; each number once.

    Args:
        table: as `results.frame` gives it.
        objectives: the objectives and their directions, the most important one first.
        kinds: ``"rule"``, ``"cell"`` or both.
    """
    trials = _by_worth(table, objectives)
    first = pd.concat([trials.drop_duplicates(kind) for kind in kinds])
    return [int(n) for n in trials["number"] if n in set(first["number"])]


def asked_for(
    table: pd.DataFrame,
    objectives: dict[str, Direction],
    *,
    top: int | None,
    trials: Sequence[int],
    kinds: Sequence[str],
) -> list[int]:
    """Return the numbers of the trials that were asked for, one way or another.

    Trials that were not asked for by number are followed by the plain cells to compare with.

    Args:
        table, objectives: as `choose` takes them.
        top: so many of the best; None: 3, unless the others say which.
        trials: these numbers, each once.
        kinds: the best of each of these, see `choose_of_each`.

    Raises:
        ValueError: more than one way is given.
    """
    ways = {"top": top is not None, "trials": len(trials) > 0, "best_of_each": bool(kinds)}
    given = [name for name, is_given in ways.items() if is_given]
    if len(given) > 1:
        raise ValueError(f"{' and '.join(given)}: each says what to take; valid: one of them")
    if ways["trials"]:
        return list(dict.fromkeys(trials))
    if kinds:
        return with_plain(choose_of_each(table, objectives, kinds), table, objectives)
    return with_plain(choose(table, objectives, _TOP if top is None else top), table, objectives)


def with_plain(
    chosen: list[int], table: pd.DataFrame, objectives: dict[str, Direction]
) -> list[int]:
    """Return the numbers of trials, and the plain cells that they are compared with."""
    rows = results.best_first(table, objectives)
    rivals = (results.plain_rival(rows, number) for number in chosen)
    return list(dict.fromkeys([*chosen, *(rival for rival in rivals if rival is not None)]))
