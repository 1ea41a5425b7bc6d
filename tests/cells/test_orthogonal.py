"""The orthogonal cell: its equations, its invariant, its bases."""

from __future__ import annotations

import copy
import math

import pytest
import torch
import written_out
from torch import Tensor

from optcell_search import OptCell, cells, registry, rules
from optcell_search.cells.classic.orthogonal import recurrent_matrix
from optcell_search.training.recipe.groups import parameter_groups


def module(
    size: int = 6, rule: str = "gd", bidirectional: bool = False, **options: object
) -> OptCell:
    torch.manual_seed(0)
    cell = cells.Orthogonal(**options)  # type: ignore[arg-type]
    return OptCell(3, size, cell=cell, rule=rule, bidirectional=bidirectional, dtype=torch.float64)


def matrix_of(module: OptCell, suffix: str = "_l0") -> Tensor:
    base, skew = (getattr(module, name + suffix) for name in ("base", "skew"))
    return recurrent_matrix(base, skew).detach()


def disorder(B: Tensor) -> float:
    return (B.T @ B - torch.eye(len(B), dtype=B.dtype)).abs().max().item()


@pytest.mark.parametrize("rule", registry.rules.names())
@pytest.mark.parametrize("rebase", [0, 1])
def test_outputs_and_gradients_equal_the_written_out_loop(rule: str, rebase: int) -> None:
    ours = module(5, rule, rebase=rebase, init="henaff")
    with torch.no_grad():
        ours.skew_l0 += torch.randn_like(ours.skew_l0)
        ours.bias_ih_l0 += torch.randn_like(ours.bias_ih_l0)
    x = torch.randn(9, 2, 3, dtype=torch.float64, requires_grad=True)
    named = {"x": x, **dict(ours.named_parameters())}

    A = torch.zeros(5, 5, dtype=torch.float64)
    rows, columns = zip(*[(i, j) for i in range(5) for j in range(i + 1, 5)], strict=True)
    A = A.index_put((torch.tensor(rows), torch.tensor(columns)), ours.skew_l0)
    B = ours.base_l0 @ torch.linalg.matrix_exp(A - A.T)
    z = [x_t @ ours.weight_ih_l0.T + ours.bias_ih_l0 for x_t in x]
    h = torch.zeros(2, 5, dtype=torch.float64)
    expected = []
    for u in written_out.RULES[rule](z, **ours.rule_values(torch.float64)):
        a = u + h @ B.T
        h = torch.sign(a) * torch.relu(a.abs() + ours.bias_modrelu_l0)
        expected.append(h)

    output, _ = ours(x)
    truth = torch.stack(expected)
    torch.testing.assert_close(output, truth, rtol=1e-11, atol=1e-12)
    probe = torch.randn_like(truth)
    got = torch.autograd.grad((output * probe).sum(), list(named.values()))
    true = torch.autograd.grad((truth * probe).sum(), list(named.values()))
    for name, left, right in zip(named, got, true, strict=True):
        torch.testing.assert_close(left, right, rtol=1e-9, atol=1e-11, msg=name)


@pytest.mark.parametrize("rebase", [0, 1, 100])
def test_the_matrix_stays_orthogonal_over_1000_steps_in_single_precision(rebase: int) -> None:
    torch.manual_seed(0)
    ours = OptCell(2, 24, cell=cells.Orthogonal(rebase=rebase, init="henaff"), rule="heavy_ball")
    optimizer = torch.optim.RMSprop(ours.parameters(), lr=1e-2)
    x, probe = torch.randn(2, 4, 2), torch.randn(2, 4, 24)
    start = recurrent_matrix(ours.base_l0, ours.skew_l0)
    for _ in range(1000):
        optimizer.zero_grad()
        (ours(x)[0] * probe).mean().backward()
        optimizer.step()
        ours.after_step()
    end = recurrent_matrix(ours.base_l0, ours.skew_l0)
    assert (end - start).abs().max() > 0.1
    assert disorder(end) <= 1e-5


@pytest.mark.parametrize("init", ["cayley", "henaff"])
def test_large_matrices_are_orthogonal_from_the_start(init: str) -> None:
    torch.manual_seed(0)
    ours = OptCell(2, 256, cell=cells.Orthogonal(rebase=0, init=init))
    ours.skew_l0.data += 0.1 * torch.randn_like(ours.skew_l0)
    assert disorder(recurrent_matrix(ours.base_l0, ours.skew_l0)) <= 1e-5


@pytest.mark.parametrize(("init", "high"), [("cayley", 1.0), ("henaff", 3.1416)])
def test_initial_angles_lie_where_the_initialisation_says(init: str, high: float) -> None:
    for rebase in (0, 1):
        ours = module(200, rebase=rebase, init=init)
        B = recurrent_matrix(ours.base_l0, ours.skew_l0).detach()
        angles = torch.linalg.eigvals(B).angle().abs()
        assert angles.max() <= high
        assert angles.max() > 0.9 * high


@pytest.mark.parametrize(
    # The means of tan(a/2) over 0 < a < pi/2, and of |a| over -pi < a < pi.
    ("init", "mean", "size"),
    [("cayley", -2 / math.pi * math.log(2), 0.4413), ("henaff", 0.0, math.pi / 2)],
)
def test_initial_angles_are_spread_as_the_initialisation_says(
    init: str, mean: float, size: float
) -> None:
    skew = module(1000, rebase=0, init=init).skew_l0.detach()
    angles = skew[skew != 0]
    assert len(angles) == 500
    assert float(angles.mean()) == pytest.approx(mean, abs=0.1 * size + 0.01)
    assert float(angles.abs().mean()) == pytest.approx(size, rel=0.08)


def test_a_new_base_leaves_the_matrix_as_it_was() -> None:
    ours = module(rebase=2)
    ours.skew_l0.data += torch.randn_like(ours.skew_l0)
    before = recurrent_matrix(ours.base_l0, ours.skew_l0)
    ours.after_step()
    assert ours.skew_l0.abs().max() > 0
    ours.after_step()
    assert ours.skew_l0.abs().max() == 0
    torch.testing.assert_close(ours.base_l0, before, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("angle", [1e-6, 0.3, 2.0, 3.1])
def test_an_average_is_the_same_matrix_in_a_new_base(angle: float) -> None:
    """Also where it lies a long way off, at every angle up to the one given."""
    live = module(8, rebase=1, init="henaff", bidirectional=True)
    average = copy.deepcopy(live)
    for suffix in ("_l0", "_l0_reverse"):
        plane = torch.zeros(8, 8, dtype=torch.float64)
        plane[[0, 2, 4], [1, 3, 5]] = angle * torch.tensor([1.0, -0.5, 0.1], dtype=torch.float64)
        mix = torch.linalg.qr(torch.randn(8, 8, dtype=torch.float64))[0]
        S = mix @ (plane - plane.T) @ mix.T
        getattr(average, f"skew{suffix}").data.copy_(S[*torch.triu_indices(8, 8, 1)])
    before = {s: matrix_of(average, s) for s in ("_l0", "_l0_reverse")}
    for _ in range(3):
        live.skew_l0.data += 0.01 * torch.randn_like(live.skew_l0)
        live.after_step()
        average.follow(live)
        for own, other in zip(average.buffers(), live.buffers(), strict=True):
            own.copy_(other)
        for suffix, B in before.items():
            torch.testing.assert_close(matrix_of(average, suffix), B, rtol=0, atol=1e-12)


def test_an_average_with_numbers_that_are_none_stays_one() -> None:
    live = module(rebase=1)
    average = copy.deepcopy(live)
    live.skew_l0.data += 1.0
    average.skew_l0.data[3] = math.nan
    live.after_step()
    average.follow(live)
    assert average.skew_l0.isnan().any()


def test_with_rebase_0_the_base_stays_the_identity() -> None:
    ours = module(rebase=0)
    ours.skew_l0.data += 1.0
    for _ in range(5):
        ours.after_step()
    assert torch.equal(ours.base_l0, torch.eye(6, dtype=torch.float64))


def test_a_saved_cell_goes_on_with_its_count_of_steps() -> None:
    first = module(rebase=3)
    first.after_step()
    first.after_step()
    second = module(rebase=3)
    second.load_state_dict(copy.deepcopy(first.state_dict()))
    for ours in (first, second):
        ours.skew_l0.data += 0.5
        ours.after_step()
        assert ours.skew_l0.abs().max() == 0
    assert torch.equal(first.base_l0, second.base_l0)


def test_the_skew_matrix_has_a_learning_rate_of_its_own() -> None:
    model = cells.SequenceModel(3, 2, 6, cell=cells.Orthogonal(rate=0.25), num_layers=2)
    slow = {id(model.cell.skew_l0), id(model.cell.skew_l1)}
    groups = parameter_groups(model, 0.4)
    rates = {id(p): group["lr"] for group in groups for p in group["params"]}
    assert rates.keys() == {id(p) for p in model.parameters()}
    assert {key for key, rate in rates.items() if rate == pytest.approx(0.1)} == slow
    assert {rate for key, rate in rates.items() if key not in slow} == {0.4}


def test_only_the_entries_that_count_are_parameters() -> None:
    ours = OptCell(3, 10, cell="orthogonal", rule=rules.GradientDescent())
    assert sum(p.numel() for p in ours.parameters()) == 45 + 30 + 10 + 10


def test_a_single_unit_has_an_empty_skew_matrix_and_trains() -> None:
    ours = OptCell(3, 1, cell="orthogonal")
    ours(torch.randn(4, 2, 3))[0].sum().backward()
    ours.after_step()
    assert ours.weight_ih_l0.grad is not None


def test_stacked_modules_map_like_separate_ones() -> None:
    modules = [OptCell(3, 4, cell=cells.Orthogonal(init="henaff")) for _ in range(3)]
    for one in modules:
        one.skew_l0.data += torch.randn_like(one.skew_l0)
    weights, buffers = torch.func.stack_module_state(modules)  # type: ignore[arg-type]
    x = torch.randn(5, 2, 3)

    def run(weights: dict[str, Tensor], buffers: dict[str, Tensor]) -> Tensor:
        output: Tensor = torch.func.functional_call(modules[0], (weights, buffers), (x,))[0]
        return output

    mapped = torch.func.vmap(run)(weights, buffers)
    expected = torch.stack([one(x)[0] for one in modules])
    torch.testing.assert_close(mapped, expected, rtol=1e-5, atol=1e-6)


def test_in_half_precision_new_bases_are_taken_on_and_on() -> None:
    ours = module(rebase=100).bfloat16()
    bases = []
    for step in range(1, 1001):
        ours.skew_l0.data.fill_(0.125)
        ours.after_step()
        if ours.skew_l0.abs().max() == 0:
            bases.append(step)
    assert bases == list(range(100, 1001, 100))
