"""What ledger and searcher cost a trial, and how that grows with the study.

    python bench_ledger.py [--sizes 100,1000,2000] [--at 40] [--sampler tpe]
                                   [--clock wall|processor] [--out FILE]

A study is filled as a search fills it, by the searcher and with trivial results, and nothing is
trained: what a trial takes here is what it takes in the driver of a real search. At each size the
next `--at` trials are timed, split into choosing a candidate (the sampler), starting its row
(the rest of `suggest`) and writing its result.
"""

from __future__ import annotations

import argparse
import datetime
import platform
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

from optcell_search import SearchSpace
from optcell_search.ledger.opening import make_ledger
from optcell_search.tuning.resolving.resolve import available_cores, resolve
from optcell_search.tuning.search.searcher import LedgerSearch
from optcell_search.tuning.worker.job import Job, Report

# The wall clock also counts whatever else the machine does.
CLOCKS = {"wall": time.perf_counter, "processor": time.process_time}
Clock = Callable[[], float]

EPOCHS = 1
WORKERS = 8
PARTS = ("choose", "start", "write", "all")
TARGET_MS = 50.0


class Search:
    """A search without Ray: hands out rows and answers each with made-up metrics."""

    def __init__(self, folder: Path, trials: int, sampler: str, space: str, clock: Clock) -> None:
        self._clock = clock
        random = np.random.default_rng(0)
        data = folder / "trivial.npz"
        x = random.normal(size=(20, 2, 1)).astype("float32")
        np.savez(data, x=x, y=(x.sum((1, 2)) > 0).astype("int64"))
        request = resolve(
            space,
            str(data),
            num_trials=trials,
            objectives=("accuracy", "parameters"),
            sampler=sampler,
            epochs=EPOCHS,
            workers=WORKERS,
        )
        self.ledger = make_ledger(request, folder)
        self.searcher = LedgerSearch(self.ledger, folder)
        self._random = random
        self._running: list[tuple[str, Job]] = []

    def trial(self) -> dict[str, float]:
        """Finish the oldest running row and start another one; return milliseconds by part."""
        spent = dict.fromkeys(PARTS, 0.0)
        clock = self._clock
        with _timed(SearchSpace, "suggest", spent, clock):
            start = clock()
            while len(self._running) < WORKERS:
                name = f"t{self.ledger.size}"
                config = self.searcher.suggest(name)
                assert isinstance(config, dict), "the study was to be larger than this"
                self._running.append((name, config["job"]))
            spent["start"] = 1000 * (clock() - start) - spent["choose"]
        start = clock()
        self._finish(*self._running.pop(0))
        spent["write"] = 1000 * (clock() - start)
        spent["all"] = sum(spent.values())
        return spent

    def _finish(self, name: str, job: Job) -> None:
        parameters = float(self._random.integers(100, 100_000))
        for epoch in range(1, EPOCHS + 1):
            metrics = {"accuracy": float(self._random.random()), "parameters": parameters}
            report = Report(
                number=job.number, epoch=epoch, metrics={epoch: metrics}, done=epoch == EPOCHS
            )
            result: dict[str, Any] = {"report": report, "worker": "host:1"}
            if report.done:
                self.searcher.on_trial_complete(name, result)
            else:
                self.searcher.on_trial_result(name, result)


def _timed(owner: type, name: str, spent: dict[str, float], clock: Clock) -> Any:
    real: Callable[..., Any] = getattr(owner, name)

    def timed(*arguments: Any) -> Any:
        start = clock()
        result = real(*arguments)
        spent["choose"] += 1000 * (clock() - start)
        return result

    return mock.patch.object(owner, name, timed)


def measure(
    folder: Path, sizes: list[int], at: int, sampler: str, space: str, clock: Clock
) -> Iterator[tuple[int, list[dict[str, float]]]]:
    """Give for each size of the study the costs of the `at` trials that follow."""
    search = Search(folder, max(sizes) + at + WORKERS, sampler, space, clock)
    trials = 0
    for size in sorted(sizes):
        # Filled at random, which takes seconds; the sampler that is timed sees the same study.
        with mock.patch("optcell_search.tuning.search.samplers.make_sampler", _random_sampler):
            while trials < size:
                search.trial()
                trials += 1
        search.trial()
        yield size, [search.trial() for _ in range(at)]
        trials += at + 1
    search.ledger.close()


def _random_sampler(request: Any, number: int) -> Any:
    from optuna.samplers import RandomSampler

    return RandomSampler(seed=number)


def table(rows: list[tuple[int, list[dict[str, float]]]]) -> str:
    """Return the medians as a Markdown table."""
    lines = [
        "| trials in the study | choosing, ms | starting its row, ms | writing its result, ms "
        "| all, ms | 90 % of trials below, ms |",
        "|---|---|---|---|---|---|",
    ]
    for size, costs in rows:
        medians = [statistics.median(cost[part] for cost in costs) for part in PARTS]
        high = statistics.quantiles([cost["all"] for cost in costs], n=10)[-1]
        lines.append(f"| {size:,} | {' | '.join(f'{m:.1f}' for m in (*medians, high))} |")
    return "\n".join(lines)


def main() -> None:
    """Read the command line, measure, print or write the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sizes", default="100,1000,2000")
    parser.add_argument("--at", type=int, default=40, help="trials timed at each size")
    parser.add_argument("--sampler", default="tpe")
    parser.add_argument("--space", default="optimizer_cells")
    parser.add_argument("--out", type=Path, help="a Markdown file to write")
    parser.add_argument("--clock", choices=tuple(CLOCKS), default="wall")
    arguments = parser.parse_args()
    sizes = [int(size) for size in arguments.sizes.split(",")]
    with tempfile.TemporaryDirectory() as folder:
        rows = list(
            measure(
                Path(folder),
                sizes,
                arguments.at,
                arguments.sampler,
                arguments.space,
                CLOCKS[arguments.clock],
            )
        )
    text = (
        "# What ledger and searcher cost a trial\n\n"
        f"`python scripts/benchmarks/searches/bench_ledger.py --sizes {arguments.sizes} "
        f"--at {arguments.at} --sampler {arguments.sampler} --clock {arguments.clock}`, "
        f"{datetime.date.today()}, {platform.machine()}, "
        f"{available_cores()} cores. Medians over {arguments.at} trials; one epoch a trial, "
        f"two objectives, SQLite. Target: at most {TARGET_MS:g} ms at 1,000.\n\n{table(rows)}\n"
    )
    print(text)
    if arguments.out:
        arguments.out.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
