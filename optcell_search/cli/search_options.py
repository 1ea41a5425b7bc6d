"""The options of a search: what to search, how far, how and where."""

from __future__ import annotations

import argparse
from collections.abc import Callable


def _number_or_auto(convert: Callable[[str], float]) -> Callable[[str], float | str]:
    def read(text: str) -> float | str:
        return text if text == "auto" else convert(text)

    # What argparse calls a value that cannot be read.
    read.__name__ = convert.__name__
    return read


def add_search(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``run``."""
    parser.add_argument("space", help="a search space: a shipped name, or a TOML file")
    add = parser.add_argument_group("what to search").add_argument
    add("--task", required=True, help="such as digits, mnist:steps=pixels, or a data file")
    add("--out", required=True, metavar="DIR", help="folder for the run; new, or empty")
    add(
        "--objectives",
        metavar="A,B",
        help="what to aim at, the most important first: metrics of "
        "the task, parameters, train_seconds, latency_ms; default: the task's first metric",
    )
    add(
        "--constraint",
        action="append",
        default=[],
        metavar="BOUND",
        dest="constraints",
        help="such as 'parameters<=50000'; may be given several times",
    )
    add("--data-dir", metavar="DIR", help="where the task's data lies; default: OPTCELL_DATA, data")
    add(
        "--try",
        metavar="FILE",
        dest="first",
        help="TOML file with candidates to train first, as the page copies them; several each "
        "under [[candidate]]",
    )
    _add_limits(parser)
    add = parser.add_argument_group("how to search").add_argument
    add("--sampler", default="tpe", help="tpe (default), nsga2, random or grid")
    add(
        "--scheduler",
        default="auto",
        help="asha (one objective) and mo-asha (several) stop candidates that fall behind, none "
        "stops nothing; default: the first of these that can be used",
    )
    add("--seed", type=int, default=0, metavar="S", help="of the whole run; default 0")
    add(
        "--preset",
        default="good",
        metavar="P",
        help="quick: one split, a quarter of the epochs; good (default): folds and epochs by the "
        "data's size; best: 2 repeats and twice the epochs besides, and finalize tests ensembles; "
        "--folds, --epochs and --repeats win over it",
    )
    add(
        "--repeats",
        type=int,
        metavar="R",
        help="seeds each candidate is trained with; objectives are their means; default: the "
        "preset's, 1 or 2",
    )
    add(
        "--folds",
        type=_number_or_auto(int),
        metavar="K",
        help="train each candidate in K folds of training and validation data, objectives are "
        "their means; 1: on the task's own split; auto: 5 below 1,000 sequences, else 1; default: "
        "the preset's",
    )
    add(
        "--deterministic",
        action="store_true",
        help="same seed, same candidates in the same "
        "order; workers then wait for each other after every W candidates",
    )
    add = parser.add_argument_group("where to search").add_argument
    add("--workers", type=int, metavar="W", help="candidates at once; default: one a core")
    add("--threads", type=int, metavar="T", help="torch threads of each; default: cores / workers")
    add(
        "--gpus-per-trial",
        type=_number_or_auto(float),
        default=0.0,
        metavar="G",
        help="share of a GPU for each candidate, or auto: what the largest ones turn out to need; "
        "default 0: train on the CPU",
    )
    add("--device", default="auto", help="cpu or cuda; default: cuda for a share of a GPU")
    add(
        "--callback",
        action="append",
        default=[],
        metavar="NAME",
        dest="callbacks",
        help="also log to mlflow, wandb or tensorboard; may be given several times",
    )
    add("--address", help="of a Ray cluster, or auto; default: one of our own on this machine")
    add(
        "--study",
        metavar="URL",
        help="Optuna URL of the ledger, or journal:///path; default: SQLite in the run folder",
    )
    add(
        "--storage",
        metavar="PATH|URI",
        help="where checkpoints go, reached by every worker: a path or s3://…; default: DIR",
    )
    add(
        "--checkpoint-gib",
        type=float,
        default=2.0,
        metavar="G",
        help="room for all checkpoints, in GiB; default 2",
    )


def _add_limits(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("how far; at least one of --trials and --time").add_argument
    add("--trials", type=int, metavar="N", help="how many candidates to try")
    add(
        "--time",
        metavar="D",
        help="of searching, such as 30m, 1h30m or 90s; then what is in training ends after its "
        "current epoch",
    )
    add(
        "--epochs",
        type=_number_or_auto(int),
        metavar="E",
        help="budget of a candidate, or auto: many for small data, ten for large; default: auto, "
        "or as the preset says",
    )
    add(
        "--until",
        action="append",
        default=[],
        metavar="BOUND",
        help="end with a trial that keeps it, such as 'accuracy>=0.99'; of several, with one that "
        "keeps all",
    )
    add("--patience", type=int, default=0, metavar="N", help="end after N without a better front")
    add("--trial-time", metavar="D", help="a candidate that has trained for longer fails")


def add_extension(parser: argparse.ArgumentParser) -> None:
    """Add the options by which ``resume`` changes a run's limits."""
    add = parser.add_argument_group("new limits, in all: what was used counts").add_argument
    add("--trials", type=int, metavar="N", help="how many candidates to try")
    add("--time", metavar="D", help="of searching, such as 30m, 1h30m or 90s")
    add("--patience", type=int, metavar="N", help="end after N without a better front; 0: never")
    add(
        "--until",
        action="append",
        metavar="BOUND",
        help="end with a trial that keeps it, such as 'accuracy>=0.99'; '' for none",
    )
    add(
        "--skip",
        type=int,
        action="append",
        default=[],
        metavar="N",
        help="give up this trial, which has no result yet: it fails; repeatable",
    )
