"""Compares what chooses and what stops candidates, by many searches simulated on a table.

    python compare_samplers.py search RUNS --table NAME|FILE [--seeds 30] [--trials 100]
                                             [--held N] [--only PATTERN]
    python compare_samplers.py write RUNS --table NAME|FILE --out FOLDER

`search` appends a line a search to RUNS and goes on with what is there, or, where RUNS is new, with
what FOLDER holds of the table; `write` makes compare_samplers.md, .json and figures of it, with the
table's name in theirs unless it is digits. The searches are those of `Table.simulate`, in memory.

A search goes by what it sees: validation scores of one seed a candidate. It is judged by what it
does not see: the test scores of what it would pick, as means over the seeds of the table.

- Regret (one objective): highest mean test accuracy of any candidate of the table, minus that of
  the candidate with the best validation score so far. That highest one is the best of many noisy
  means, so even a perfect search keeps some regret.
- Hypervolume (accuracy and parameters): of the search's own front, by mean test accuracy and the
  logarithm of the parameters, from chance and the largest network, as a share of a perfect one's.
"""

from __future__ import annotations

import argparse
import itertools
import json
import re
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import optuna
from comparison_tables import called_for, write
from optuna.samplers import BaseSampler, TPESampler
from optuna.trial import TrialState

from optcell_search import tasks
from optcell_search.ledger.request import Request
from optcell_search.table import Table
from optcell_search.table.simulate import Asked, request_of
from optcell_search.table.simulation import simulated
from optcell_search.tuning.search.samplers import make_sampler

OBJECTIVES = {"one": ("accuracy",), "two": ("accuracy", "parameters")}


@dataclass(frozen=True)
class Setting:
    """A way to search.

    Attributes:
        objectives: "one" or "two".
        sampler: what chooses; "tpe grouped" is Optuna's TPE with multivariate and group.
        scheduler: what stops.
        workers: candidates in training at once.
        plain: whether the plain cells come first.
        trials: how many, where it is not as many as in all the others.
    """

    objectives: str
    sampler: str
    scheduler: str
    workers: int
    plain: bool = True
    trials: int | None = None

    @property
    def name(self) -> str:
        """What it is called in RUNS."""
        more = "" if self.plain else ", no plain start"
        more += f", {self.trials} trials" if self.trials else ""
        return f"{self.objectives}: {self.sampler}, {self.scheduler}, {self.workers} workers{more}"


SETTINGS = [
    *(
        Setting("one", sampler, scheduler, 8)
        for scheduler in ("none", "asha")
        for sampler in ("random", "tpe", "tpe grouped", "nsga2")
    ),
    Setting("one", "grid", "none", 8),
    *(
        Setting("one", sampler, "asha", workers)
        for workers in (1, 64)
        for sampler in ("random", "tpe")
    ),
    *(Setting("one", sampler, "asha", 8, plain=False) for sampler in ("random", "tpe")),
    *(Setting("one", *how, 8, trials=200) for how in (("random", "none"), ("tpe", "asha"))),
    *(
        Setting("two", sampler, scheduler, 8)
        for scheduler in ("none", "mo-asha")
        for sampler in ("random", "tpe", "nsga2")
    ),
    *(
        Setting("two", "tpe", scheduler, workers)
        for workers in (1, 64)
        for scheduler in ("none", "mo-asha")
    ),
    *(Setting("two", "tpe", scheduler, 8, plain=False) for scheduler in ("none", "mo-asha")),
    # The dearest last: its suggestions take most of a second each.
    *(Setting("one", "gp", scheduler, 8) for scheduler in ("none", "asha")),
]


def sampler_of(request: Request, setting: Setting, number: int, attempt: int) -> BaseSampler:
    """Return what chooses a trial: as a search makes it, but for grouped TPE."""
    made = make_sampler(request, number, attempt)
    if setting.sampler != "tpe grouped":
        return made
    assert isinstance(made, TPESampler)
    return TPESampler(
        seed=int(made._rng.rng.randint(2**31)),
        n_startup_trials=made._n_startup_trials,
        multivariate=True,
        group=True,
    )


def search(table: Table, setting: Setting, seed: int, trials: int) -> dict[str, Any]:
    """Return what a search came to, as plain data.

    ``ended`` are the seconds at which each trial ended, pruned and failed ones too; ``complete``
    are the complete ones in that order: place, seconds, key, values.
    """
    request = request_of(
        table,
        Asked(
            sampler=setting.sampler.partition(" ")[0],
            scheduler=setting.scheduler,
            workers=setting.workers,
            trials=trials,
            seed=seed,
            objectives=OBJECTIVES[setting.objectives],
            plain=setting.plain,
        ),
    )
    folder = Path(tempfile.gettempdir()) / request.run_id
    making = lambda one, number, attempt: sampler_of(one, setting, number, attempt)  # noqa: E731
    with simulated(table, request, folder, making) as ledger:
        found = ledger.trials()
    begins = min(trial.datetime_start for trial in found if trial.datetime_start)
    ended = sorted(
        ((trial.datetime_complete - begins).total_seconds(), trial.number, trial)
        for trial in found
        if trial.datetime_complete
    )
    steps = [
        [place, round(seconds, 4), trial.user_attrs["key"], *trial.values]
        for place, (seconds, _, trial) in enumerate(ended, 1)
        if trial.state == TrialState.COMPLETE
    ]
    return {
        "setting": setting.name,
        "seed": seed,
        "trials": len(found),
        "ended": [round(seconds, 4) for seconds, _, _ in ended],
        "complete": steps,
    }


def read(runs: Path) -> list[dict[str, Any]]:
    """Return the searches that RUNS holds, each once."""
    lines = map(json.loads, runs.read_text(encoding="utf-8").splitlines())
    return list({(line["setting"], line["seed"]): line for line in lines}.values())


def begin(runs: Path, stored: Path, held: int) -> None:
    """Make RUNS, of the searches that were stored before of a table that holds as many."""
    known = json.loads(stored.read_text(encoding="utf-8")) if stored.is_file() else {"held": 0}
    searches = known["searches"] if known["held"] == held else {}
    lines = (line for each in searches.values() for line in each)
    runs.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")


def missing(
    runs: Path, seeds: int, settings: Sequence[Setting], held: int
) -> Iterator[tuple[Setting, int]]:
    """Give the searches that RUNS lacks, seed by seed, so that all settings have alike many.

    Those of more trials than the table has candidates would be others once more, and are left out.
    """
    known = {(line["setting"], line["seed"]) for line in read(runs)}
    for seed, setting in itertools.product(range(seeds), settings):
        if (setting.name, seed) not in known and (setting.trials or 0) <= held:
            yield setting, seed


def main() -> None:
    """Read the command line and do what it asks for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=("search", "write"))
    parser.add_argument("runs", type=Path, metavar="RUNS")
    parser.add_argument("--table", default="digits")
    parser.add_argument("--seeds", type=int, default=30)
    parser.add_argument("--only", help="settings whose names match this regular expression")
    parser.add_argument("--trials", type=int, default=100)
    parser.add_argument("--held", type=int, help="take the first candidates of the table alone")
    parser.add_argument("--out", type=Path, default=Path("scripts/benchmarks/results"))
    arguments = parser.parse_args()
    table = Table.load(arguments.table)
    table = table.first(arguments.held or len(table.candidates))
    if not arguments.runs.exists():
        begin(arguments.runs, arguments.out / f"{called_for(table)}.json", len(table.candidates))
    if arguments.what == "write":
        # Of so many classes one is guessed.
        chance = 1 / tasks.load(table.task).output_size
        names = [setting.name for setting in SETTINGS]
        write(table, chance, read(arguments.runs), names, arguments.out)
        return
    warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
    wanted = [one for one in SETTINGS if re.search(arguments.only or "", one.name)]
    held = len(table.candidates)
    for setting, seed in missing(arguments.runs, arguments.seeds, wanted, held):
        line = search(table, setting, seed, setting.trials or arguments.trials)
        with arguments.runs.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(line) + "\n")


if __name__ == "__main__":
    main()
