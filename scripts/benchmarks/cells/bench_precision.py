"""Errors of the short formats, TF32 and bfloat16, without the GPU that they are meant for.

    python bench_precision.py

Both are for those who ask for them: a module turned to bfloat16, or TF32 allowed in torch. bfloat16
is measured as it runs on the CPU, in plain torch. TF32 exists on GPUs alone, so it is imitated: the
factors of every matrix product are rounded to its 10 bits, forward and backward, and multiplied and
added up in float32, which is what its hardware does. Errors are relative to the largest value of
each tensor, against the readable loop in float64; the worst of output, final state and all
gradients stands in results/precision.md. bench_gpu.py measures both on a GPU.
"""

from __future__ import annotations

import copy
import datetime
from pathlib import Path
from typing import Any

import torch
from bench_cells import RULES, TORCH, processor
from gpu_exactness import everything
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from optcell_search import kernels
from optcell_search.cells import OptCell

SHAPES = [(28, 18, 28, 128), (70, 18, 5, 128)]
SEEDS = range(3)
PRODUCTS = {"mm", "bmm", "addmm", "baddbmm"}


def rounded(x: Tensor) -> Tensor:
    """Round float32 to the nearest TF32, ties to even."""
    bits = x.contiguous().view(torch.int32)
    return ((bits + 0xFFF + ((bits >> 13) & 1)) & ~0x1FFF).view(torch.float32)


class TF32(TorchDispatchMode):
    """Matrix products of float32 take their factors in TF32."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = func.overloadpacket.__name__
        if name in PRODUCTS:
            *summand, left, right = args
            args = (*summand, rounded(left), rounded(right))
        return func(*args, **(kwargs or {}))


def error(found: dict[str, Tensor], truth: dict[str, Tensor]) -> tuple[float, str]:
    """Return the largest error, relative to the largest value of what it is in, and its name."""
    errors = {
        name: ((found[name] - value).abs().max() / (value.abs().max() + 1e-300)).item()
        for name, value in truth.items()
    }
    worst = max(errors, key=lambda name: errors[name])
    return errors[worst], worst


def errors(cell: str, rule: str, shape: tuple[int, int, int, int], seed: int) -> dict[str, Any]:
    """Return the errors of one cell in float32, TF32 and bfloat16."""
    T, B, D, H = shape
    torch.manual_seed(seed)
    module, x = OptCell(D, H, cell=cell, rule=rule), torch.randn(T, B, D)
    # Weights and input that bfloat16 can hold: what is measured is the computing.
    short = copy.deepcopy(module).bfloat16()
    module.load_state_dict(short.state_dict())
    x = x.bfloat16().float()
    with kernels.backend("reference"):
        truth = everything(copy.deepcopy(module).double(), x.double())
        with TF32():
            imitated = everything(module, x)
    return {
        "float32": error(everything(module, x), truth),
        "TF32": error(imitated, truth),
        "bfloat16": error(everything(short, x.bfloat16()), truth),
    }


def main() -> None:
    """Measure every rule and cell and write the table."""
    out = ["# Errors of the short formats", ""]
    maker = "scripts/benchmarks/cells/bench_precision.py"
    out += [f"Made by `{maker}`, which says how; do not edit.", ""]
    out += [f"{processor()}, torch {torch.__version__}, {datetime.date.today()}. TF32 is imitated."]
    out += [f"Largest of {len(SEEDS)} seeds, in brackets what it is in.", ""]
    out += ["| cell | rule | T, B, D, H | float32 | TF32 | bfloat16 |", "|---" * 6 + "|"]
    for shape in SHAPES:
        for cell in TORCH:
            for rule in RULES:
                runs = [errors(cell, rule, shape, seed) for seed in SEEDS]
                worst = [max(run[name] for run in runs) for name in runs[0]]
                cells = [cell, rule, ", ".join(map(str, shape))]
                cells += [f"{value:.1e} ({what})" for value, what in worst]
                out.append("| " + " | ".join(cells) + " |")
                print(out[-1], flush=True)
    folder = Path(__file__).parents[1] / "results"
    (folder / "precision.md").write_text("\n".join(out) + "\n")


if __name__ == "__main__":
    main()
