"""What tables say of rules, cells, seeds and early epochs, without any search.

python scripts/table/findings.py [TABLE ...] [--out FILE]

By default of all shipped tables.
"""

from __future__ import annotations

import argparse
import datetime
from collections.abc import Sequence
from pathlib import Path

from against_plain import all_together, by_cell, by_value, comparisons
from rankings import early_epochs, seeds
from scores import Scores

from optcell_search.table import Table


def report(every: Sequence[Scores]) -> str:
    """Return everything as Markdown."""
    return f"""# What the tables of trained candidates say

{datetime.datetime.now(datetime.UTC).date()}, by `python scripts/table/findings.py`:

{chr(10).join(_line(scores.table) for scores in every)}

Gains are differences of test accuracy from the plain cell (gd, s = 1), with their 95 % intervals;
**bold**: the interval leaves 0 out. Nothing is corrected for the number of comparisons but where
that is said. Where accuracies on validation are the same, the lower validation loss is the better:
of few sequences many are. Loss is not the measure itself, for that of a network which is surer than
it should be rises while its answers stay right, and because searches go by accuracy.

## Does any rule beat the plain cell?

Over all tables and cells: how many comparisons of the best candidate of a rule with the best plain
cell there are (those of the sections below), their mean gain with Student's interval over them, and
how many of them are better or worse by themselves.

{all_together(one for scores in every for one in comparisons(scores))}

{chr(10).join(map(_section, every))}"""


def _line(table: Table) -> str:
    return (
        f"- `{table.name}`: {len(table.candidates)} of {table.space.size} candidates × "
        f"{len(table.seeds)} seeds on `{table.task}`, {table.epochs} epochs"
    )


def _section(scores: Scores) -> str:
    table = scores.table
    count = len(table.seeds)
    return f"""## Table `{table.name}`

### Which rule on which cell

Mean test accuracy of the plain cell (the best of its widths and rates by mean validation accuracy)
± standard deviation over {count} seeds, and of the best candidate of each rule by mean validation
accuracy, with its gain (Welch's interval, {count} seeds against {count}); in brackets, how many
candidates it was chosen from. The best of many is compared with the best of few, which flatters
rules of which more candidates are held.

{by_cell(scores)}

### How flat the optimum is

The gain of each candidate on the plain cell of the same cell, width and rate, by test accuracy
averaged over the seeds: the mean over all candidates of a rule, and over those with one value of μ,
s, and what else it has, with Student's interval over candidates.

{by_value(scores)}

### How early epochs rank final scores

Kendall's τ-b between validation accuracy after an epoch and its mean over the seeds after the last
one, of which each seed is a part; how many pairs of candidates have the same accuracy; and τ where
the loss decides between those, after the epoch and at the end.

{early_epochs(scores)}

### How much seeds move the ranking

{seeds(scores)}
"""


def main() -> None:
    """Read the command line; print or write the report."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("tables", nargs="*", default=Table.names(), metavar="TABLE")
    parser.add_argument("--out", type=Path, help="a Markdown file to write")
    arguments = parser.parse_args()
    text = report([Scores(Table.load(name)) for name in arguments.tables])
    print(text)
    if arguments.out:
        arguments.out.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
