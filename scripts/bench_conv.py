"""How long a training step of each convolutional cell takes, beside its own convolutions alone.

    python scripts/bench_conv.py [--threads N] [--repeats N] [--out FILE]

The floor is the sum of the convolutions that the step itself runs, of the same shapes and with the
same gradients, one after the other and nothing else. Step and floor take turns, so that whatever
else the machine does slows both.
"""

from __future__ import annotations

import argparse
import datetime
import platform
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

import torch
from torch import Tensor
from torch.nn import functional

from optcell_search.cells.conv import OptConvCell

CELLS = ("conv_rnn", "conv_gru", "conv_lstm", "reciprocal_gated")
RULES = ("gd", "heavy_ball", "adam")
TARGET = 1.5
STEPS, BATCH, CHANNELS, SIDE = 8, 32, 32, 16

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


def paired(first: Callable[[], None], second: Callable[[], None], repeats: int) -> Tensor:
    """Return (repeats, 2) seconds of two functions that take turns, after a warm-up of each."""
    rows = []
    for _ in range(repeats + 2):
        row = []
        for function in (first, second):
            start = time.perf_counter()
            function()
            if torch.cuda.is_available():
                torch.cuda.synchronize()
            row.append(time.perf_counter() - start)
        rows.append(row)
    return torch.tensor(rows[2:], dtype=torch.float64)


def speed_table(repeats: int, device: str = "cpu") -> str:
    """Return the measurements as a Markdown table."""
    lines = [
        "| cell | rule | step, ms | its convolutions, ms | ratio | quartiles | at most 1.5 |",
        "|---|---|---|---|---|---|---|",
    ]
    for cell in CELLS:
        for rule in RULES:
            step = training_step(cell, rule, device)
            seconds = paired(step, its_convolutions(step), repeats)
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


def main() -> None:
    """Measure and print, and write where asked."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    where = (
        f"{datetime.date.today()}, {platform.machine()}, {platform.system()}, torch "
        f"{torch.__version__} on {arguments.device}, {arguments.threads} threads; {STEPS} steps, "
        f"batch {BATCH}, {CHANNELS} channels in and out, {SIDE} x {SIDE}, filters 3 x 3, float32; "
        f"seed 0; medians of {arguments.repeats} pairs"
    )
    table = f"## Training step over its own convolutions\n\n{where}\n\n" + speed_table(
        arguments.repeats, arguments.device
    )
    if arguments.out:
        arguments.out.write_text(table + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
