"""The compiled recurrences of the orthogonal and the HiPPO cell beside their steps in Python.

    python bench_steps.py [--repeats 7] [--threads 1]

A forward and a backward pass under gd in float32, the kernel, the cell's own steps and torch's
LSTM of the same width one after the other inside one repeat; medians of processor time, and of the
ratios of each repeat with their quartiles. Results go to results/steps.md.
"""

from __future__ import annotations

import argparse
import platform
import sys
from contextlib import nullcontext
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).parents[3]))

import torch
from bench_linear_cells import seconds, spread
from torch import nn

from optcell_search import kernels
from optcell_search.cells import Cell, HiPPO, OptCell, Orthogonal

# T, B, D, H: few and long, digits by pixels, copying, rows and pixels of MNIST.
SHAPES = [
    (251, 8, 1, 34),
    (64, 64, 1, 34),
    (400, 32, 2, 128),
    (28, 128, 28, 128),
    (784, 64, 1, 128),
]
CELLS: dict[str, Cell] = {"orthogonal": Orthogonal(), "hippo": HiPPO()}
HEAD = ["cell", "T, B, D, H", "ms", "of the steps in Python", "steps / ours", "ours / LSTM"]


def rows(shape: tuple[int, int, int, int], repeats: int) -> list[list[str]]:
    """Return a row of the table for each cell."""
    T, B, D, H = shape
    torch.manual_seed(0)
    x = torch.randn(T, B, D)
    lstm = nn.LSTM(D, H)
    found = []
    for name, cell in CELLS.items():
        module = OptCell(D, H, cell=cell, rule="gd")
        ways = {
            "ours": (module, nullcontext),
            "steps": (module, lambda: kernels.backend("reference")),
            "lstm": (lstm, nullcontext),
        }
        times: dict[str, list[float]] = {way: [] for way in ways}
        for repeat in range(repeats + 1):  # the first one warms up
            for way, (rival, context) in ways.items():
                with context():
                    own = seconds(rival, x)[1]
                if repeat:
                    times[way].append(own)

        def ratio(over: str, under: str, times: dict[str, list[float]] = times) -> str:
            return spread([a / b for a, b in zip(times[over], times[under], strict=True)])

        each = [f"{1e3 * median(times[way]):.1f}" for way in ("ours", "steps")]
        size = ", ".join(map(str, shape))
        found.append([name, size, *each, ratio("steps", "ours"), ratio("ours", "lstm")])
        print(*found[-1], sep=" | ", flush=True)
    return found


def main() -> None:
    """Measure, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    table = [row for shape in SHAPES for row in rows(shape, args.repeats)]
    machine = f"{platform.machine()}, torch {torch.__version__}, {args.threads} thread(s)"
    lines = [
        "# Compiled recurrences beside their steps in Python",
        "",
        "Made by `scripts/benchmarks/cells/bench_steps.py`; do not edit. Forward and backward pass",
        "under `gd`, float32; ms are processor time, ratios medians [lower, upper quartile] of",
        f"paired runs, n = {args.repeats}.",
        "",
        f"{machine}, {datetime.now(UTC).date().isoformat()}",
        "",
        "| " + " | ".join(HEAD) + " |",
        "|" + "---|" * len(HEAD),
        *("| " + " | ".join(row) + " |" for row in table),
    ]
    (Path(__file__).parents[1] / "results" / "steps.md").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
