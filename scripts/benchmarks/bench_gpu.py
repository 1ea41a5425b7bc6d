"""Check and time every cell on one GPU, in one call of less than ten minutes.

    python bench_gpu.py                exactness, K candidates at once, times and memory
    python bench_gpu.py --rehearse     the same on the CPU at toy sizes, Triton interpreted

Exactness and candidates go to bench_gpu.json and bench_gpu.md in the folder of the results, times
and memory beside those of the CPU in bench_cells.json and bench_cells.md, each as soon as it is
there. What comes first matters most: measurements that would start after `--minutes` are left out
and named at the end, and so is what fails, with the reason; then the exit code is 1. Nothing but
torch, Triton and this repository is needed.
"""

from __future__ import annotations

import argparse
import contextlib
import copy
import datetime
import importlib
import json
import math
import os
import sys
import time
from argparse import Namespace
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

# The repository itself, installed or not: installing it brings what a GPU machine may lack.
sys.path.insert(0, str(Path(__file__).parents[2]))

import bench_cells
import torch
from bench_files import write
from torch import Tensor
from torch.func import functional_call, grad, stack_module_state, vmap

from optcell_search import kernels
from optcell_search.cells import Delta, OptCell

# T, B, D, H. Exactness: T is no multiple of a tile, B none of a program's sequences.
EXACT = [(70, 18, 5, 128), (33, 3, 4, 40), (1, 1, 1, 7)]
CANDIDATES = (784, 128, 1, 128)
TOY = [(3, 2, 2, 4)]
# Timed against torch's LSTM of the same width.
LINEAR = ("lru", "oscillator", "min_gru", "min_lstm", "delta")
LONG = [(784, 128, 1, 128), (16_384, 4, 8, 64)]
PRECISIONS = {"float32": torch.float32, "tf32": torch.float32, "bfloat16": torch.bfloat16}


@contextlib.contextmanager
def precision(name: str) -> Iterator[None]:
    """Allow TF32, in torch's kernels and in ours, for ``"tf32"`` alone."""
    before = torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = name == "tf32"
    try:
        yield
    finally:
        torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32 = before


def leaves(value: Any) -> list[Tensor]:
    """Return the floating-point tensors in nested tuples, in order."""
    if isinstance(value, Tensor):
        return [value] if value.is_floating_point() else []
    return [leaf for part in value for leaf in leaves(part)]


def everything(module: OptCell, x: Tensor) -> dict[str, Tensor]:
    """Return output, final state and every gradient of a module, by name."""
    x = x.detach().requires_grad_()
    output, state = module(x)
    found = {"output": output}
    found |= {f"state {i}": leaf for i, leaf in enumerate(leaves(state))}
    wave = torch.arange(output.numel(), device=x.device, dtype=torch.float64).cos()
    # The same numbers in every precision, or each would have another loss.
    loss = (output * wave.bfloat16().to(x.dtype).reshape(output.shape)).sum()
    named = dict(module.named_parameters())
    grads = torch.autograd.grad(loss, [x, *named.values()])
    found |= {f"gradient of {n}": g for n, g in zip(("x", *named), grads, strict=True)}
    return {name: value.detach().double() for name, value in found.items()}


class Session:
    """What has been measured so far, written down after each measurement.

    Args:
        args: the command line.
        head: machine and date.
    """

    def __init__(self, args: Namespace, head: dict[str, Any]) -> None:
        self.args = args
        self.deadline = time.monotonic() + 60 * args.minutes
        self.found: dict[str, Any] = {"head": head, "exactness": [], "candidates": []}
        self.found["linear"] = []
        self.found |= {"left_out": [], "failed": {}}
        args.out.mkdir(parents=True, exist_ok=True)

    def measure(self, label: str, run: Callable[[], dict[str, Any] | None], what: str) -> None:
        """Run one measurement and keep its row, or the reason why there is none."""
        if time.monotonic() > self.deadline:
            self.found["left_out"].append(label)
        else:
            try:
                row = run()
            except Exception as error:
                # The machine is lent for minutes: what else can be measured is.
                reason = (str(error).strip() or "no message").splitlines()[0]
                self.found["failed"][label] = f"{type(error).__name__}: {reason}"
                print(label, "failed:", reason, flush=True)
            else:
                if row is not None:
                    self.found[what].append(row)
        (self.args.out / "bench_gpu.json").write_text(json.dumps(self.found, indent=1) + "\n")
        (self.args.out / "bench_gpu.md").write_text("\n".join(report(self.found)) + "\n")


def exactness(session: Session, names: tuple[str, ...]) -> None:
    """Compare every rule and cell with the readable loop in float64."""
    args = session.args
    for name in names:
        if args.rehearse and PRECISIONS[name] == torch.bfloat16:
            continue  # Triton's interpreter multiplies bfloat16 as if it were integers
        for shape in TOY if args.rehearse else EXACT:
            for cell in ("lstm", "gru", "rnn", *LINEAR):
                for rule in args.rules.split(","):
                    label = f"exactness {name} {cell} {rule} {shape}"
                    run = partial(error_of, name, cell, rule, shape, args.device)
                    session.measure(label, run, "exactness")


def error_of(
    name: str, cell: str, rule: str, shape: tuple[int, int, int, int], device: str
) -> dict[str, Any]:
    """Return the largest error of a cell, relative to the largest value of what it is in."""
    T, B, D, H = shape
    dtype = PRECISIONS[name]
    # Heads divide the width.
    kind = Delta(heads=1) if cell == "delta" and H % 4 else cell
    module = OptCell(D, H, cell=kind, rule=rule, learn_rule=True, device=device, dtype=dtype)
    x = torch.randn(T, B, D, device=device, dtype=dtype)
    with precision(name):
        own, backend = everything(module, x), str(module.backend)
    with kernels.backend("reference"):
        truth = everything(copy.deepcopy(module).double(), x.double())
    errors = {
        key: ((own[key] - value).abs().max() / (value.abs().max() + 1e-300)).item()
        for key, value in truth.items()
    }
    worst = max(errors, key=lambda key: errors[key] if math.isfinite(errors[key]) else math.inf)
    row: dict[str, Any] = {"precision": name, "cell": cell, "rule": rule}
    row |= dict(zip("TBDH", shape, strict=True)) | {"backend": backend}
    row |= {"error": errors[worst], "worst": worst}
    print(row, flush=True)
    return row | {"errors": errors}


def seconds(run: Any, device: str) -> float:
    """Return the wall time of a call."""
    wait = torch.cuda.synchronize if device.startswith("cuda") else lambda: None
    wait()
    begin = time.perf_counter()
    run()
    wait()
    return time.perf_counter() - begin


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


def report(found: dict[str, Any]) -> list[str]:
    """Return the lines of bench_gpu.md."""
    head = found["head"]
    out = ["# Cells on the GPU", "", "Made by `scripts/benchmarks/bench_gpu.py`; do not edit.", ""]
    out += [f"{head['machine']}, torch {head['torch']}, {head['date']}", ""]
    out += ["Largest error against the readable loop in float64, relative to the largest value:"]
    out += ["", "| precision | cell | rule | T, B, D, H | kernel | error | of |", "|---" * 7 + "|"]
    for r in found["exactness"]:
        shape = ", ".join(str(r[key]) for key in "TBDH")
        cells = (r["precision"], r["cell"], r["rule"], shape, r["backend"])
        out.append("| " + " | ".join([*cells, f"{r['error']:.1e}", r["worst"]]) + " |")
    out += ["", "K candidates at once over one (LSTM, gradients), median [quartiles]:", ""]
    out += ["| rule | K | T, B, D, H | K / one | error | n |", "|---" * 6 + "|"]
    for r in found["candidates"]:
        shape = ", ".join(str(r[key]) for key in "TBDH")
        ratio = "{1:.2f} [{0:.2f}, {2:.2f}]".format(*r["ratio"])
        cells = (r["rule"], str(r["K"]), shape, ratio, f"{r['error']:.1e}", str(r["repeats"]))
        out.append("| " + " | ".join(cells) + " |")
    out += ["", "Linear cells and the delta memory over torch's LSTM, forward and backward:", ""]
    out += ["| cell | T, B, D, H | kernel | time / LSTM | n |", "|---" * 5 + "|"]
    for r in found["linear"]:
        shape = ", ".join(str(r[key]) for key in "TBDH")
        ratio = "{1:.2f} [{0:.2f}, {2:.2f}]".format(*r["ratio"])
        out.append(f"| {r['cell']} | {shape} | {r['backend']} | {ratio} | {r['repeats']} |")
    if found["left_out"]:
        out += ["", "Left out for lack of time: " + "; ".join(found["left_out"]) + "."]
    if found["failed"]:
        out += ["", "Failed:", ""]
        out += [f"- {label}: {reason}" for label, reason in found["failed"].items()]
    return out


def main() -> None:
    """Run all measurements in order of their weight and write them down."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--rehearse", action="store_true", help="toy sizes on the CPU")
    parser.add_argument("--repeats", type=int, default=10)
    parser.add_argument("--rules", default=",".join(bench_cells.RULES))
    parser.add_argument("--minutes", type=float, default=8.5, help="start nothing after so many")
    parser.add_argument("--out", type=Path, default=bench_cells.HERE, help="folder of the results")
    args = parser.parse_args()
    if not args.rehearse and not torch.cuda.is_available():
        parser.error("no CUDA device; --rehearse runs the same on the CPU")
    args.device = "cpu" if args.rehearse else "cuda"
    if args.rehearse:
        # Read by Triton when it is imported, which no line before this one does.
        os.environ["TRITON_INTERPRET"] = "1"
        # The interpreter scans a tile element by element: narrow ones.
        for name in ("scan", "linear_scan", "normalize"):
            importlib.import_module(f"optcell_search.kernels.triton.{name}").CHANNELS = 4  # type: ignore[attr-defined]
    torch.manual_seed(0)
    machine = "rehearsal" if args.rehearse else torch.cuda.get_device_name()
    head = {"date": f"{datetime.date.today()}", "device": args.device, "machine": machine}
    head |= {"threads": torch.get_num_threads(), "clock": "wall", "torch": torch.__version__}
    head["note"] = "float32 without TF32"
    session = Session(args, head)
    force = kernels.backend("triton") if args.rehearse else contextlib.nullcontext()
    with force:
        exactness(session, ("float32",))
        candidates(session)
        times(session, 1)
        linear_times(session)
        exactness(session, ("tf32", "bfloat16"))
        times(session, 2)
    if session.found["failed"]:
        sys.exit(1)


if __name__ == "__main__":
    main()
