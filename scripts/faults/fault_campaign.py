"""Kills what a search consists of, at random times, and counts what the ledger lost by it.

    fault_campaign.py --runs 36 --out scripts/benchmarks/results

Every run is a search on a Ray cluster of three nodes on this machine, its ledger in SQLite, in a
journal file or in PostgreSQL, and is disturbed by kills (SIGKILL) of its driver, of a worker, of a
node, or of all that and the loss of its folder but for a copy made at that moment. A run that ended
without its result is resumed until it has it. At last trials chosen at random are replayed.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import fault_tables
import own_postgres
from fault_tables import ASKED, STORAGES, VICTIMS, Outcome
from faults import Nodes, kill_driver

from optcell_search.results import load
from optcell_search.tuning import Run

EPOCHS, WORKERS = 4, 3
# A kill comes when so many trials have ended as a die says, and up to this much later. The last two
# are left out: with them the search may be over first.
LATEST = ASKED - 2
SPAN = 2.0  # seconds
AGAIN = 0.5  # chance of one more kill
_MOST_RESUMES = 4
_SECONDS_BETWEEN_LOOKS = 0.3
_PROGRAM = "import sys; from optcell_search.cli import main; sys.exit(main())"


def main() -> None:
    """Run the campaign that the command line describes and write its table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=_Layout)
    parser.add_argument("--runs", type=int, default=36)
    parser.add_argument("--only", type=int, nargs="*", help="numbers of runs to do anew")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--replays", type=int, default=10)
    parser.add_argument(
        "--out", type=Path, default=Path(__file__).parents[1] / "benchmarks" / "results"
    )
    arguments = parser.parse_args()
    numbers = arguments.only or list(range(arguments.runs))
    # So that the cluster ends with the script.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    outcomes, replays = fault_tables.before(arguments.out, numbers) if arguments.only else ({}, [])
    with (
        tempfile.TemporaryDirectory() as folder,
        own_postgres.server() as postgres,
        Nodes() as nodes,
    ):
        for number in numbers:
            campaign = Campaign(number, arguments.seed, Path(folder), postgres, nodes)
            outcomes[number] = campaign.outcome()
            print(json.dumps(asdict(outcomes[number])), flush=True)
            fault_tables.write(arguments.out, arguments.seed, outcomes, replays)
        replays += replay(Path(folder), random.Random(arguments.seed), arguments.replays)
    fault_tables.write(arguments.out, arguments.seed, outcomes, replays)


class _Layout(argparse.RawDescriptionHelpFormatter):
    """Keeps the lines of the description."""


class Campaign:
    """One run and its kills."""

    def __init__(self, number: int, seed: int, root: Path, postgres: str, nodes: Nodes) -> None:
        self._chance = random.Random(f"{seed}:{number}")
        storage, victim = STORAGES[number % 3], VICTIMS[number // 3 % 4]
        self._result = Outcome(number, storage, victim)
        self._folder = root / f"run-{number:02d}"
        self._journal = root / f"journal-{number:02d}.log"
        self._study = {
            "sqlite": "",
            "journal": f"journal://{self._journal}",
            "postgresql": postgres,
        }[storage]
        self._nodes = nodes
        self._known: dict[int, dict[str, Any]] = {}

    def outcome(self) -> Outcome:
        """Search, kill, resume; count."""
        start = time.monotonic()
        code = self._go(self._command())
        while code != 0 and self._result.resumes < _MOST_RESUMES:
            self._result.resumes += 1
            self._nodes.complete()
            left = _MOST_RESUMES - self._result.resumes
            disturb = left > 0 and self._chance.random() < AGAIN
            code = self._go(["resume", str(self._folder)], disturb=disturb)
        if code != 0:
            self._result.failed_resumes += 1
        self._count()
        self._nodes.complete()
        self._result.seconds = round(time.monotonic() - start, 1)
        return self._result

    def _command(self) -> list[str]:
        study = ["--study", self._study] if self._study else []
        return [
            "run", "smoke", "--task", "digits", "--trials", str(ASKED), "--epochs", str(EPOCHS),
            "--workers", str(WORKERS), "--threads", "1", "--out", str(self._folder),
            "--seed", str(self._result.run), "--address", self._nodes.address, *study,
        ]  # fmt: skip

    def _go(self, command: list[str], *, disturb: bool = True) -> int:
        """Run a command to its end, natural or not; return its exit code, -9 for a killed one."""
        process = subprocess.Popen(
            [sys.executable, "-c", _PROGRAM, *command],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        while disturb:
            self._wait_for_moment(process)
            try:
                process.wait(self._chance.uniform(0.0, SPAN))
            except subprocess.TimeoutExpired:
                self._kill(process)
            disturb = process.poll() is None and self._chance.random() < AGAIN
        _, errors = process.communicate()
        if process.returncode > 0:
            self._result.notes.append(errors.strip().splitlines()[-1])
        return process.returncode

    def _wait_for_moment(self, process: subprocess.Popen[str]) -> None:
        """Wait until a random one of the trials that are left has ended.

        Before there is a ledger nothing can be lost from it: that moment does not come up.
        """
        while process.poll() is None and not self._begun:
            time.sleep(_SECONDS_BETWEEN_LOOKS)
        if not self._begun:
            return
        moment = self._chance.randint(min(self._ended(), LATEST), LATEST)
        while process.poll() is None and self._ended() < moment:
            time.sleep(_SECONDS_BETWEEN_LOOKS)

    @property
    def _begun(self) -> bool:
        """Whether the run's folder, and with it the ledger, is there."""
        return (self._folder / "run.toml").is_file()

    def _ended(self) -> int:
        status = Run.open(self._folder).status()
        return sum(int(status[state]) for state in ("complete", "pruned", "fail"))

    def _kill(self, process: subprocess.Popen[str]) -> None:
        if self._result.victim == "driver":
            kill_driver(process)
        elif self._result.victim == "node":
            self._nodes.kill_node(self._chance)
            self._nodes.complete()
        elif self._result.victim == "power":
            self._power_cut(process)
        else:
            while process.poll() is None and not self._nodes.kill_worker(self._chance):
                time.sleep(0.1)
        self._result.kills += 1
        self._remember()

    def _power_cut(self, process: subprocess.Popen[str]) -> None:
        """Kill everything; what the disk held at one moment is all there is afterwards."""
        copy = self._folder.with_suffix(".copy")
        # A disk does not change while it has no power.
        with self._nodes.stopped([process.pid]):
            shutil.copytree(self._folder, copy)
        process.wait()
        self._nodes.kill_node(self._chance)
        self._nodes.wait_until_idle()
        shutil.rmtree(self._folder)
        copy.rename(self._folder)

    def _remember(self) -> None:
        """Note what the ledger holds now: none of it may be lost or changed later on."""
        self._known = {row["number"]: row for row in rows(self._folder)}

    def _count(self) -> None:
        result = self._result
        if not self._begun:
            result.missing = ASKED
            return
        after = rows(self._folder)
        by_number = {row["number"]: row for row in after}
        for number, before in self._known.items():
            now = by_number.get(number)
            if before["state"] == "COMPLETE" and (now is None or now["state"] != "COMPLETE"):
                result.lost += 1
            elif now is None or not before["epochs"].items() <= now["epochs"].items():
                result.changed += 1
        own = [r for r in after if r["state"] == "COMPLETE" and not r["copied"]]
        result.duplicates = len(own) - len({(row["key"], row["seed"]) for row in own})
        result.running = sum(row["state"] in ("RUNNING", "WAITING") for row in after)
        result.missing = ASKED - len(after)
        result.pruned = sum(row["state"] == "PRUNED" for row in after)
        result.failed = sum(row["state"] == "FAIL" for row in after)
        result.notes += [str(row["reason"]) for row in after if row["state"] == "FAIL"]


def rows(folder: Path) -> list[dict[str, Any]]:
    """Return what the ledger of a run folder holds, as plain data."""
    return [
        {
            "number": trial.number,
            "state": trial.state.name,
            "key": trial.user_attrs["key"],
            "seed": trial.user_attrs["seed"],
            "copied": "duplicate_of" in trial.user_attrs,
            "reason": trial.user_attrs.get("reason", ""),
            "epochs": {k: v for k, v in trial.user_attrs.items() if k.startswith("epoch:")},
        }
        for trial in load(folder).get_trials(deepcopy=False)
    ]


def replay(root: Path, chance: random.Random, count: int) -> list[dict[str, Any]]:
    """Train completed trials of all runs again, alone; return how far they are off."""
    complete = [
        (folder, row["number"])
        for folder in sorted(root.glob("run-??"))
        for row in rows(folder)
        if row["state"] == "COMPLETE"
    ]
    chosen = chance.sample(complete, min(count, len(complete)))
    return [
        {
            "run": folder.name,
            "trial": number,
            "difference": max(Run.open(folder).replay(number).differences.values()),
        }
        for folder, number in chosen
    ]


if __name__ == "__main__":
    main()
