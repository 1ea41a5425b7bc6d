"""Cells under torch's transforms and their compositions, against the plain path one by one."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.autograd.functional import hessian as plain_hessian
from torch.autograd.functional import jacobian
from torch.func import grad, hessian, jacfwd, jacrev, jvp, vjp, vmap
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence

from optcell_search import OptCell, kernels
from optcell_search.cells import State

# Torch itself scripts some formulas when it first takes a forward-mode derivative.
pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated")

PAIRS = [
    ("lstm", "heavy_ball"),
    ("gru", "adam"),
    ("rnn", "nesterov"),
    ("orthogonal", "rmsprop"),
    ("hippo", "gd"),
]
pairs = pytest.mark.parametrize(("cell", "rule"), PAIRS)
T, B, D, H = 4, 2, 2, 3
Run = Callable[[Tensor], Tensor]


def made(cell: str, rule: str) -> OptCell:
    torch.manual_seed(0)
    return OptCell(D, H, cell=cell, rule=rule, learn_rule=True, dtype=torch.float64)


def entries(module: OptCell) -> dict[str, Run]:
    """Return the ways into a cell, each as a function of (T, B, D)."""
    _, state = module(torch.ones(1, B, D, dtype=torch.float64))
    cut = state.detach()
    sizes = pack_padded_sequence(torch.zeros(T, B, D), torch.tensor([T, T])).batch_sizes

    def packed(x: Tensor) -> Tensor:
        output, _ = module(PackedSequence(x.reshape(T * B, D), sizes))
        return output.data.reshape(T, B, H)

    def streamed(x: Tensor) -> Tensor:
        before: State | None = None
        outputs = []
        for x_t in x.split(1):
            output, before = module(x_t, before)
            outputs.append(output)
        return torch.cat(outputs)

    return {
        "padded": lambda x: module(x)[0],
        "unbatched": lambda x: module(x[:, 0])[0].unsqueeze(1),
        "restored": lambda x: module(x, cut)[0],
        "started": lambda x: module(x, cut.without_traces())[0],
        "state": lambda x: module(x)[1].h,
        "streamed": streamed,
        "packed": packed,
    }


WAYS = ("padded", "unbatched", "restored", "started", "state", "streamed", "packed")
# Torch's own functions for packed sequences read memory, which torch.func's transforms forbid.
MAPPED = WAYS[:-1]


def close(got: object, expected: object) -> None:
    torch.testing.assert_close(got, expected, rtol=1e-9, atol=1e-11)


@pytest.fixture
def x() -> Tensor:
    return torch.randn(T, B, D, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


@pairs
@pytest.mark.parametrize("way", MAPPED)
def test_vmap_alone_and_around_a_gradient(cell: str, rule: str, way: str, x: Tensor) -> None:
    run = entries(made(cell, rule))[way]
    several = torch.stack([x, 2 * x, -x])
    close(vmap(run)(several), torch.stack([run(one) for one in several]))
    with torch.no_grad():
        close(vmap(run)(several), torch.stack([run(one) for one in several]))
    slope = grad(lambda x: run(x).square().sum())
    close(vmap(slope)(several), torch.stack([slope(one) for one in several]))


@pairs
@pytest.mark.parametrize("way", WAYS)
def test_first_derivatives_of_every_kind_agree(cell: str, rule: str, way: str, x: Tensor) -> None:
    run = entries(made(cell, rule))[way]
    expected = jacobian(run, x)
    close(jacobian(run, x, vectorize=True), expected)
    if way not in MAPPED:
        return
    v = torch.cos(x)
    out, tangent = jvp(run, (x,), (v,))
    close(out, run(x))
    close(tangent, (expected * v).flatten(-3).sum(-1))
    value, pull = vjp(run, x)
    close(pull(value)[0], (expected * value[..., None, None, None]).sum((0, 1, 2)))
    close(jacrev(run)(x), expected)
    close(jacfwd(run)(x), expected)
    close(jacobian(run, x, vectorize=True, strategy="forward-mode"), expected)


@pairs
@pytest.mark.parametrize("way", ["padded", "restored"])
def test_second_derivatives_agree_with_the_plain_path(
    cell: str, rule: str, way: str, x: Tensor
) -> None:
    run = entries(made(cell, rule))[way]

    def loss(x: Tensor) -> Tensor:
        return run(x).square().sum()

    with kernels.backend("reference"):
        expected = plain_hessian(loss, x)
    close(hessian(loss)(x), expected)
    close(jacrev(jacrev(loss))(x), expected)
    close(jacfwd(jacfwd(loss))(x), expected)
    several = torch.stack([x, -x])
    close(vmap(hessian(loss))(several)[0], expected)


def test_what_comes_after_the_forward_pass_is_refused_with_the_way_out(x: Tensor) -> None:
    module = made("lstm", "adam")
    x.requires_grad_()
    (slope,) = torch.autograd.grad(module(x)[0].sum(), x, create_graph=True)
    with pytest.raises(RuntimeError, match=r'create_graph=True.*kernels\.backend\("reference"\)'):
        slope.sum().backward()
    with kernels.backend("reference"):
        (slope,) = torch.autograd.grad(module(x)[0].sum(), x, create_graph=True)
    slope.sum().backward()
    assert x.grad is not None
