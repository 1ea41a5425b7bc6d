"""Convolutional cells: what a training step costs, and what a search for networks finds.

    python bench_conv.py speed  [--threads N] [--repeats N] [--cpu-time] [--out FILE]
    python bench_conv.py search [--trials N] [--epochs N] [--seeds N] [--out FILE]

`speed` times a step beside its floor: the convolutions that the step itself runs, of the same
shapes and with the same gradients, one after the other and nothing else. Step and floor take
turns, so that whatever else the machine does slows both.

`search` compares, on `stream_digits`, the best network of a search in the space `conv_recurrent`
with the same network without its feedback edges, with a ConvLSTM of equal size under plain gradient
descent and with a feed-forward network of equal size that sees all frames at once; validation and
test accuracy, mean and standard deviation over seeds that the search did not use.
"""

from __future__ import annotations

import argparse
import datetime
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

import torch
from torch import Tensor
from torch.nn import functional

import optcell_search
from optcell_search import tasks
from optcell_search.cells.conv import OptConvCell
from optcell_search.space import Candidate, SearchSpace
from optcell_search.training import (
    Training,
    count_parameters,
    evaluate,
    feedforward_baseline,
    of_size,
)

CELLS = ("conv_rnn", "conv_gru", "conv_lstm", "reciprocal_gated")
RULES = ("gd", "heavy_ball", "adam")
TARGET = 1.5
STEPS, BATCH, CHANNELS, SIDE = 8, 32, 32, 16

Clock = Callable[[], float]
Conv = tuple[Tensor, Tensor, Tensor | None, dict[str, Any]]


def training_step(cell: str, rule: str, device: str = "cpu") -> Callable[[], None]:
    """Return a function that does one step of Adam on a layer of a hierarchy."""
    torch.manual_seed(0)
    layer = OptConvCell(CHANNELS, CHANNELS, cell=cell, rule=rule, device=device)
    optimizer = torch.optim.Adam(layer.parameters())
    # Inside a hierarchy the gradient goes on to the stage below.
    shape = (STEPS, BATCH, CHANNELS, SIDE, SIDE)
    x = torch.randn(shape, device=device, requires_grad=True)
    upstream = torch.randn(shape, device=device)

    def step() -> None:
        optimizer.zero_grad()
        y, _ = layer(x)
        y.backward(upstream)
        optimizer.step()

    return step


def its_convolutions(step: Callable[[], None]) -> Callable[[], None]:
    """Return a function that runs the convolutions of a step, forwards and backwards, alone."""
    calls: list[Conv] = []
    real = functional.conv2d

    def noted(x: Tensor, weight: Tensor, bias: Tensor | None = None, **how: Any) -> Tensor:
        # Which gradients it takes is part of what it costs: the first h is a constant.
        copies = [
            None if part is None else part.detach().clone().requires_grad_(part.requires_grad)
            for part in (x, weight, bias)
        ]
        calls.append((*copies, how))  # type: ignore[arg-type]
        return real(x, weight, bias, **how)

    with mock.patch.object(functional, "conv2d", noted):
        step()
    with torch.no_grad():
        upstream = [torch.randn_like(real(x, w, b, **how)) for x, w, b, how in calls]

    def floor() -> None:
        for (x, weight, bias, how), gradient in zip(calls, upstream, strict=True):
            sources = [p for p in (x, weight, bias) if p is not None and p.requires_grad]
            torch.autograd.grad(real(x, weight, bias, **how), sources, gradient)

    return floor


def paired(
    first: Callable[[], None], second: Callable[[], None], repeats: int, clock: Clock
) -> Tensor:
    """Return (repeats, 2) seconds of two functions that take turns, after a warm-up of each."""
    rows = []
    for _ in range(repeats + 2):
        row = []
        for function in (first, second):
            start = clock()
            function()
            if torch.cuda.is_available():
                torch.cuda.synchronize()
            row.append(clock() - start)
        rows.append(row)
    return torch.tensor(rows[2:], dtype=torch.float64)


def speed_table(repeats: int, device: str = "cpu", clock: Clock = time.perf_counter) -> str:
    """Return the measurements as a Markdown table."""
    lines = [
        "| cell | rule | step, ms | its convolutions, ms | ratio | quartiles | at most 1.5 |",
        "|---|---|---|---|---|---|---|",
    ]
    for cell in CELLS:
        for rule in RULES:
            step = training_step(cell, rule, device)
            seconds = paired(step, its_convolutions(step), repeats, clock)
            ratios = (seconds[:, 0] / seconds[:, 1]).tolist()
            ratio = statistics.median(ratios)
            low, _, high = statistics.quantiles(ratios, n=4)
            step_ms, floor_ms = (1000 * seconds.median(0).values).tolist()
            verdict = "yes" if ratio <= TARGET else "**no**"
            lines.append(
                f"| {cell} | {rule} | {step_ms:.1f} | {floor_ms:.1f} | {ratio:.2f} | "
                f"{low:.2f} to {high:.2f} | {verdict} |"
            )
            print(lines[-1], flush=True)
    return "\n".join(lines)


def searched_space(depth: int, channels: int) -> dict[str, Any]:
    """Return `conv_recurrent` up to a depth and a width: what frames and time allow."""
    space = SearchSpace.load("conv_recurrent").to_dict()
    model = space["model"]
    model["depth"]["high"] = depth
    model["channels"] = {"choices": [c for c in model["channels"]["choices"] if c <= channels]}
    return space


def search_table(
    task: str,
    space: dict[str, Any],
    trials: int,
    epochs: int,
    seeds: int,
    folder: Path,
    data_dir: str | None = None,
) -> str:
    """Search, train the best and its rivals anew, and return their scores as a Markdown table."""
    run = optcell_search.search(space, task, trials, folder, epochs=epochs, data_dir=data_dir)
    number, best = run.candidate()
    loaded = tasks.load(task, data_dir)
    rivals: dict[str, tuple[Candidate, tasks.LoadedTask]] = {
        f"best of {trials} (trial {number})": (best, loaded),
        "the same without feedback": (without_feedback(best), loaded),
        "conv_lstm with gd": (plain_lstm(best, loaded), loaded),
        "feed-forward, all frames at once": feedforward_baseline(best, loaded),
    }
    lines = [
        "| network | cell, rule, depth, edges | parameters | validation | test |",
        "|---|---|---|---|---|",
    ]
    for name, (candidate, seen) in rivals.items():
        validation, test = [], []
        for seed in range(seeds):
            training = Training(candidate, seen, seed=seed)
            for _ in range(epochs):
                metrics = training.epoch()
            validation.append(metrics["accuracy"])
            test.append(evaluate(training.model, seen.unseal(), seen)["accuracy"])
        model = candidate.model.values()
        edges = sum(bool(side) for key, side in model.items() if key.startswith("feedback_"))
        what = f"{candidate.cell}, {candidate.rule}, {model['depth']}, {edges}"
        size = int(metrics["parameters"])
        lines.append(f"| {name} | {what} | {size} | {spread(validation)} | {spread(test)} |")
        print(lines[-1], flush=True)
    return "\n".join(lines)


def without_feedback(candidate: Candidate) -> Candidate:
    """Return the candidate with every edge taken away."""
    data = candidate.to_dict()
    for key in data["model"]:
        if key.startswith("feedback_"):
            data["model"][key] = 0
    return Candidate.from_dict(data)


def plain_lstm(candidate: Candidate, task: tasks.LoadedTask) -> Candidate:
    """Return a ConvLSTM as deep and large as the candidate, no feedback, under plain descent."""
    wanted = count_parameters(candidate.build(task))

    def variant(channels: int) -> Candidate:
        data = without_feedback(candidate).to_dict()
        data["cell"], data["rule"] = {"name": "conv_lstm"}, {"name": "gd", "s": 1.0}
        data["model"]["channels"] = channels
        return Candidate.from_dict(data)

    return of_size(wanted, variant, task)


def spread(values: list[float]) -> str:
    """Return mean and standard deviation."""
    deviation = statistics.stdev(values) if len(values) > 1 else 0.0
    return f"{statistics.fmean(values):.3f} ± {deviation:.3f}"


def main() -> None:
    """Measure and print, and write where asked."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("what", choices=("speed", "search"))
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--cpu-time", action="store_true", help="for a machine that is not idle")
    parser.add_argument("--task", default="stream_digits")
    parser.add_argument("--trials", type=int, default=24)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--depth", type=int, default=6, help="of the searched networks, at most")
    parser.add_argument("--channels", type=int, default=32, help="of their first stage, at most")
    parser.add_argument("--data-dir")
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    where = (
        f"{datetime.date.today()}, {platform.machine()}, {os.cpu_count()} cores, "
        f"torch {torch.__version__}"
    )
    if given.what == "speed":
        torch.set_num_threads(given.threads)
        clock = time.process_time if given.cpu_time else time.perf_counter
        title = "Training step over its own convolutions"
        where += (
            f" on {given.device}, {given.threads} threads, "
            f"{'processor' if given.cpu_time else 'wall'} time; {STEPS} steps, batch {BATCH}, "
            f"{CHANNELS} channels in and out, {SIDE} x {SIDE}, filters 3 x 3, float32; seed 0; "
            f"medians of {given.repeats} pairs"
        )
        table = speed_table(given.repeats, given.device, clock)
    else:
        title = f"Search on {given.task}"
        where += (
            f"; {given.trials} candidates of 3 to {given.depth} stages and at most "
            f"{given.channels} channels in the first, {given.epochs} epochs, "
            f"seeds 0 to {given.seeds - 1}"
        )
        with tempfile.TemporaryDirectory() as scratch:
            table = search_table(
                given.task,
                searched_space(given.depth, given.channels),
                given.trials,
                given.epochs,
                given.seeds,
                Path(scratch, "run"),
                given.data_dir,
            )
    if given.out:
        given.out.write_text(f"## {title}\n\n{where}\n\n{table}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
