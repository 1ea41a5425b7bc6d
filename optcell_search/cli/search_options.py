"""The options of a search: what to search, how far, how and where."""

from __future__ import annotations

import argparse
from collections.abc import Callable

from .complaining import names, number_or_auto


def add_strategy(add: Callable[..., object]) -> None:
    """Add what chooses candidates and what stops them, by a parser's or a group's method."""
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


def add_search(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``run``."""
    parser.add_argument("space", help="A search space: the name of a shipped one, or a TOML file.")
    add = parser.add_argument_group("what to search").add_argument
    add(
        "--task",
        required=True,
        help="What is learned: a task such as digits or mnist:steps=pixels, or a data file.",
    )
    add("--out", required=True, metavar="DIR", help="The folder of the run, new or empty.")
    add(
        "--objectives",
        type=names,
        metavar="A,B",
        help="What the search aims at, the most important first: metrics of the task, "
        "parameters, train_seconds, latency_ms (default: the task's first metric).",
    )
    add(
        "--constraint",
        action="append",
        default=[],
        metavar="BOUND",
        dest="constraints",
        help="What a candidate must keep, such as 'parameters<=50000'; the option may be repeated.",
    )
    add(
        "--data-dir",
        metavar="DIR",
        help="Where the data of the task lie (default: the variable OPTCELL_DATA, then the "
        "folder data).",
    )
    add(
        "--try",
        metavar="FILE",
        dest="first",
        help="A TOML file of candidates that are trained first, as the page copies them; "
        "several stand each under [[candidate]].",
    )
    add(
        "--warm-start",
        metavar="mixture",
        help="Train a mixture of the rules for each cell first, and then what is read off it: the "
        "candidate of each rule, the strongest first, with the values that were learned. How well "
        "they were ranked is told at the end.",
    )
    _add_limits(parser)
    add = parser.add_argument_group("how to search").add_argument
    add_strategy(add)
    add("--seed", type=int, default=0, metavar="S", help="The seed of the whole run (default 0).")
    add(
        "--preset",
        default="good",
        metavar="P",
        help="How thoroughly candidates are judged: quick is one split and a quarter of the "
        "epochs, good (the default) takes folds and epochs by the data's size, best besides 2 "
        "repeats and twice the epochs, and finalize tests ensembles. --folds, --epochs and "
        "--repeats win.",
    )
    add(
        "--repeats",
        type=int,
        metavar="R",
        help="With how many seeds each candidate is trained; objectives are the means over "
        "them (default: the preset's, 1 or 2).",
    )
    add(
        "--folds",
        type=number_or_auto(int),
        metavar="K",
        help="In how many folds of training and validation data each candidate is trained; "
        "objectives are the means over them. 1 is the task's own split, auto means 5 below 1,000 "
        "sequences (fewer where a fold would lack a class to judge by) and else 1 (default: the "
        "preset's).",
    )
    add(
        "--population",
        type=number_or_auto(int),
        default="auto",
        metavar="K",
        help="How many trainings are taken side by side as one network: of a candidate its folds, "
        "repeats and finalized seeds; where it is one training, the candidates that a worker has. "
        "1 takes one after the other, auto (the default) as many trainings of a candidate as pay, "
        "and several candidates where all are small and of one form or two.",
    )
    add(
        "--deterministic",
        action="store_true",
        help="Give the same candidates in the same order for the same seed; workers then wait "
        "for each other after every W candidates (W · K, where a worker has K side by side).",
    )
    add = parser.add_argument_group("where to search").add_argument
    add(
        "--workers",
        type=int,
        metavar="W",
        help="How many candidates are trained at once (default: one a core).",
    )
    add(
        "--threads",
        type=int,
        metavar="T",
        help="How many torch threads each of them has (default: cores / workers).",
    )
    add(
        "--gpus-per-trial",
        type=number_or_auto(float),
        default=0.0,
        metavar="G",
        help="The share of a GPU that each candidate has, or auto for what the largest ones "
        "turn out to need (default 0: train on the CPU).",
    )
    add(
        "--device",
        default="auto",
        help="The device to train on, cpu or cuda (default: cuda where a share of a GPU is given).",
    )
    add(
        "--callback",
        action="append",
        default=[],
        metavar="NAME",
        dest="callbacks",
        help="Log to mlflow, wandb or tensorboard as well; the option may be repeated.",
    )
    add(
        "--address",
        help="The address of a Ray cluster, or auto (default: a Ray of our own on this machine).",
    )
    add(
        "--study",
        metavar="URL",
        help="The Optuna URL of the ledger, or journal:///path (default: SQLite in the run "
        "folder).",
    )
    add(
        "--storage",
        metavar="PATH|URI",
        help="Where checkpoints are kept, a path or s3://… that every worker reaches (default: "
        "the run folder).",
    )
    add(
        "--checkpoint-gib",
        type=float,
        default=2.0,
        metavar="G",
        help="How much room all checkpoints may take, in GiB (default 2).",
    )


def _add_limits(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("how far; at least one of --trials and --time").add_argument
    add("--trials", type=int, metavar="N", help="How many candidates are tried.")
    add(
        "--time",
        metavar="D",
        help="How long the search may take, such as 30m, 1h30m or 90s; what is in training "
        "then ends after its current epoch.",
    )
    add(
        "--epochs",
        type=number_or_auto(int),
        metavar="E",
        help="How many epochs a candidate is trained for, or auto: many for small data, ten for "
        "large (default: auto, or what the preset makes of it).",
    )
    add(
        "--until",
        action="append",
        default=[],
        metavar="BOUND",
        help="End with a trial that keeps this condition, such as 'accuracy>=0.99'; of several "
        "conditions, with one that keeps all.",
    )
    add(
        "--patience",
        type=int,
        default=0,
        metavar="N",
        help="End after N trials without a better front.",
    )
    add(
        "--trial-time", metavar="D", help="A candidate that has trained for longer than this fails."
    )


def add_new_limits(parser: argparse.ArgumentParser) -> argparse._ArgumentGroup:
    """Add the options by which a run's limits are changed; return their group."""
    group = parser.add_argument_group("new limits, in all: what was used counts")
    group.add_argument("--trials", type=int, metavar="N", help="How many candidates are tried.")
    group.add_argument(
        "--time",
        metavar="D",
        help="How long the search may take in all, such as 30m, 1h30m or 90s.",
    )
    group.add_argument(
        "--patience",
        type=int,
        metavar="N",
        help="End after N trials without a better front; 0 never ends for that.",
    )
    return group


def add_extension(parser: argparse.ArgumentParser) -> None:
    """Add the options by which ``resume`` changes a run's limits."""
    add = add_new_limits(parser).add_argument
    add(
        "--until",
        action="append",
        metavar="BOUND",
        help="End with a trial that keeps this condition, such as 'accuracy>=0.99'; '' takes "
        "all conditions away.",
    )
    add(
        "--skip",
        type=int,
        action="append",
        default=[],
        metavar="N",
        help="Give up the trial of this number, which has no result yet: it fails; the option "
        "may be repeated.",
    )
