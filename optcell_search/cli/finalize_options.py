"""The options of ``finalize``: which candidates, and how they are trained again."""

from __future__ import annotations

import argparse


def add_finalize(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``finalize``."""
    parser.add_argument(
        "--top",
        type=int,
        metavar="N",
        help="How many candidates are taken, the best first (default 3).",
    )
    for kind in ("rule", "cell"):
        parser.add_argument(
            f"--best-of-each-{kind}",
            action="store_true",
            help=f"Take the best candidate of each {kind} instead; both of these options may be "
            "given.",
        )
    parser.add_argument(
        "--seeds",
        type=int,
        default=5,
        metavar="N",
        help="With how many seeds each is trained (default 5).",
    )
    parser.add_argument(
        "--epochs",
        type=int,
        metavar="E",
        help="How many epochs each is trained for (default: as many as in the search, and those "
        "that its limit in time has cut where the learning rate follows a schedule; with --refit "
        "as many as were best there, in the mean, where it is constant).",
    )
    parser.add_argument(
        "--refit",
        action=argparse.BooleanOptionalAction,
        help="Training and validation data are trained on together (default: where the search had "
        "folds, or would have had them with more time).",
    )
    parser.add_argument(
        "--ensemble",
        action=argparse.BooleanOptionalAction,
        help="The average of each candidate's seeds is tested beside the single ones (default: "
        "with the preset best).",
    )
    parser.add_argument(
        "--trial",
        type=int,
        action="append",
        default=[],
        metavar="N",
        dest="trials",
        help="Take the trial of this number instead of the best ones; the option may be repeated.",
    )
