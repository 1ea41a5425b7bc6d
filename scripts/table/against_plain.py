"""What rules have over the plain cell: each on each cell, all together, and by μ and s."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import stdtr
from scores import Scores, surroundings

from optcell_search.results.intervals import Interval, Moments, difference
from optcell_search.space import is_plain
from optcell_search.table import Table


@dataclass(frozen=True)
class Comparison:
    """The best candidate of a rule on a cell against the best plain cell, by their test scores.

    Attributes:
        table, cell, rule: what is compared.
        gain: mean of the rule's minus that of the plain cell, with Welch's interval.
        chance: probability of as large a difference where there is none (Welch's test, two-sided);
            1 where no seed differs from another, which tells nothing.
        rivals: among how many the rule's was chosen.
    """

    table: str
    cell: str
    rule: str
    gain: Interval
    chance: float
    rivals: int


def plain_cell(scores: Scores, cell: str) -> int:
    """Return the number of the best plain one of a cell, of whatever width and rate."""
    held = scores.numbers(cell=cell)
    return scores.best([i for i in held if is_plain(scores.table.candidates[i])])


def comparisons(scores: Scores) -> list[Comparison]:
    """Return every rule on every cell of a table of which a candidate is held."""
    table, found = scores.table, []
    for cell in table.space.cells:
        base = Moments.of(scores.test[plain_cell(scores, cell)].tolist())
        for rule in table.space.rules:
            held = scores.numbers(cell=cell, rule=rule)
            rivals = [i for i in held if not is_plain(table.candidates[i])]
            if not rivals:
                continue
            best = Moments.of(scores.test[scores.best(rivals)].tolist())
            gain, chance = difference(best, base), welch(best, base)
            found.append(Comparison(table.name, cell, rule, gain, chance, len(rivals)))
    return found


def welch(a: Moments, b: Moments) -> float:
    """Return the probability of as large a difference of two means where there is none.

    With v = s² / n of each side: Student's, of t = (a - b) / √(v_a + v_b) with as many degrees of
    freedom as `intervals.difference` says, on both sides; 1 where nothing varies.
    """
    v_a, v_b = a.deviation**2 / a.amount, b.deviation**2 / b.amount
    if v_a + v_b == 0:
        return 1.0
    freedom = (v_a + v_b) ** 2 / (v_a**2 / (a.amount - 1) + v_b**2 / (b.amount - 1))
    return float(2 * stdtr(freedom, -abs(a.mean - b.mean) / (v_a + v_b) ** 0.5))


def holm(chances: Sequence[float]) -> list[float]:
    """Return probabilities corrected for their number.

    Sorted, the i-th smallest of m becomes max over j ≤ i of min(1, (m - j + 1) p_j).

    Source: Holm 1979, A Simple Sequentially Rejective Multiple Test Procedure.
    """
    order, worst, corrected = np.argsort(chances), 0.0, [1.0] * len(chances)
    for place, i in enumerate(order):
        worst = max(worst, min(1.0, (len(chances) - place) * chances[i]))
        corrected[i] = worst
    return corrected


def by_cell(scores: Scores) -> str:
    """Return as Markdown what each rule has over the plain cell, on each cell."""
    table = scores.table
    known = {(one.cell, one.rule): one for one in comparisons(scores)}
    lines = [
        "| cell | plain | " + " | ".join(table.space.rules) + " |",
        f"|{'---|' * (len(table.space.rules) + 2)}",
    ]
    for cell in table.space.cells:
        base = Moments.of(scores.test[plain_cell(scores, cell)].tolist())
        entries = [_entry(base, known.get((cell, rule))) for rule in table.space.rules]
        lines.append(f"| {cell} | {base.mean:.3f} ± {base.deviation:.3f} | {' | '.join(entries)} |")
    return "\n".join(lines)


def _entry(base: Moments, one: Comparison | None) -> str:
    if one is None:
        return "none held"
    return f"{base.mean + one.gain.mean:.3f}, {said(one.gain)} ({one.rivals})"


def all_together(found: Iterable[Comparison]) -> str:
    """Return as Markdown what rules have over the plain cell, over all cells and tables."""
    every = list(found)
    corrected = holm([one.chance for one in every])
    lines = ["| rule | comparisons | mean gain | better | worse |", "|---|---|---|---|---|"]
    for rule in dict.fromkeys(one.rule for one in every):
        mine = [one for one in every if one.rule == rule]
        mean = Moments.of([one.gain.mean for one in mine]).interval
        told = [one.gain.mean > 0 for one in mine if one.gain.excludes_zero]
        lines.append(f"| {rule} | {len(mine)} | {said(mean)} | {sum(told)} | {told.count(False)} |")
    least = int(np.argmin(corrected))
    one, sure = every[least], [i for i, p in enumerate(corrected) if p < 0.05]
    better = [every[i] for i in sure if every[i].gain.mean > 0]
    names = ", ".join(f"{one.rule} on {one.cell} ({one.table})" for one in better)
    lines += [
        "",
        f"Corrected for their number, {len(every)} (Holm), "
        + (f"better with 95 % confidence: {names}. " if better else "no rule is better than the "
           "plain cell with 95 % confidence, on any cell or task. ")
        + f"{len(sure) - len(better)} are worse. The least probability that a difference is "
        f"none: {corrected[least]:.2f} ({one.rule} on {one.cell}, {one.table}, "
        f"{said(one.gain).strip('*')}).",
    ]  # fmt: skip
    return "\n".join(lines)


def by_value(scores: Scores) -> str:
    """Return as Markdown what candidates have over plain cells of their kind, by μ, s and others.

    Each is compared with the plain cell of the same cell, width and rate, by mean test scores.
    """
    table, tests = scores.table, scores.test.mean(axis=1)
    plain = {surroundings(one): tests[i] for i, one in enumerate(table.candidates) if is_plain(one)}
    gains: defaultdict[tuple[str, str], defaultdict[Any, list[float]]] = defaultdict(
        lambda: defaultdict(list)
    )
    for i, candidate in enumerate(table.candidates):
        if is_plain(candidate):
            continue
        gain = float(tests[i] - plain[surroundings(candidate)])
        gains[candidate.rule, "all"][""].append(gain)
        for name, value in candidate.rule_options:
            gains[candidate.rule, name][value].append(gain)
    lines = ["| rule | | value: gain (candidates) |", "|---|---|---|"]
    for (rule, name), values in sorted(gains.items(), key=lambda one: _place(table, *one[0])):
        if name != "all" and len(values) == 1:
            continue  # fixed by the space
        entries = [
            f"{_named(value)}{said(Moments.of(each).interval)} ({len(each)})"
            for value, each in sorted(values.items())
        ]
        lines.append(f"| {rule} | {name} | {'; '.join(entries)} |")
    return "\n".join(lines)


def _named(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:g}: "


def _place(table: Table, rule: str, name: str) -> tuple[int, bool, str]:
    return table.space.rules.index(rule), name != "all", name


def said(interval: Interval) -> str:
    """Return an interval in short, **bold** where it leaves 0 out."""
    if interval.low is None or interval.high is None:
        return f"{interval.mean:+.3f}"
    text = f"{interval.mean:+.3f} [{interval.low:+.3f}, {interval.high:+.3f}]"
    return f"**{text}**" if interval.excludes_zero else text
