"""Searching a table of trained candidates: the command's options, and the call."""

from __future__ import annotations

import argparse

from .complaining import names
from .ending import show_end
from .search_options import add_strategy


def add_simulate(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``simulate``."""
    parser.add_argument(
        "table", metavar="TABLE", help="A table: the name of a shipped one, or a Parquet file."
    )
    add = parser.add_argument
    add("--out", required=True, metavar="DIR", help="The folder of the run, new or empty.")
    add("--trials", type=int, default=100, metavar="N", help="How many candidates are tried.")
    add(
        "--workers",
        type=int,
        default=1,
        metavar="W",
        help="How many candidates are in training at once (default 1).",
    )
    add(
        "--objectives",
        type=names,
        metavar="A,B",
        help="What the search aims at, the most important first (default: the first metric of the "
        "table's task).",
    )
    add(
        "--constraint",
        action="append",
        default=[],
        metavar="BOUND",
        dest="constraints",
        help="What a candidate must keep, such as 'parameters<=2000'; the option may be repeated.",
    )
    add_strategy(add)
    add("--seed", type=int, default=0, metavar="S", help="The seed of the search (default 0).")
    add(
        "--repeats",
        type=int,
        default=1,
        metavar="R",
        help="With how many of the table's seeds each candidate is trained (default 1).",
    )
    add(
        "--no-plain",
        action="store_false",
        dest="plain",
        help="Do not begin with the plain cells, as a search does.",
    )


def simulate(arguments: argparse.Namespace) -> int:
    """Search a table without training anything."""
    from optcell_search.table import Table

    run = Table.load(arguments.table).simulate(
        arguments.sampler,
        arguments.scheduler,
        arguments.workers,
        arguments.trials,
        arguments.seed,
        objectives=arguments.objectives,
        constraints=arguments.constraints,
        repeats=arguments.repeats,
        plain=arguments.plain,
        out=arguments.out,
    )
    run.try_report()
    return show_end(run, as_json=arguments.json)
