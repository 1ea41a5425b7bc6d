"""What was asked for and how to ask for it again, as plain data."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import tomli_w

from optcell_search import results

from ...space.plain import PLAIN_RULE, PLAIN_STEP
from .. import words
from .data import Data

_FACTS = {
    "task": "task", "data_fingerprint": "fingerprint of the data", "sampler": "sampler",
    "scheduler": "scheduler", "num_trials": "trials asked for", "epochs": "epochs",
    "seed": "seed", "repeats": "repeats", "folds": "folds", "deterministic": "deterministic",
    "table": "simulated on table", "created": "asked for",
}  # fmt: skip
# Options of `optcell-search run` that say what is computed; where it runs is another matter.
_OPTIONS = {
    "task": "--task", "epochs": "--epochs", "sampler": "--sampler",
    "scheduler": "--scheduler", "seed": "--seed", "repeats": "--repeats", "folds": "--folds",
}  # fmt: skip
# Those of `optcell-search simulate`.
_SIMULATED = {
    "sampler": "--sampler", "scheduler": "--scheduler", "seed": "--seed", "repeats": "--repeats",
    "workers": "--workers", "num_trials": "--trials",
}  # fmt: skip
# Options that are left out where there is no such limit, which is stored as 0.
_LIMITS = {
    "num_trials": "--trials", "time_limit": "--time", "trial_time": "--trial-time",
    "patience": "--patience",
}  # fmt: skip


@dataclass(frozen=True)
class Provenance:
    """Where the numbers come from.

    Attributes:
        facts: what was asked, in words, by name.
        space: the search space as a TOML file.
        again: the command that runs the same search, with that file where it trains.
        first: candidates that it is to try first, as a TOML file; empty where the space's plain
            cells are all.
        replay, finalize: commands for this run; empty where it was simulated.
        table: what it was simulated on; empty where it trains.
    """

    facts: dict[str, str]
    space: str
    again: str
    replay: str
    finalize: str
    table: str = ""
    first: str = ""


def provenance(data: Data, where: str) -> Provenance:
    """Return where the numbers come from.

    Args:
        data: the run.
        where: how the run is named on a command line.
    """
    # A run from before there were folds has none; asked for again it is to have none, too.
    request = {"folds": 1, **data.request}
    known = {name: label for name, label in _FACTS.items() if request.get(name, "") != ""}
    facts = {label: _told(request[name]) for name, label in known.items()}
    facts["objectives"] = words.listed(
        [f"{direction} {name.replace('_', ' ')}" for name, direction in data.objectives.items()]
    )
    if request.get("constraints"):
        facts["constraints"] = words.listed(list(request["constraints"]))
    for group in ("versions", "machine"):
        if request.get(group):
            facts[group] = ", ".join(f"{name} {value}" for name, value in request[group].items())
    space = tomli_w.dumps(dict(request["space"]))
    if not results.is_trained(request):
        again, table = _simulation(request, list(data.objectives)), str(request["table"])
        return Provenance(facts, space, again, replay="", finalize="", table=table)
    run, first = shlex.quote(where or "RUN"), _named(request)
    return Provenance(
        facts=facts,
        space=space,
        again=_command(request, list(data.objectives), named=bool(first)),
        replay=f"optcell-search replay {run} TRIAL",
        finalize=f"optcell-search finalize {run} --top 3 --seeds 5",
        first=tomli_w.dumps({"candidate": first}) if first else "",
    )


def _named(request: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the candidates to try first, as files name them; none where a search adds them itself.

    It adds the plain cells of its space that are not named.
    """
    first, grid = request.get("first", ()), request["sampler"] == "grid"
    # Two that are gd with s = 1 on one cell: one of them was named, with other settings.
    alike = [(one["cell"]["name"], one["model"].get("relative_to")) for one in first]
    if not grid and all(map(_is_plain, first)) and len(set(alike)) == len(alike):
        return []
    # Of those behind them none was trained, and as many are refused.
    return [_one_of(one) for one in first[: request.get("num_trials") or None]]


def _is_plain(one: Mapping[str, Any]) -> bool:
    rule, cell, share = one["rule"], one["cell"], one["training"].get("share", 1)
    inside = (cell.get("inner", PLAIN_RULE), cell.get("s", PLAIN_STEP))
    outside = (rule["name"], rule.get("s"))
    return outside == inside == (PLAIN_RULE, PLAIN_STEP) and share == 1


def _one_of(one: Mapping[str, Any]) -> dict[str, Any]:
    """Return a candidate as a search space of one."""
    found = dict(one)
    for kind in ("cell", "rule"):
        options = dict(one[kind])
        name = options.pop("name")
        found |= {f"{kind}s": [name], kind: {name: options}}
    return found


def _told(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    # A time as ISO 8601 has it, but for its letter.
    return re.sub(r"(?<=\d)T(?=\d\d:)", " ", str(value)).replace("+00:00", " UTC")


def _simulation(request: Mapping[str, Any], objectives: list[str]) -> str:
    words_of = ["optcell-search", "simulate", str(request["table"])]
    for name, option in _SIMULATED.items():
        words_of += [option, str(request[name])]
    words_of += ["--objectives", ",".join(objectives)]
    for constraint in request["constraints"]:
        words_of += ["--constraint", str(constraint)]
    if not request["first"]:
        words_of.append("--no-plain")
    return shlex.join([*words_of, "--out", "again"])


def _command(request: Mapping[str, Any], objectives: list[str], *, named: bool) -> str:
    words_of = ["optcell-search", "run", "space.toml"]
    words_of += ["--try", "first.toml"] if named else []
    for name, option in _OPTIONS.items():
        if name in request:
            words_of += [option, str(request[name])]
    for name, option in _LIMITS.items():
        if request.get(name):
            words_of += [option, str(request[name]).removesuffix(".0")]
    for goal in request.get("until", ()):
        words_of += ["--until", str(goal)]
    words_of += ["--objectives", ",".join(objectives)]
    for constraint in request.get("constraints", ()):
        words_of += ["--constraint", str(constraint)]
    if request.get("warm_start"):
        words_of += ["--warm-start", "mixture"]
    if request.get("deterministic"):
        # What the sampler has seen when it is asked depends on how many are trained at a time.
        words_of += ["--deterministic", "--workers", str(request["workers"])]
        slots = request.get("slots", 1)
        words_of += ["--population", str(slots)] if slots > 1 else []
    if request.get("ensemble"):
        # What else a preset sets is said by options of its own.
        words_of += ["--preset", "best"]
    return shlex.join([*words_of, "--out", "again"])
