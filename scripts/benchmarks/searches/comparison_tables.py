"""Tables and figures of compare_samplers: what searches had come to, with intervals."""

from __future__ import annotations

import datetime
import json
import platform
import statistics
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from comparison_default import against_random
from comparison_figures import draw_critical_differences, draw_curves
from comparison_judge import Judge, Lines, Step, said, until, workers_of
from comparison_pruning import afresh, what_pruning_changes

from optcell_search.results.intervals import Moments
from optcell_search.table import Table

PLACES = (10, 25, 50, 100)
BASES = {"one": "one: random, none, 8 workers", "two": "two: tpe, none, 8 workers"}
RANKS = """Mean ranks over the seeds that all have, after all of the time (1 is best); ways that a
bar joins are not told apart by Nemenyi's test at 5 %. The seeds, not data sets, are its blocks."""


def write(
    table: Table, chance: float, lines: Iterable[dict[str, Any]], names: Sequence[str], out: Path
) -> None:
    """Write table, raw numbers and figures of searches into a folder.

    Args:
        table: what was searched.
        chance: the accuracy of guessing.
        lines: a search each.
        names: of the settings, in the order in which they are to be shown.
        out: the folder.
    """
    by_setting: defaultdict[str, Lines] = defaultdict(list)
    for line in lines:
        by_setting[line["setting"]].append(line)
    found = {name: sorted(by_setting[name], key=_seed) for name in names if name in by_setting}
    judge, called = Judge(table, chance), called_for(table)
    text = [_head(table, judge, found), _one(judge, found, called), _two(judge, found, called)]
    (out / f"{called}.md").write_text("\n\n".join(text) + "\n", encoding="utf-8")
    raw = json.dumps({"held": len(table.candidates), "searches": found}, separators=(",", ":"))
    (out / f"{called}.json").write_text(raw + "\n", encoding="utf-8")
    for objectives, score, label in (
        ("one", judge.regret, "regret in mean test accuracy"),
        ("two", judge.volume, "hypervolume, share"),
    ):
        chosen = {n: lines for n, lines in found.items() if n.startswith(f"{objectives}:")}
        for axis, what in ((0, "trials"), (1, "seconds")):
            drawn = {n.partition(": ")[2]: lines for n, lines in chosen.items() if _is_drawn(n)}
            draw_curves(drawn, score, label, axis, out / f"{called}_{objectives}_{what}.svg")
        budget = half_time(chosen[BASES[objectives]])
        ends = {
            name.partition(": ")[2]: {
                line["seed"]: score(until(line, 1, budget * 8 / workers_of(name))) for line in lines
            }
            for name, lines in chosen.items()
            if " trials" not in name
        }
        ranks = out / f"{called}_{objectives}_ranks.svg"
        draw_critical_differences(ends, objectives == "two", ranks)


def called_for(table: Table) -> str:
    """Return how the files about a table's searches begin."""
    return "compare_samplers" + ("" if table.name == "digits" else f"_{table.name}")


def _is_drawn(name: str) -> bool:
    return " 8 workers" in name and "," not in name.partition(" workers")[2]


def _seed(line: dict[str, Any]) -> int:
    return int(line["seed"])


def _head(table: Table, judge: Judge, found: dict[str, Lines]) -> str:
    trials = found[next(iter(found))][0]["trials"]
    return f"""# Samplers and pruning, simulated on table {table.name}

{datetime.datetime.now(datetime.UTC).date()}, {platform.machine()}, by
`python scripts/benchmarks/searches/compare_samplers.py`. Table `{table.name}`, its first
{len(table.candidates)} of {table.space.size} candidates ×
{len(table.seeds)} seeds ({table.task}, {table.epochs} epochs).
As many searches a setting as the tables say (seeds 0, 1, ...), {trials} trials each; mean with its
95 % interval (Student's, over searches). A search goes by the validation score of one seed and is
judged by mean test scores over {len(table.seeds)}, which it never sees: by those of what
`results.best` would pick, the best by validation and of the same the smallest. The best candidate
has a mean test accuracy of {judge.best:.4f}, the best plain cell {judge.plain:.4f}. Differences are
paired by seed; those whose interval leaves 0 out are **bold**. Nothing is corrected for the number
of comparisons: of twenty differences that are none, one is bold. The searches share one table, so
the intervals say how sure these numbers are of this table, and nothing of another task."""


def _table(
    found: dict[str, Lines],
    score: Callable[[Sequence[Step]], float],
    base: str,
    budget: float,
) -> str:
    columns = [*(f"{p} trials" for p in PLACES), "¼ of the time", "all of the time"]
    lines = [
        f"| search | searches | complete trials | {' | '.join(columns)} "
        f"| {PLACES[-1]} trials, minus `{base}` | all of the time, minus the same |",
        f"|{'---|' * (len(columns) + 5)}",
    ]
    for name, each in found.items():
        time = budget * 8 / workers_of(name)
        cells = [str(len(each)), f"{statistics.fmean(len(line['complete']) for line in each):.0f}"]
        for axis, most in [*((0, float(p)) for p in PLACES), (1, time / 4), (1, time)]:
            cells.append(
                said(Moments.of([score(until(line, axis, most)) for line in each]).interval)
            )
        bases = {line["seed"]: line for line in found[base]}
        pairs = [(line, bases[line["seed"]]) for line in each if line["seed"] in bases]
        for axis, mine, its in ((0, PLACES[-1], PLACES[-1]), (1, time, budget)):
            differences = [
                score(until(line, axis, mine)) - score(until(other, axis, its))
                for line, other in pairs
            ]
            cells.append("" if name == base else said(Moments.of(differences).interval, sign="+"))
        lines.append(f"| {name.partition(': ')[2]} | {' | '.join(cells)} |")
    return "\n".join(lines)


def half_time(lines: Lines) -> float:
    """Return the mean time in which searches that stop nothing complete half of their trials."""
    return statistics.fmean(line["complete"][(len(line["complete"]) - 1) // 2][1] for line in lines)


def _one(judge: Judge, found: dict[str, Lines], called: str) -> str:
    base = BASES["one"]
    chosen = {name: lines for name, lines in found.items() if name.startswith("one:")}
    budget = half_time(chosen[base])
    return f"""## The default against random search, one objective

{against_random(judge, found)}

## Regret, one objective (less is better)

By trials ended, pruned ones included, and by simulated time: all of the time are {budget:.1f} s on
8 workers, in which random search without pruning completes half of its trials; on W workers 8 / W
times as long.

{what_pruning_changes(chosen, judge.regret, "one: tpe, none, 8 workers", "asha")}

{_table(chosen, judge.regret, base, budget)}

![Regret against trials]({called}_one_trials.svg)

![Regret against simulated seconds]({called}_one_seconds.svg)

{RANKS}

![Mean ranks by regret]({called}_one_ranks.svg)"""


def _two(judge: Judge, found: dict[str, Lines], called: str) -> str:
    base = BASES["two"]
    chosen = {name: lines for name, lines in found.items() if name.startswith("two:")}
    budget = half_time(chosen[base])
    table = _table(chosen, judge.volume, base, budget)
    unseen = afresh(chosen, judge.volume, base, "mo-asha", budget)
    compared = "\n\n".join(filter(None, (table, unseen)))
    return f"""## Hypervolume, accuracy and parameters (more is better)

All of the time are {budget:.1f} s on 8 workers, in which TPE without pruning completes half of its
trials; on W workers 8 / W times as long.

{what_pruning_changes(chosen, judge.volume, BASES["two"], "mo-asha")}

{compared}

![Hypervolume against trials]({called}_two_trials.svg)

![Hypervolume against simulated seconds]({called}_two_seconds.svg)

{RANKS}

![Mean ranks by hypervolume]({called}_two_ranks.svg)"""
