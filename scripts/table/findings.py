"""What a table says of rules, cells, seeds and early epochs, without any search.

python scripts/table/findings.py TABLE [--out FILE]
"""

from __future__ import annotations

import argparse
import datetime
import itertools
import statistics
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import kendalltau

from optcell_search.results.intervals import Interval, Moments, difference
from optcell_search.space import Candidate, is_plain
from optcell_search.table import Table

METRIC = "accuracy"
FAILED = 0.0


def validation(table: Table, candidate: Candidate, seed: int, epoch: int) -> float:
    """Return a validation score; that of a training which diverged before is the worst."""
    row = table.rows.index[candidate.key, seed]
    return (
        table.query(candidate, epoch, seed)[METRIC] if epoch <= table.rows.epochs(row) else FAILED
    )


def final(table: Table, candidate: Candidate) -> float:
    """Return the mean validation score after the last epoch."""
    each = (validation(table, candidate, seed, table.epochs) for seed in table.seeds)
    return statistics.fmean(each)


def tests(table: Table, candidate: Candidate) -> list[float]:
    """Return the test scores, seed by seed."""
    return [float(np.nan_to_num(table.test(candidate, seed)[METRIC])) for seed in table.seeds]


def rules_on_cells(table: Table) -> str:
    """Return for each cell and rule the best by validation: its test score, and the difference."""
    lines = [
        "| cell | plain | " + " | ".join(table.space.rules) + " |",
        f"|{'---|' * (len(table.space.rules) + 2)}",
    ]
    for cell in table.space.cells:
        held = [candidate for candidate in table.candidates if candidate.cell == cell]
        plain = max((c for c in held if is_plain(c)), key=lambda one: final(table, one))
        base = Moments.of(tests(table, plain))
        entries = []
        for rule in table.space.rules:
            rivals = [one for one in held if one.rule == rule and not is_plain(one)]
            if not rivals:
                entries.append("none held")
                continue
            best = Moments.of(tests(table, max(rivals, key=lambda one: final(table, one))))
            entries.append(f"{best.mean:.3f}, {_said(difference(best, base))} ({len(rivals)})")
        lines.append(f"| {cell} | {base.mean:.3f} ± {base.deviation:.3f} | {' | '.join(entries)} |")
    return "\n".join(lines)


def _said(interval: Interval) -> str:
    if interval.low is None or interval.high is None:
        return f"{interval.mean:+.3f}"
    text = f"{interval.mean:+.3f} [{interval.low:+.3f}, {interval.high:+.3f}]"
    return f"**{text}**" if interval.excludes_zero else text


def early_epochs(table: Table) -> str:
    """Return how well the order after an epoch, of one seed, is that of the final means."""
    means = [final(table, candidate) for candidate in table.candidates]
    lines = ["| epoch | τ, one seed | τ, mean of the seeds |", "|---|---|---|"]
    for epoch in sorted({1, 2, 3, 6, 9, 18, table.epochs}):
        each = [
            [validation(table, candidate, seed, epoch) for candidate in table.candidates]
            for seed in table.seeds
        ]
        single = statistics.fmean(kendalltau(one, means).statistic for one in each)
        together = kendalltau(np.mean(each, axis=0), means).statistic
        lines.append(f"| {epoch} | {single:.2f} | {together:.2f} |")
    return "\n".join(lines)


def seeds(table: Table) -> str:
    """Return in words how much seeds move scores and their order."""
    scores = np.array(
        [
            [validation(table, c, seed, table.epochs) for seed in table.seeds]
            for c in table.candidates
        ]
    )
    within = float(np.sqrt(np.mean(np.var(scores, axis=1, ddof=1))))
    between = float(np.std(scores.mean(axis=1), ddof=1))
    top = np.argsort(-scores.mean(axis=1))[: len(scores) // 10]
    tau, among = agreement(scores), agreement(scores[top])
    return (
        f"The same candidate with another seed moves by {within:.4f} (standard deviation of "
        f"validation accuracy after the last epoch); candidates differ by {between:.4f}. The "
        f"orders that two seeds give agree with τ = {tau:.2f} over all {len(scores)} candidates, "
        "and with "
        f"τ = {among:.2f} among the best tenth of them ({len(top)})."
    )


def agreement(scores: np.ndarray[Any, np.dtype[np.float64]]) -> float:
    """Return the mean of Kendall's τ over pairs of columns."""
    pairs = itertools.combinations(range(scores.shape[1]), 2)
    return statistics.fmean(kendalltau(scores[:, a], scores[:, b]).statistic for a, b in pairs)


def report(table: Table) -> str:
    """Return everything as Markdown."""
    count = len(table.seeds)
    return f"""# What the table of trained candidates says

{datetime.datetime.now(datetime.UTC).date()}, by `python scripts/table/findings.py`, of table
`{table.name}`: {len(table.candidates)} of {table.space.size} candidates × {count} seeds on
`{table.task}`, {table.epochs} epochs.

## Which rule on which cell

Mean test accuracy of the plain cell (gd, s = 1; the best of its widths and rates by mean validation
accuracy) ± standard deviation over {count} seeds, and of the best candidate of each rule by mean
validation accuracy, with its difference from the plain cell and the 95 % interval of that (Welch,
{count} seeds against {count}); in brackets, how many candidates it was chosen from. **Bold**: the
interval leaves 0 out. The best of many is compared with the best of few, which flatters rules of
which more candidates are held; nothing is corrected for the number of comparisons.

{rules_on_cells(table)}

## How early epochs rank final scores

Kendall's τ between validation accuracy after an epoch and its mean over seeds after the last one.

{early_epochs(table)}

## How much seeds move the ranking

{seeds(table)}
"""


def main() -> None:
    """Read the command line; print or write the report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("table")
    parser.add_argument("--out", type=Path, help="a Markdown file to write")
    arguments = parser.parse_args()
    text = report(Table.load(arguments.table))
    print(text)
    if arguments.out:
        arguments.out.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
