"""What it costs the driver to judge a trial at a rung, by how many have been there.

    python scripts/benchmarks/searches/bench_judging.py [--trials 10000]

Random scores come to one rung, as they would in a search, with one, two and three objectives, of
which the third is the number of parameters; and with one objective where nine in ten have learned
nothing. Processor time of the last thousand and of all, and the memory that Python holds for the
rung, at half of the trials and at all. Written to ``results/judging.md``.
"""

from __future__ import annotations

import argparse
import datetime
import platform
import time
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from optcell_search.tuning.search.halving import Halving, Point

RESULTS = Path(__file__).parents[1] / "results"
LAST = 1000
# What is judged: its name, which objectives training changes, the share that is at chance.
CASES: tuple[tuple[str, tuple[bool, ...], float], ...] = (
    ("one objective", (True,), 0.0),
    ("one objective, 9 in 10 at chance", (True,), 0.9),
    ("two objectives", (True, True), 0.0),
    ("three objectives", (True, True, False), 0.0),
)


def points(objectives: int, at_chance: float, count: int) -> Iterator[Point]:
    """Give random points, the same for each call."""
    draw = np.random.default_rng(0)
    for _ in range(count):
        losses = tuple(draw.random(objectives).tolist())
        cost = float(draw.integers(1000))
        yield Point(losses, (), bool(draw.random() < at_chance), cost, float(draw.random()))


def judged(learned: tuple[bool, ...], at_chance: float, count: int) -> list[float]:
    """Return the seconds of processor that each trial took."""
    rungs, seconds = Halving(learned, 9), []
    for trial, point in enumerate(points(len(learned), at_chance, count)):
        start = time.process_time()
        rungs.goes_on(trial, 1, point)
        seconds.append(time.process_time() - start)
    return seconds


def held(learned: tuple[bool, ...], at_chance: float, count: int) -> float:
    """Return the bytes that so many trials at a rung hold."""
    tracemalloc.start()
    rungs = Halving(learned, 9)
    for trial, point in enumerate(points(len(learned), at_chance, count)):
        rungs.goes_on(trial, 1, point)
    size = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    return float(size)


def main() -> None:
    """Measure and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=10_000)
    count = parser.parse_args().trials
    lines = [
        "# Judging at a rung",
        "",
        f"Processor time of a trial at a rung that {count:,} come to, and the memory of half of",
        "them and of all. Written by `scripts/benchmarks/searches/bench_judging.py`;",
        f"{platform.machine()}, {datetime.date.today()}.",
        "",
        f"| | mean, ms | of the last {LAST:,}, ms | longest, ms | MiB |",
        "|---|---|---|---|---|",
    ]
    for name, learned, at_chance in CASES:
        taken = [1e3 * each for each in judged(learned, at_chance, count)]
        sizes = [held(learned, at_chance, part) / 2**20 for part in (count // 2, count)]
        times = (np.mean(taken), np.mean(taken[-LAST:]), np.max(taken))
        cells = [f"{each:.2f}" for each in times]
        lines.append(f"| {name} | {' | '.join(cells)} | {sizes[0]:.1f}, {sizes[1]:.1f} |")
        print(lines[-1], flush=True)
    (RESULTS / "judging.md").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
