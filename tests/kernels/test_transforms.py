"""Kernels under torch.func and torch.compile: many candidates at once, one graph."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.func import functional_call, grad_and_value, stack_module_state, vmap

from optcell_search import kernels, rules
from optcell_search.cells import OptCell
from optcell_search.rules import Rule

CANDIDATES = {
    "gd": [rules.GradientDescent(s=0.5), rules.GradientDescent(s=2.0)],
    "heavy_ball": [rules.HeavyBall(mu=0.0), rules.HeavyBall(mu=0.8, s=0.2)],
    "nesterov": [rules.Nesterov(restart=0), rules.Nesterov(restart=3, s=0.4)],
    "adam": [rules.Adam(mu=0.1, beta=0.5), rules.Adam(s=1.5)],
    "rmsprop": [rules.RMSProp(beta=0.3), rules.RMSProp(s=1.5)],
    "mixture": [rules.Mixture(), rules.Mixture(adam_logit=1.5, heavy_ball_mu=0.9, rmsprop_s=1.5)],
}


@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
@pytest.mark.parametrize("name", CANDIDATES)
def test_candidates_mapped_over_are_the_candidates_one_by_one(cell: str, name: str) -> None:
    check(cell, CANDIDATES[name], bidirectional=False)


@pytest.mark.parametrize("backend", ["torch", "compiled"])
def test_mapped_candidates_on_each_kernel_in_two_layers_and_directions(backend: str) -> None:
    with kernels.backend(backend):
        check("lstm", CANDIDATES["adam"], bidirectional=True)


def check(cell: str, candidates: list[Rule], bidirectional: bool) -> None:
    torch.manual_seed(0)
    modules = [
        OptCell(
            3, 5, cell=cell, rule=rule, num_layers=2, bidirectional=bidirectional,
            learn_rule=True, dtype=torch.float64,
        )
        for rule in candidates
    ]  # fmt: skip
    x = torch.randn(9, 4, 3, dtype=torch.float64)

    def loss(parameters: dict[str, Tensor], buffers: dict[str, Tensor], x: Tensor) -> Tensor:
        output, _ = functional_call(modules[0], (parameters, buffers), (x,))
        return output.square().sum()

    parameters, buffers = stack_module_state(modules)  # type: ignore[arg-type]
    mapped, values = vmap(grad_and_value(loss), (0, 0, None))(parameters, buffers, x)
    for k, module in enumerate(modules):
        own = module(x)[0].square().sum()
        own.backward()
        torch.testing.assert_close(values[k], own.detach(), rtol=1e-12, atol=0)
        for key, parameter in module.named_parameters():
            assert parameter.grad is not None
            torch.testing.assert_close(mapped[key][k], parameter.grad, rtol=1e-9, atol=1e-12)


# In a process of its own: the suite's shape checks wrap every function, which is not what users
# compile.
PROGRAM = """
import torch
from optcell_search.cells import OptCell
module = OptCell(3, 5, cell="gru", rule="adam")
x = torch.randn(9, 4, 3)
plain, _ = module(x)
compiled, _ = torch.compile(module, fullgraph=True, backend="aot_eager")(x)
want = torch.autograd.grad(plain.square().sum(), list(module.parameters()))
have = torch.autograd.grad(compiled.square().sum(), list(module.parameters()))
for a, b in zip((plain, *want), (compiled, *have)):
    torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5)

from torch.func import functional_call, grad, stack_module_state, vmap
modules = [OptCell(3, 4, rule="adam") for _ in range(3)]
stacked = stack_module_state(modules)
def loss(p, b):
    return functional_call(modules[0], (p, b), (x,))[0].square().sum()
together = vmap(grad(loss))
compiled = torch.compile(together, backend="aot_eager")
for a, b in zip(together(*stacked).values(), compiled(*stacked).values()):
    torch.testing.assert_close(a, b)
print("one graph")
"""


def test_torch_compile_takes_a_cell_in_one_graph() -> None:
    here = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", PROGRAM], capture_output=True, text=True, cwd=here
    )
    assert done.stdout.strip() == "one graph", done.stderr[-3000:]
