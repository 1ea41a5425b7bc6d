"""Torch tells by private functions whether somebody looks on: without them numbers stay right."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]

# In a process of its own, as what torch has is looked up when the room is imported.
_COMPARE = """
import torch

HIDDEN = {"_are_functorch_transforms_active", "_has_storage", "_len_torch_dispatch_stack",
          "get_interpreter_stack", "is_exporting"}

class Older:
    def __init__(self, of):
        self._of = of

    def __getattr__(self, name):
        if name in HIDDEN:
            raise AttributeError(name)
        found = getattr(self._of, name)
        return Older(found) if name == "_functorch" else found

own, compiler = torch._C, torch.compiler
torch._C, torch.compiler = Older(own), Older(compiler)
import optcell_search.kernels.watching as watching
torch._C, torch.compiler = own, compiler
watching._forward_level = lambda: -1
assert not watching.unwatched((torch.zeros(1),)) and watching.transformed()

from optcell_search import OptCell, kernels
from torch.func import grad, hessian, jacfwd, jvp, vmap

torch.manual_seed(0)
x = torch.randn(6, 2, 3, dtype=torch.float64)

def twice(f):
    z = x.clone().requires_grad_()
    (first,) = torch.autograd.grad(f(z), z, create_graph=True)
    return torch.autograd.grad(first.sum(), z)[0]

ways = {
    "forward": lambda f: f(x),
    "grad": lambda f: grad(f)(x),
    "vmap": lambda f: vmap(f)(torch.stack([x, x + 1])),
    "jvp": lambda f: jvp(f, (x,), (torch.ones_like(x),))[1],
    "jacfwd": lambda f: jacfwd(f)(x),
    "hessian": lambda f: hessian(f)(x[:2]),
    "twice": twice,
    "vectorized": lambda f: torch.autograd.functional.jacobian(f, x, vectorize=True),
}
equal = dict.fromkeys(ways, 0)
for cell in ("rnn", "lstm", "gru", "lru", "min_gru", "delta"):
    for rule in ("gd", "heavy_ball", "adam"):
        module = OptCell(3, 4, cell=cell, rule=rule, dtype=torch.float64)

        def own(x):
            return module(x)[0].square().sum()

        def plain(x):
            with kernels.backend("reference"):
                return own(x)

        for name, way in ways.items():
            try:
                found = way(own)
            except (RuntimeError, NotImplementedError):
                continue
            torch.testing.assert_close(found, way(plain), rtol=1e-9, atol=1e-10, msg=name)
            equal[name] += 1
print(equal)
assert min(equal[name] for name in ("forward", "grad", "vmap")) == 18
"""


def test_without_torchs_private_functions_numbers_are_right_or_there_is_an_error() -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", _COMPARE],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert done.returncode == 0, done.stderr[-2000:]
