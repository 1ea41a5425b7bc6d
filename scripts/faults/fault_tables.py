"""The tables of `fault_campaign.py`: what became of each run, kept in JSON, written as Markdown."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from optcell_search.tuning.resolving.resolve import this_machine

STORAGES = ("sqlite", "journal", "postgresql")
VICTIMS = ("driver", "worker", "node", "power")
ASKED = 9


@dataclass
class Outcome:
    """What became of one run; every count but `kills`, `resumes` and `failed` should be 0."""

    run: int
    storage: str
    victim: str
    kills: int = 0
    resumes: int = 0
    lost: int = 0
    changed: int = 0
    duplicates: int = 0
    running: int = 0
    missing: int = 0
    failed_resumes: int = 0
    pruned: int = 0
    failed: int = 0
    seconds: float = 0.0
    notes: list[str] = field(default_factory=list)


def before(folder: Path, anew: list[int]) -> tuple[dict[int, Outcome], list[dict[str, Any]]]:
    """Return what an earlier campaign found, without the runs that are to be done anew."""
    content = json.loads((folder / "fault_campaign.json").read_text())
    outcomes = {entry["run"]: Outcome(**entry) for entry in content["outcomes"]}
    replayed = {f"run-{number:02d}" for number in anew}
    return (
        {number: outcome for number, outcome in outcomes.items() if number not in anew},
        [entry for entry in content["replays"] if entry["run"] not in replayed],
    )


def write(
    folder: Path, seed: int, found: dict[int, Outcome], replays: list[dict[str, Any]]
) -> None:
    """Write ``fault_campaign.json`` and the table made of it."""
    outcomes = [found[number] for number in sorted(found)]
    head = {
        "date": datetime.now(UTC).date().isoformat(),
        "machine": this_machine(),
        "seed": seed,
        "runs": len(outcomes),
        "kills": sum(outcome.kills for outcome in outcomes),
    }
    content = {**head, "outcomes": [asdict(o) for o in outcomes], "replays": replays}
    (folder / "fault_campaign.json").write_text(json.dumps(content, indent=1) + "\n")
    text = "\n".join(table(head, outcomes, replays)) + "\n"
    (folder / "fault_campaign.md").write_text(text)


_COUNTS = ("lost", "changed", "duplicates", "running", "missing", "failed_resumes")


def table(
    head: dict[str, Any], outcomes: list[Outcome], replays: list[dict[str, Any]]
) -> list[str]:
    """Return the lines of the Markdown file."""
    out = ["# Faults", "", "Made by `scripts/faults/fault_campaign.py`; do not edit.", ""]
    out += [f"{head['date']}, seed {head['seed']}, {head['machine']['system']}, "]
    out[-1] += f"{head['machine']['cores']} cores, a Ray cluster of three nodes on it. "
    out[-1] += f"{head['runs']} searches of {ASKED} trials, {head['kills']} kills."
    out += ["", "| killed | ledger | runs | kills | resumes | completed lost | epochs changed |"]
    out[-1] += " trained twice | left RUNNING | missing | failed resumes | worker died |"
    out += ["|" + "---|" * 12]
    groups = [(v, s) for v in VICTIMS for s in STORAGES]
    for victim, storage in groups:
        mine = [o for o in outcomes if (o.victim, o.storage) == (victim, storage)]
        out.append(_line(victim, storage, mine))
    out += [_line("**all**", "", outcomes), ""]
    worst = max((entry["difference"] for entry in replays), default=0.0)
    out += [f"Replay of {len(replays)} random trials: largest difference of any metric {worst:g}."]
    return out


def _line(victim: str, storage: str, outcomes: list[Outcome]) -> str:
    total = lambda name: sum(getattr(outcome, name) for outcome in outcomes)  # noqa: E731
    cells = [victim, storage, len(outcomes), total("kills"), total("resumes")]
    cells += [total(name) for name in _COUNTS] + [total("failed")]
    return "| " + " | ".join(map(str, cells)) + " |"
