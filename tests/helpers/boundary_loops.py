"""Each tensor of each loop, made another one: what is not as a loop reads it is refused.

Run as a program, also under ``python -O``: the suite's checks of shapes would be asked first.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from optcell_search import kernels
from optcell_search.kernels import LayerWeights
from optcell_search.kernels.compiled import build

T, B, F, H = 3, 2, 5, 4
W = 4 * H

# The mishaps by which any one tensor of a loop becomes another one.
WRONG: dict[str, Callable[[Tensor], Tensor]] = {
    "shorter": lambda x: x[..., :-1],
    "longer": lambda x: torch.cat([x, x], -1),
    "deeper": lambda x: x.unsqueeze(-1),
    "float64": lambda x: x.double(),
    "int32": lambda x: x.int(),
    "elsewhere": lambda x: x.to("meta"),
}
LOOPS: dict[str, dict[str, Tensor]] = {
    "scan": {"decay": torch.rand(T, B, 1), "x": torch.rand(T, B, F), "initial": torch.rand(B, F)},
    "normalize": {
        "z": torch.rand(T, B, F), "v": torch.rand(B, F), "m": torch.rand(B, F),
        "lengths": torch.tensor([3, 2]),
    },
    "recurrence": {
        "u": torch.rand(T, B, W), "w_hh": torch.rand(W, H), "b_hh": torch.rand(W),
        "h": torch.rand(B, H), "c": torch.rand(B, H),
    },
    "adam": {
        "x": torch.rand(T, B, F), "w_ih": torch.rand(W, F), "b_ih": torch.rand(W),
        "w_hh": torch.rand(W, H), "b_hh": torch.rand(W), "h": torch.rand(B, H),
        "c": torch.rand(B, H), "v": torch.rand(B, W), "m": torch.rand(B, W),
        "lengths": torch.tensor([3, 2]),
    },
    "linear": {
        "x": torch.rand(T, B, F), "w_ih": torch.rand(W, F), "b_ih": torch.rand(W),
        "w_hh": torch.rand(W, H), "b_hh": torch.rand(W), "h": torch.rand(B, H),
        "c": torch.rand(B, H), "v": torch.rand(B, F + 1), "lengths": torch.tensor([3, 2]),
    },
    "linear_readout": {
        "coefficients": torch.rand(1, 1, 3, F), "u": torch.rand(T, B, 2 * F + H),
        "initial": torch.rand(B, 2, F), "weight": torch.rand(H, 2 * F),
    },
}  # fmt: skip
VALUES = torch.tensor(0.5), torch.tensor(0.5), torch.tensor(0.9), torch.tensor(1e-8)


def call(loop: str, i: dict[str, Tensor]) -> Tensor:
    if loop == "scan":
        return kernels.scan(i["decay"], i["x"], i["initial"])
    if loop == "normalize":
        return kernels.normalize(i["z"], VALUES, (i["v"], i["m"]), i["lengths"])[0]
    if loop == "recurrence":
        return kernels.recurrence("lstm", i["u"], i["w_hh"], i["b_hh"], (i["h"], i["c"]))[0]
    if loop == "linear_readout":
        return kernels.linear_readout(i["coefficients"], i["u"], i["initial"], i["weight"])[0]
    weights = LayerWeights(i["w_ih"], i["b_ih"], i["w_hh"], i["b_hh"])
    rule = VALUES if loop == "adam" else torch.rand(T, 1, 4)
    traces = tuple(i[name] for name in ("v", "m") if name in i)
    hidden = i["h"], i["c"]
    return kernels.fused_layer("lstm", i["x"], weights, hidden, rule, traces, i["lengths"])[0][0]


class Own(Tensor):
    """A subclass that changes nothing: torch's dispatcher runs the loop."""


def refused(loop: str, inputs: dict[str, Tensor]) -> bool:
    try:
        call(loop, inputs)
    except (ValueError, RuntimeError):
        return True
    return False


def run() -> int:
    """Return how many were refused; all are, or it raises `SystemExit`."""
    count = 0
    for backend in ["torch"] if build.problem() else ["torch", "compiled"]:
        for loop, inputs in LOOPS.items():
            if loop in ("adam", "linear") and build.problem():
                continue
            with kernels.backend(backend):
                if not torch.isfinite(call(loop, inputs)).all():
                    raise SystemExit(f"{backend}, {loop}: not finite")
                for kind in (Tensor, Own):
                    for name, tensor in inputs.items():
                        for way, wrong in WRONG.items():
                            others = {n: other.as_subclass(kind) for n, other in inputs.items()}
                            others[name] = wrong(tensor)
                            if not refused(loop, others):
                                what = f"{backend}, {loop}, {kind.__name__}: {name} {way}"
                                raise SystemExit(f"{what}: a number where an error belongs")
                            count += 1
    return count


if __name__ == "__main__":
    print(f"refused, {run()}")
