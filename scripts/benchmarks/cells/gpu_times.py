"""What cells cost on a GPU: many at once, against torch's, and the linear ones against an LSTM."""

from __future__ import annotations

import math
from argparse import Namespace
from functools import partial
from typing import Any

import bench_cells
import torch
from bench_files import write
from gpu_exactness import LINEAR
from gpu_session import TOY, Session, precision, seconds
from torch import Tensor
from torch.func import functional_call, grad, stack_module_state, vmap

from optcell_search.cells import OptCell

# T, B, D, H.
CANDIDATES = (784, 128, 1, 128)
# Timed against torch's LSTM of the same width.
LONG = [(784, 128, 1, 128), (16_384, 4, 8, 64)]


def candidates(session: Session) -> None:
    """Time K stacked cells under `torch.func.vmap` against one."""
    for rule in ("adam", "heavy_ball"):
        run = partial(together_over_one, session.args, rule)
        session.measure(f"candidates {rule}", run, "candidates")


def together_over_one(args: Namespace, rule: str) -> dict[str, Any]:
    """Return the ratio of K cells at once to one, and the error of the first."""
    T, B, D, H = TOY[0] if args.rehearse else CANDIDATES
    K = 2 if args.rehearse else 16
    x = torch.randn(T, B, D, device=args.device)
    modules = [OptCell(D, H, rule=rule, device=args.device) for _ in range(K)]
    parameters, buffers = stack_module_state(modules)  # type: ignore[arg-type]
    one = modules[0]

    def loss(p: Any, b: Any) -> Tensor:
        return functional_call(one, (p, b), (x,))[0].square().sum()

    def together() -> Any:
        return vmap(grad(loss))(parameters, buffers)

    def single() -> tuple[Tensor, ...]:
        return torch.autograd.grad(one(x)[0].square().sum(), list(one.parameters()))

    with precision("float32"):
        mapped, alone = together(), single()
        ratios = []
        for _ in range(args.repeats):
            many = seconds(together, args.device)
            ratios.append(many / seconds(single, args.device))
    errors = [
        ((mapped[key][0] - g).abs().max() / g.abs().max()).item()
        for (key, _), g in zip(one.named_parameters(), alone, strict=True)
    ]
    row = {"rule": rule, "K": K, "T": T, "B": B, "D": D, "H": H, "repeats": args.repeats}
    error = max(errors, key=lambda error: error if math.isfinite(error) else math.inf)
    row |= {"ratio": bench_cells.spread(ratios), "error": error}
    print(row, flush=True)
    return row


def times(session: Session, layers: int) -> None:
    """Time all rules and cells against torch's and the per-step loop, as bench_cells.py does."""
    args, head = session.args, session.found["head"]
    options = Namespace(**vars(args), clock="wall", loop=784 if layers == 1 else 0)

    def run(shape: tuple[int, int, int, int], cell: str) -> None:
        with precision("float32"):
            rows = bench_cells.line(shape, cell, layers, options)
        write(args.out, head, "cells", rows)

    # The longest sequences first: the targets are stated for them.
    for shape in sorted(TOY if args.rehearse else bench_cells.SHAPES, key=lambda shape: -shape[0]):
        for cell in ("lstm", "gru", "rnn"):
            session.measure(
                f"times {cell} {shape} {layers} layers", partial(run, shape, cell), "times"
            )


def linear_times(session: Session) -> None:
    """Time the linear cells and the delta memory against torch's LSTM, forward and backward."""
    for shape in TOY if session.args.rehearse else LONG:
        for cell in LINEAR:
            run = partial(over_lstm, session.args, cell, shape)
            session.measure(f"linear times {cell} {shape}", run, "linear")


def over_lstm(args: Namespace, cell: str, shape: tuple[int, int, int, int]) -> dict[str, Any]:
    """Return the ratios of times, each cell's over the LSTM's of its own repeat."""
    T, B, D, H = shape
    x = torch.randn(T, B, D, device=args.device)
    own = OptCell(D, H, cell=cell, rule="gd", device=args.device)
    lstm = torch.nn.LSTM(D, H, device=args.device)

    def step(module: torch.nn.Module) -> None:
        for parameter in module.parameters():
            parameter.grad = None
        module(x)[0].sum().backward()

    ratios = []
    for repeat in range(args.repeats + 1):
        pair = [seconds(partial(step, module), args.device) for module in (own, lstm)]
        if repeat:  # the first one compiles
            ratios.append(pair[0] / pair[1])
    row: dict[str, Any] = {"cell": cell} | dict(zip("TBDH", shape, strict=True))
    row |= {"backend": str(own.backend), "ratio": bench_cells.spread(ratios)}
    row["repeats"] = args.repeats
    print(row, flush=True)
    return row
