"""How far every rule and cell is from the readable loop in float64, in each precision of a GPU."""

from __future__ import annotations

import copy
import math
from functools import partial
from typing import Any

import torch
from gpu_session import TOY, Session, precision
from torch import Tensor

from optcell_search import kernels
from optcell_search.cells import Delta, OptCell

# T, B, D, H: T is no multiple of a tile, B none of a program's sequences.
EXACT = [(70, 18, 5, 128), (33, 3, 4, 40), (1, 1, 1, 7)]
LINEAR = ("lru", "oscillator", "min_gru", "min_lstm", "delta")
PRECISIONS = {"float32": torch.float32, "tf32": torch.float32, "bfloat16": torch.bfloat16}


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
