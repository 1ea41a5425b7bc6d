"""What is asked of a search that runs, or that will go on."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from .output import print_json


def enqueue(arguments: argparse.Namespace) -> int:
    """Put another candidate into the queue."""
    pairs = [_pair(text) for text in arguments.changes]
    changes = dict(pairs)
    for name in changes:
        if sum(other == name for other, _ in pairs) > 1:
            raise ValueError(f"{name}: given more than once; valid: one value")
    number = _steer(arguments).enqueue(arguments.trial, changes)
    if arguments.json:
        return print_json({"trial": number})
    print(
        f"trial {number} waits: the search takes it up as soon as it asks for another, or "
        f"`optcell-search resume {arguments.directory}` does"
    )
    return 0


def _pair(text: str) -> tuple[str, str]:
    name, _, value = text.partition("=")
    if not (name and value):
        raise ValueError(f"{text}: valid: NAME=VALUE, such as heavy_ball.mu=0.5")
    return name, value


def prune(arguments: argparse.Namespace) -> int:
    """Have a running trial end early."""
    _steer(arguments).prune(arguments.trial)
    if arguments.json:
        return print_json({"trial": arguments.trial})
    print(f"trial {arguments.trial} ends, pruned, after its current epoch")
    return 0


def extend(arguments: argparse.Namespace) -> int:
    """Let a search at work use more."""
    limits = {"time": arguments.time, "patience": arguments.patience}
    _steer(arguments).extend(arguments.trials, **limits)
    if arguments.json:
        return print_json({"extended": arguments.directory})
    print("the search goes by the new limits within seconds")
    return 0


def _steer(arguments: argparse.Namespace) -> Any:
    """Open a run folder to ask something of its search, without what could train anything."""
    from optcell_search.tuning.run_steering import RunSteering

    return RunSteering.open(Path(arguments.directory), trust=arguments.trust)
