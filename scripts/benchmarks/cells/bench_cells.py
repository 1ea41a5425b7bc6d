"""Time and memory of OptCells, paired with torch's cells and with the loop over time in Python.

    python bench_cells.py                      every rule x cell x shape, one and two layers
    python bench_cells.py --rules adam --cells lstm --shapes 0,1 --repeats 20
    python bench_cells.py --lengths            cost against T, 28 to 16,384, and the plot

Rows measured again replace those of an earlier run, so a slow table can be made in pieces.

All rivals of one line run one after the other inside one repeat, in turning order, so that a
busy machine slows them alike; what is reported is the median of the ratios and their quartiles.
Results go to bench_cells.json, to the table bench_cells.md and to the plot bench_cells_DEVICE.svg
among the results; runs on another device or with another number of threads are kept beside them.
The loop's time over ours stands in the rows of heavy_ball and adam.
"""

from __future__ import annotations

import argparse
import ctypes
import datetime
import json
import os
import platform
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import torch
from bench_files import write
from bench_loops import WrittenOut
from torch import nn

from optcell_search.cells import OptCell

SHAPES = [(28, 128, 28, 128), (100, 32, 28, 128), (784, 128, 1, 128), (784, 128, 1, 256)]
SHAPES += [(100, 32, 64, 256)]
TORCH = {"lstm": nn.LSTM, "gru": nn.GRU, "rnn": nn.RNN}
RULES = ("gd", "heavy_ball", "nesterov", "adam", "rmsprop")
LENGTHS = [28, 112, 448, 1792, 4096, 16384]
HERE = Path(__file__).parents[1] / "results"


def timed(module: nn.Module, x: torch.Tensor, clock: str = "wall") -> tuple[float, float]:
    """Return the seconds of the forward pass, and of forward and backward pass together."""
    wait: Callable[[], None] = torch.cuda.synchronize if x.is_cuda else lambda: None
    for parameter in module.parameters():
        parameter.grad = None
    wait()
    now = time.perf_counter if clock == "wall" else time.process_time
    begin = now()
    output, _ = module(x)
    wait()
    middle = now()
    output.sum().backward()
    wait()
    return middle - begin, now() - begin


def peak_bytes(module: nn.Module, x: torch.Tensor) -> int:
    """Return by how much memory grew, at most, during a forward and backward pass."""
    if x.is_cuda:
        before = torch.cuda.memory_allocated()
        torch.cuda.reset_peak_memory_stats()
        timed(module, x)
        return torch.cuda.max_memory_allocated() - before
    ctypes.CDLL(None).malloc_trim(0)  # or what an earlier run left in the heap would not count
    Path("/proc/self/clear_refs").write_text("5")  # Linux: set the high-water mark to what is used
    before = memory("VmRSS")
    timed(module, x)
    return memory("VmHWM") - before


def memory(field: str) -> int:
    """Return a field of /proc/self/status in bytes."""
    status = Path("/proc/self/status").read_text()
    return next(int(s.split()[1]) for s in status.splitlines() if s.startswith(field)) << 10


def processor() -> str:
    """Return the processor's name and its number of cores."""
    names = (
        s for s in Path("/proc/cpuinfo").read_text().splitlines() if s.startswith("model name")
    )
    name = next(names, platform.machine()).rpartition(":")[2].strip()
    return f"{name}, {os.cpu_count()} cores"


def spread(values: list[float]) -> list[float]:
    """Return lower quartile, median and upper quartile, rounded."""
    low, _, high = quantiles(values, n=4, method="inclusive") if len(values) > 1 else values * 3
    return [round(low, 3), round(median(values), 3), round(high, 3)]


def line(
    shape: tuple[int, int, int, int], name: str, layers: int, args: Any
) -> list[dict[str, Any]]:
    """Measure one cell under all rules on one shape."""
    T, B, D, H = shape
    x = torch.randn(T, B, D, device=args.device)
    rivals: dict[str, nn.Module] = {"torch": TORCH[name](D, H, layers)}
    for rule in args.rules.split(","):
        rivals[rule] = OptCell(D, H, cell=name, rule=rule, num_layers=layers)
    for rule in ("heavy_ball", "adam") if args.loop and args.loop >= T else ():
        if rule in rivals:
            cell = OptCell(D, H, cell=name, rule=rule, num_layers=layers)
            rivals[f"{rule} loop"] = WrittenOut(cell)
    rivals = {rule: module.to(args.device) for rule, module in rivals.items()}
    for module in rivals.values():
        timed(module, x)
    peaks: dict[str, list[int]] = {rule: [] for rule in rivals}
    for _ in range(3):
        for rule, module in rivals.items():
            peaks[rule].append(peak_bytes(module, x))
    peak = {rule: median(values) for rule, values in peaks.items()}
    seconds: dict[str, list[tuple[float, float]]] = {rule: [] for rule in rivals}
    order = list(rivals)
    for _ in range(args.repeats):
        for rule in order:
            seconds[rule].append(timed(rivals[rule], x, args.clock))
        order.append(order.pop(0))
    rows = []
    for rule, module in rivals.items():
        if not isinstance(module, OptCell):
            continue
        row: dict[str, Any] = {"cell": name, "rule": rule, "T": T, "B": B, "D": D, "H": H}
        row |= {"layers": layers, "repeats": args.repeats}
        row["backend"] = str(module.backend)
        pairs = list(zip(seconds[rule], seconds["torch"], strict=True))
        row["milliseconds"] = round(median(own[1] for own, _ in pairs) * 1e3, 2)
        row["torch_milliseconds"] = round(median(other[1] for _, other in pairs) * 1e3, 2)
        row["forward"] = spread([own[0] / other[0] for own, other in pairs])
        row["both"] = spread([own[1] / other[1] for own, other in pairs])
        row["memory"] = round(peak[rule] / max(peak["torch"], 1), 2)
        if f"{rule} loop" in rivals:
            pairs = list(zip(seconds[f"{rule} loop"], seconds[rule], strict=True))
            row["loop"] = spread([other[1] / own[1] for other, own in pairs])
        rows.append(row)
        print(json.dumps(row), flush=True)
    return rows


def lengths(args: Any) -> list[dict[str, Any]]:
    """Measure the cost of one sequence length after the other, B = 8, D = 4, H = 64."""
    rows = []
    for T in LENGTHS:
        x = torch.randn(T, 8, 4, device=args.device)
        rivals = {
            "torch": nn.LSTM(4, 64),
            "heavy_ball": OptCell(4, 64),
            "adam": OptCell(4, 64, rule="adam"),
        }
        seconds: dict[str, list[float]] = {name: [] for name in rivals}
        for turn in range(args.repeats + 1):
            for name, module in rivals.items():
                both = timed(module.to(args.device), x, args.clock)[1]
                if turn:  # the first one warms up
                    seconds[name].append(both)
        rows.append({"T": T, "repeats": args.repeats})
        rows[-1] |= {name: spread([v * 1e3 for v in values]) for name, values in seconds.items()}
        print(json.dumps(rows[-1]), flush=True)
    return rows


def main() -> None:
    """Measure what the arguments ask for and write it down."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument(
        "--clock",
        choices=("wall", "cpu"),
        default="wall",
        help="cpu: processor time, for a machine that others use; with --threads 1",
    )
    parser.add_argument("--repeats", type=int, default=10)
    parser.add_argument("--rules", default=",".join(RULES))
    parser.add_argument("--cells", default=",".join(TORCH))
    parser.add_argument("--shapes", default="0,1,2,3,4", help="which of " + str(SHAPES))
    parser.add_argument("--layers", default="1,2")
    parser.add_argument(
        "--loop", type=int, default=100, help="longest T to run the loop at (0: never)"
    )
    parser.add_argument("--lengths", action="store_true", help="cost against T instead")
    parser.add_argument("--note", default="", help="kept with the results, e.g. what else ran")
    parser.add_argument("--out", type=Path, default=HERE, help="folder of the results")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    on_gpu = args.device.startswith("cuda")
    machine = torch.cuda.get_device_name() if on_gpu else processor()
    head = {"date": f"{datetime.date.today()}", "device": args.device, "machine": machine}
    head |= {
        "threads": args.threads,
        "clock": args.clock,
        "note": args.note,
        "torch": torch.__version__,
    }
    rows = []
    if args.lengths:
        rows = lengths(args)
    else:
        for layers in map(int, args.layers.split(",")):
            for index in map(int, args.shapes.split(",")):
                for name in args.cells.split(","):
                    rows += line(SHAPES[index], name, layers, args)
    write(args.out, head, "lengths" if args.lengths else "cells", rows)


if __name__ == "__main__":
    main()
