"""What a training step of the mixture of rules costs, as a multiple of a heavy ball's.

    python scripts/benchmarks/cells/bench_mixture.py [--rounds 30] [--threads 1,2]

lstm of 64 units, 28 features, B = 32, T = 28, float32, a read-out of 10 classes: forward, backward,
clipping and a step of Adam on noise; the rules take turns. Intervals are 95 % of bootstrapped
medians of the ratios of rounds. Writes ``results/mixture.json`` and ``results/mixture.md``.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.stats import bootstrap

from optcell_search.cells import SequenceModel

RESULTS = Path(__file__).parents[1] / "results" / "mixture"
B, T, F, H, CLASSES = 32, 28, 28, 64, 10
STEPS = 10
BASE = ("heavy_ball", False)
MEASURED = (BASE, ("heavy_ball", True), ("adam", False), ("mixture", False), ("mixture", True))


def training_step(rule: str, learn: bool) -> Callable[[], None]:
    """Return what trains a model for one step."""
    torch.manual_seed(0)
    model = SequenceModel(F, CLASSES, H, cell="lstm", rule=rule, learn_rule=learn)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, fused=True)
    x, y = torch.randn(B, T, F), torch.randint(CLASSES, (B,))

    def step() -> None:
        loss = torch.nn.functional.cross_entropy(model(x), y)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()

    return step


def measure(rounds: int) -> list[dict[str, Any]]:
    """Return a row a rule: milliseconds of a step, and the ratio to a heavy ball's."""
    steps = {key: training_step(*key) for key in MEASURED}
    times = np.empty((rounds, len(steps)))
    for index in range(-2, rounds):
        for place, step in enumerate(steps.values()):
            start = time.perf_counter()
            for _ in range(STEPS):
                step()
            if index >= 0:
                times[index, place] = (time.perf_counter() - start) / STEPS * 1e3
    rows = []
    for place, (rule, learn) in enumerate(MEASURED):
        ratios = times[:, place] / times[:, MEASURED.index(BASE)]
        row = {"rule": rule, "learned": learn, "ms": float(np.median(times[:, place]))}
        row |= {"ratio": float(np.median(ratios)), "low": 1.0, "high": 1.0}
        if (rule, learn) != BASE:
            found = bootstrap((ratios,), np.median, method="percentile", rng=0)
            row |= {"low": found.confidence_interval.low, "high": found.confidence_interval.high}
        rows.append(row)
    return rows


def main() -> None:
    """Measure with each number of threads, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--threads", default="1,2")
    args = parser.parse_args()
    load, rows = os.getloadavg()[0], []
    for threads in map(int, args.threads.split(",")):
        torch.set_num_threads(threads)
        rows += [{"threads": threads, **row} for row in measure(args.rounds)]
    where = (
        f"{datetime.date.today()}, {platform.machine()}, {os.cpu_count()} cores, torch "
        f"{torch.__version__}, load {load:.1f} at the start, {args.rounds} rounds of {STEPS} steps"
    )
    RESULTS.with_suffix(".json").write_text(json.dumps({"where": where, "rows": rows}, indent=1))
    lines = [
        "# What the mixture of rules costs\n",
        f"{where}. lstm of {H} units, B = {B}, T = {T}, {F} features: forward, backward, clipping,",
        "a step of Adam. Ratio: to heavy ball, not learned, with 95 % of the bootstrapped median.",
        "Target: 2.0 or less. Written by `scripts/benchmarks/cells/bench_mixture.py`.\n",
        "| threads | rule | learned | ms a step | ratio |\n|---|---|---|---|---|",
    ]
    for row in rows:
        ratio = f"{row['ratio']:.2f} ({row['low']:.2f} to {row['high']:.2f})"
        learned = "yes" if row["learned"] else "no"
        lines.append(
            f"| {row['threads']} | {row['rule']} | {learned} | {row['ms']:.2f} | {ratio} |"
        )
    RESULTS.with_suffix(".md").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
