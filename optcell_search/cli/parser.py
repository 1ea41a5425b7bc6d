"""What can be asked for on the command line, and how it is explained."""

from __future__ import annotations

import argparse

from . import commands, steering
from .complaining import Parser
from .finalize_options import add_finalize
from .search_options import add_extension, add_new_limits, add_search
from .simulating import add_simulate, simulate
from .table_options import WRITTEN

_EXAMPLE = """\
a first search, from nothing to an exported cell:

  optcell-search run smoke --task digits --trials 12 --out runs/first
  optcell-search results runs/first --pareto
  optcell-search finalize runs/first --top 1 --seeds 3
  optcell-search export runs/first --out winner
"""

_TRUST = "Use the database, storage and cluster that the folder names outside of itself."
_FORCE = "Replace the file where it exists."
_JSON = "Print the results as JSON instead of a table."


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of the whole command; ``command`` of its result is what to call."""
    parser = Parser(
        prog="optcell-search",
        description="Search for the update rule, momentum and step size that suit your recurrent "
        "network, on your data.",
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    actions = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    _add_run(actions)
    _add_resume(actions)
    _add_extend(actions)
    _add_enqueue(actions)
    _add_prune(actions)
    _add_status(actions)
    _add_results(actions)
    _add_finalize(actions)
    _add_replay(actions)
    _add_dashboard(actions)
    _add_export(actions)
    _add_predict(actions)
    _add_simulate(actions)
    _add_list(actions)
    return parser


_Actions = argparse._SubParsersAction  # argparse has no public name for it


def _command(
    actions: _Actions[Parser],
    name: str,
    call: commands.Command,
    summary: str,
    *,
    directory: bool = True,
) -> Parser:
    parser = actions.add_parser(name, help=summary, description=summary)
    parser.set_defaults(command=call)
    if directory:
        parser.add_argument("directory", metavar="DIR", help="The folder of the run.")
        parser.add_argument("--trust", action="store_true", help=_TRUST)
    parser.add_argument("--json", action="store_true", help=_JSON)
    return parser


def _add_run(actions: _Actions[Parser]) -> None:
    add_search(_command(actions, "run", commands.run, "Start a search.", directory=False))


def _add_resume(actions: _Actions[Parser]) -> None:
    summary = "Go on with a run that was stopped or died, or let it use more."
    parser = _command(actions, "resume", commands.resume, summary)
    _add_address(parser)
    _add_data_dir(parser)
    add_extension(parser)


def _add_extend(actions: _Actions[Parser]) -> None:
    summary = "Let a search that is at work use more; one that has ended is resumed."
    add_new_limits(_command(actions, "extend", steering.extend, summary))


def _add_enqueue(actions: _Actions[Parser]) -> None:
    summary = "Put the candidate of a trial, with other values, into the queue of a run."
    parser = _command(actions, "enqueue", steering.enqueue, summary)
    parser.add_argument("trial", type=int, metavar="TRIAL", help="The number of the trial.")
    parser.add_argument(
        "changes",
        nargs="+",
        metavar="NAME=VALUE",
        help="A setting with its new value, such as heavy_ball.mu=0.5 or lr=0.01. The search takes "
        "the candidate up as soon as it asks for another, or when it is resumed.",
    )


def _add_prune(actions: _Actions[Parser]) -> None:
    summary = "Have a running trial end, pruned, after its current epoch."
    parser = _command(actions, "prune", steering.prune, summary)
    parser.add_argument("trial", type=int, metavar="TRIAL", help="The number of the trial.")


def _add_address(parser: Parser) -> None:
    parser.add_argument(
        "--address",
        help="The Ray cluster to use, where it is another one than the run began on; `local` "
        "starts one on this machine.",
    )


def _add_data_dir(parser: Parser) -> None:
    parser.add_argument(
        "--data-dir",
        metavar="DIR",
        help="The folder in which the run's data lie now, where that is another one than it began "
        "with.",
    )


def _add_status(actions: _Actions[Parser]) -> None:
    _command(actions, "status", commands.status, "Tell how far a run is, and what failed.")


def _add_results(actions: _Actions[Parser]) -> None:
    parser = _command(actions, "results", commands.results, "List the candidates of a run.")
    parser.add_argument(
        "--pareto", action="store_true", help="Show only the trials that no other one dominates."
    )
    parser.add_argument(
        "--csv",
        metavar="FILE",
        help="Write all columns into this CSV file, or to the standard output where it is -.",
    )
    parser.add_argument("--force", action="store_true", help=_FORCE)


def _add_finalize(actions: _Actions[Parser]) -> None:
    summary = "Train the best candidates again with fresh seeds, then test them."
    parser = _command(actions, "finalize", commands.finalize, summary)
    add_finalize(parser)
    _add_address(parser)
    _add_data_dir(parser)


def _add_replay(actions: _Actions[Parser]) -> None:
    summary = "Train one candidate again, alone, and compare: exit code 1 if its numbers differ."
    parser = _command(actions, "replay", commands.replay, summary)
    parser.add_argument("trial", type=int, metavar="TRIAL", help="The number of the trial.")
    _add_data_dir(parser)


def _add_dashboard(actions: _Actions[Parser]) -> None:
    summary = "Show runs in the browser and follow them, or write them as one HTML file."
    parser = _command(actions, "dashboard", commands.dashboard, summary, directory=False)
    parser.add_argument(
        "directories", nargs="*", metavar="DIR", help="A run folder; several are compared."
    )
    parser.add_argument(
        "--study",
        action="append",
        default=[],
        metavar="URL",
        help="An Optuna study by its URL, where there is no run folder; the option may be "
        "repeated.",
    )
    parser.add_argument(
        "--html", metavar="FILE", help="Write the page into this HTML file and serve nothing."
    )
    parser.add_argument("--force", action="store_true", help=_FORCE)
    add = parser.add_argument_group("serving").add_argument
    add(
        "--host",
        default="127.0.0.1",
        metavar="H",
        help="The address to listen on (default 127.0.0.1, which only this machine reaches).",
    )
    add(
        "--port",
        type=int,
        default=0,
        metavar="P",
        help="The port to listen on (default: any free one).",
    )
    add(
        "--token",
        default="",
        metavar="T",
        help="What the browser has to bring, needed where other machines can reach the "
        "address. It is better kept out of the list of processes, by --token-file or the "
        "variable OPTCELL_TOKEN.",
    )
    add("--token-file", metavar="FILE", help="A file that holds the token in its first line.")
    add(
        "--base-path",
        default="",
        metavar="PATH",
        help="The path under which a reverse proxy shows the page, such as /user/me/proxy/8050/.",
    )
    add(
        "--no-open",
        action="store_false",
        dest="open",
        help="Print the address and open no browser.",
    )


def _add_export(actions: _Actions[Parser]) -> None:
    summary = "Make a trained candidate a package that needs torch alone."
    parser = _command(actions, "export", commands.export, summary)
    parser.add_argument(
        "--trial",
        default="best",
        metavar="N|best|knee",
        help="Which trial is exported: a number, an objective (the best in it), best (the default) "
        "or knee.",
    )
    parser.add_argument(
        "--out", required=True, metavar="DIR", help="The folder of the package; it must not exist."
    )
    add = parser.add_mutually_exclusive_group().add_argument
    add(
        "--seed-of",
        type=int,
        metavar="N",
        help="Export the weights of the N-th seed that finalize trained (default: the best one on "
        "the validation part).",
    )
    together = "Export the average of all seeds, which `finalize --ensemble` must have tested."
    add("--ensemble", action="store_true", help=together)
    _add_data_dir(parser)


def _add_predict(actions: _Actions[Parser]) -> None:
    summary = "Predict a file of raw data with an exported package; this runs the package's code."
    parser = _command(actions, "predict", commands.predict, summary, directory=False)
    parser.add_argument(
        "package", metavar="PACKAGE", help="The folder of a package that `export` has written."
    )
    parser.add_argument(
        "file", metavar="FILE", help="Raw data in the form that the search was given them."
    )
    parser.add_argument(
        "--out",
        required=True,
        metavar="FILE",
        help="The CSV file that the predictions are written to.",
    )
    parser.add_argument(
        "--proba", action="store_true", help="Write probabilities instead of answers."
    )
    for name, what in WRITTEN.items():
        parser.add_argument(
            f"--{name.replace('_', '-')}", metavar="TEXT", help=f"{what[0].upper()}{what[1:]}."
        )
    parser.add_argument(
        "--force", action="store_true", help="Replace the file of --out where it exists."
    )


def _add_simulate(actions: _Actions[Parser]) -> None:
    summary = "Search a table of trained candidates, without training anything."
    add_simulate(_command(actions, "simulate", simulate, summary, directory=False))


def _add_list(actions: _Actions[Parser]) -> None:
    summary = "List what there is to search."
    parser = _command(actions, "list", commands.list_plugins, summary, directory=False)
    parser.add_argument(
        "kind",
        choices=("rules", "cells", "tasks", "penalties", "spaces"),
        help="What is listed.",
    )
