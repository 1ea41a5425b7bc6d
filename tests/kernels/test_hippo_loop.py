"""The compiled recurrence with a HiPPO memory, beside the readable steps of its cell."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from loops_truth import close
from torch import Tensor
from torch.func import functional_call, stack_module_state, vmap
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from optcell_search import OptCell, cells, kernels
from optcell_search.kernels import HippoWeights
from optcell_search.kernels.compiled import build

pytestmark = pytest.mark.skipif(build.problem() is not None, reason=str(build.problem()))

OPTIONS: list[dict[str, Any]] = [
    {},
    {"measure": "legt"},
    {"measure": "lagt", "discretisation": "zoh", "memory_size": 2},
    {"gate": False},
    {"memory_input": "input", "memory_size": 3},
    {"memory_input": "hidden", "memory_activation": "tanh"},
    {"rule_on": "memory", "measure": "legt", "memory_size": 2},
    {"rule_on": "hidden"},
]
# T, B, H, N: one of each; several vectors and pieces of one; more sequences than a tile has.
SHAPES = [(1, 1, 1, 1), (7, 2, 5, 3), (4, 19, 33, 20), (3, 40, 16, 16)]


def module(options: dict[str, Any], size: int, rule: str = "heavy_ball", **more: Any) -> OptCell:
    torch.manual_seed(0)
    return OptCell(3, size, cell=cells.HiPPO(**options), rule=rule, **more)


def everything(ours: OptCell, x: Tensor, backend: str, lengths: Tensor | None) -> dict[str, Tensor]:
    """Outputs and states of two pieces, and the gradients of their sum under random weights."""
    with kernels.backend(backend):
        assert ours.backend == backend
        if lengths is None:
            first, state = ours(x)
        else:
            packed, state = ours(pack_padded_sequence(x, lengths, enforce_sorted=False))
            first = pad_packed_sequence(packed)[0]
        second, state = ours(x[:2], state)
    found = {"first": first, "second": second}
    found |= {f"state {i}": part for i, part in enumerate(state[0].hidden)}
    torch.manual_seed(1)
    loss = sum((o * torch.randn(o.shape, dtype=torch.float64)).sum() for o in found.values())
    assert isinstance(loss, Tensor)
    inputs = {"x": x, **dict(ours.named_parameters())}
    grads = torch.autograd.grad(loss, list(inputs.values()), materialize_grads=True)
    return {n: o.detach() for n, o in found.items()} | dict(zip(inputs, grads, strict=True))


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("ragged", [False, True])
def test_all_that_comes_out(
    options: dict[str, Any], shape: tuple[int, int, int, int], ragged: bool
) -> None:
    T, B, H, N = shape
    ours = module({**options, "order": N}, H, dtype=torch.float64)
    x = torch.randn(T, B, 3, dtype=torch.float64, requires_grad=True)
    # Behind sequences that ended at steps of their own LegS counts for each of them.
    lengths = torch.arange(B) % T + 1 if ragged else None
    close(everything(ours, x, "compiled", lengths), everything(ours, x, "reference", lengths), 1e-9)


@pytest.mark.parametrize("options", [{}, {"measure": "legt"}], ids=str)
# From 128 wide on, float32 is for matrix tiles on processors that have them.
@pytest.mark.parametrize(("B", "H", "N"), [(19, 33, 20), (32, 128, 64)])
def test_all_that_comes_out_in_float32(options: dict[str, Any], B: int, H: int, N: int) -> None:
    ours = module({**options, "order": N}, H)
    x = torch.randn(50, B, 3)
    found = everything(ours, x.requires_grad_(), "compiled", None)
    truth = everything(ours.double(), x.detach().double().requires_grad_(), "reference", None)
    close(found, truth, 2e-5)


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_weights_side_by_side(options: dict[str, Any]) -> None:
    several = []
    for seed in range(3):
        torch.manual_seed(seed)
        several.append(OptCell(3, 5, cell=cells.HiPPO(order=4, **options), dtype=torch.float64))
    stacked, buffers = stack_module_state(several)  # type: ignore[arg-type]
    x = torch.randn(3, 6, 2, 3, dtype=torch.float64)

    def one(weights: Any, fixed: Any, x: Tensor) -> Tensor:
        return functional_call(several[0], (weights, fixed), (x,))[0]  # type: ignore[no-any-return]

    with kernels.backend("compiled"):
        together = vmap(one)(stacked, buffers, x)
        probe = torch.randn_like(together)
        grads = torch.autograd.grad((together * probe).sum(), list(stacked.values()))
    with kernels.backend("reference"):
        for i, alone in enumerate(several):
            h = alone(x[i])[0]
            torch.testing.assert_close(together[i], h, rtol=1e-10, atol=1e-12)
            truth = torch.autograd.grad((h * probe[i]).sum(), list(alone.parameters()))
            for name, own, right in zip(stacked, grads, truth, strict=True):
                torch.testing.assert_close(own[i], right, rtol=1e-9, atol=1e-11, msg=name)


def test_a_number_that_is_none_stays_in_its_sequence() -> None:
    ours = module({"order": 4}, 5)
    x = torch.zeros(3, 40, 3)
    x[1, 7] = torch.nan
    with kernels.backend("compiled"):
        h = ours(x)[0]
    assert h[1:, 7].isnan().all()
    assert not torch.cat([h[:, :7], h[:, 8:]], 1).isnan().any()


def given() -> tuple[Tensor, HippoWeights, tuple[Tensor, Tensor], Tensor]:
    weights = HippoWeights(torch.randn(1, 5), torch.randn(10, 4), torch.ones(4), torch.ones(4))
    return (
        torch.randn(3, 2, 11),
        weights,
        (torch.zeros(2, 5), torch.zeros(2, 1, 4)),
        torch.ones(3, 1),
    )


def test_inputs_are_read_however_they_lie_in_memory() -> None:
    u, weights, hidden, pace = given()
    lying = u.transpose(0, 1).contiguous().transpose(0, 1)
    for found, truth in zip(
        kernels.hippo(lying, weights, hidden, pace, False),
        kernels.hippo(u, weights, hidden, pace, False),
        strict=True,
    ):
        assert torch.equal(found, truth)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"u": torch.ones(3, 2, 12)}, "u 11 wide, or 10"),
        ({"u": torch.ones(3, 2, 10), "w_fh": None}, "u 11 wide, or 10"),
        ({"A": torch.ones(4, 4)}, "Expected A of size"),
        ({"w_hm": torch.ones(10, 5)}, "Expected w_hm of size"),
        ({"B": torch.ones(4, dtype=torch.float64)}, "Expected B of size"),
        ({"pace": torch.ones(3, 2, dtype=torch.float64)}, "Expected pace of size"),
    ],
    ids=["too wide", "nothing written", "A", "w_hm", "B", "pace"],
)
def test_what_does_not_fit_is_refused_by_name(wrong: dict[str, Any], message: str) -> None:
    u, weights, hidden, pace = given()
    own = {name: part for name, part in wrong.items() if name in HippoWeights._fields}
    with pytest.raises(ValueError, match=message):
        kernels.hippo(
            wrong.get("u", u), weights._replace(**own), hidden, wrong.get("pace", pace), False
        )


@pytest.mark.parametrize("name", ["torch", "triton"])
def test_who_does_not_know_it_says_so(name: str) -> None:
    with kernels.backend(name):
        chosen = module({"order": 4}, 5).backend
    assert chosen == "compiled"
    assert "a recurrence with a HiPPO memory has a compiled loop" in chosen.skipped[name]


def test_half_precision_runs_in_the_cells_own_steps() -> None:
    ours = module({"order": 4}, 5, dtype=torch.bfloat16)
    assert ours.backend == "reference"
    assert ours(torch.zeros(2, 1, 3, dtype=torch.bfloat16))[0].dtype == torch.bfloat16
