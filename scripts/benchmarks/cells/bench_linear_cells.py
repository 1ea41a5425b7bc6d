"""Time and memory of the linear cells and the delta memory against torch's LSTM of the same width.

    python bench_linear_cells.py                     every cell at every shape
    python bench_linear_cells.py --cells lru --shapes 0 --repeats 20 --threads 1
    python bench_linear_cells.py --loop              also the loop over time in Python, T = 784

All rivals run one after the other inside one repeat, in turning order, and each is divided by the
LSTM of its own repeat; what is reported is the median of the ratios and their quartiles. Processor
time is measured beside the wall's: a machine that does other work stretches the latter alone.
Results go to results/linear_cells.md and .json.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from statistics import median, quantiles
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[3]))

import torch
from bench_cells import SHAPES, peak_bytes
from torch import nn

from optcell_search import kernels
from optcell_search.cells import LRU, Cell, Delta, MinGRU, MinLSTM, OptCell, Oscillator

LONG = (16_384, 4, 8, 64)
HEADS = [(T, B, D, 64) for T, B, D, _ in SHAPES[:3]]  # four heads of 16
FEW = [(784, B, 1, 128) for B in (1, 8, 32)]  # where a loop in Python waits more than it computes
CELLS: dict[str, Cell] = {
    "lru": LRU(),
    "oscillator": Oscillator(),
    "min_gru": MinGRU(),
    "min_lstm": MinLSTM(),
}
MEMORIES: dict[str, Cell] = {f"delta {inner}": Delta(inner=inner) for inner in ("gd", "adam")}
MEMORIES["delta gate"] = Delta(gate=True)
RESULTS = Path(__file__).parents[1] / "results"


def seconds(module: nn.Module, x: torch.Tensor) -> tuple[float, float]:
    """Return wall and processor time of a forward and a backward pass."""
    for parameter in module.parameters():
        parameter.grad = None
    wall, own = time.perf_counter(), time.process_time()
    module(x)[0].sum().backward()
    return time.perf_counter() - wall, time.process_time() - own


def spread(values: list[float]) -> str:
    """Return the median and the quartiles in words."""
    if len(values) < 3:
        return f"{median(values):.2f}"
    low, _, high = quantiles(values, n=4)
    return f"{median(values):.2f} [{low:.2f}, {high:.2f}]"


def compare(shape: tuple[int, ...], rivals: dict[str, Cell], args: Any) -> list[dict[str, Any]]:
    """Return a row for each rival at one shape."""
    T, B, D, H = shape
    torch.manual_seed(0)
    x = torch.randn(T, B, D)
    modules: dict[str, nn.Module] = {"lstm": nn.LSTM(D, H)}
    modules |= {name: OptCell(D, H, cell=cell, rule="gd") for name, cell in rivals.items()}
    for module in modules.values():
        seconds(module, x)
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in modules}
    for repeat in range(args.repeats):
        order = list(modules)
        turn = repeat % len(order)
        for name in order[turn:] + order[:turn]:
            times[name].append(seconds(modules[name], x))
    memory = {name: peak_bytes(module, x) for name, module in modules.items()}
    loops: dict[str, float] = {}
    if args.loop and T == 784:
        with kernels.backend("reference"):
            loops = {name: seconds(modules[name], x)[1] for name in rivals}
    rows = []
    for name in rivals:
        ratios = [
            [own[i] / base[i] for own, base in zip(times[name], times["lstm"], strict=True)]
            for i in (0, 1)
        ]
        own = median(t[1] for t in times[name])
        rows.append(
            {
                "cell": name,
                "T, B, D, H": ", ".join(map(str, shape)),
                "ms": round(1e3 * own, 1),
                "LSTM's ms": round(1e3 * median(t[1] for t in times["lstm"]), 1),
                "processor time / LSTM": spread(ratios[1]),
                "wall / LSTM": spread(ratios[0]),
                "loop / ours": f"{loops[name] / own:.0f}" if name in loops else "–",
                "memory / LSTM": round(memory[name] / memory["lstm"], 2),
                "n": args.repeats,
            }
        )
    return rows


def main() -> None:
    """Measure what is asked for and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    shapes = [*SHAPES, LONG, *HEADS, *FEW]
    parser.add_argument("--shapes", default=",".join(map(str, range(len(shapes)))))
    parser.add_argument("--cells", default=",".join([*CELLS, "delta"]))
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--loop", action="store_true")
    parser.add_argument("--note", default="nothing else running")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    wanted = args.cells.split(",")
    rows: list[dict[str, Any]] = []
    for index in map(int, args.shapes.split(",")):
        every = MEMORIES if shapes[index] in HEADS else CELLS
        rivals = {name: cell for name, cell in every.items() if name.split()[0] in wanted}
        if rivals:
            rows += compare(shapes[index], rivals, args)
            print(*rows[-len(rivals) :], sep="\n", flush=True)
    head = {
        "machine": platform.processor() or platform.machine(),
        "torch": torch.__version__,
        "threads": args.threads,
        "date": datetime.now(UTC).date().isoformat(),
        "note": args.note,
    }
    columns = list(rows[0])
    lines = [
        "# Cost of the linear cells and the delta memory",
        "",
        "Made by `scripts/benchmarks/cells/bench_linear_cells.py`; do not edit.",
        "Forward and backward pass under `gd`, float32; ms are processor time. Ratios are medians",
        "[lower, upper quartile] of runs paired with torch's LSTM of the same width.",
        "",
        ", ".join(f"{key}: {value}" for key, value in head.items()),
        "",
        "| " + " | ".join(columns) + " |",
        "|" + "---|" * len(columns),
        *("| " + " | ".join(str(row[column]) for column in columns) + " |" for row in rows),
    ]
    name = "linear_cells" if args.threads == 1 else f"linear_cells_{args.threads}_threads"
    (RESULTS / f"{name}.md").write_text("\n".join(lines) + "\n")
    (RESULTS / f"{name}.json").write_text(json.dumps({**head, "rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
