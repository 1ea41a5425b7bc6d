"""Searching a table of trained candidates: the command's options, and the call."""

from __future__ import annotations

import argparse
from typing import Any

from . import tables
from .output import print_json


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
    add(
        "--sampler",
        default="tpe",
        help="What chooses the candidates: tpe (the default), gp, nsga2, random or grid.",
    )
    add(
        "--scheduler",
        default="auto",
        help="What stops candidates that fall behind: asha for one objective, mo-asha for "
        "several, none stops nothing (default: the first of these that can be used).",
    )
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
        objectives=arguments.objectives.split(",") if arguments.objectives else None,
        constraints=arguments.constraints,
        repeats=arguments.repeats,
        plain=arguments.plain,
        out=arguments.out,
    )
    report = str(run.report())
    return _show(run, report, as_json=arguments.json)


def _show(run: Any, report: str, *, as_json: bool) -> int:
    front, standing = run.pareto(), run.status()
    if as_json:
        return print_json({"status": standing, "report": report, "pareto": tables.records(front)})
    width = tables.terminal_width()
    shown = tables.candidates(front, list(run.request.objectives), width)
    print(f"{tables.status(standing, width)}\n\n{shown}\n\nreport: {report}")
    return 0
