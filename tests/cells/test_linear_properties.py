"""What the papers claim of their linear cells: stability, energy, and what a long time costs."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from optcell_search import OptCell, cells
from optcell_search.cells import State


def poles(module: OptCell) -> Tensor:
    re, im, _ = module.cell.prepare(module._weights(0))["poles"]
    return torch.complex(re, im)


def test_the_poles_start_in_their_ring_and_white_noise_has_unit_size() -> None:
    torch.manual_seed(0)
    cell = cells.LRU(r_min=0.5, r_max=0.9, max_phase=1.0, expansion=8)
    module = OptCell(1, 64, cell=cell, rule="gd", dtype=torch.float64)
    pole = poles(module)
    assert pole.abs().min() >= 0.5
    assert pole.abs().max() <= 0.9
    assert pole.angle().min() >= 0
    assert pole.angle().max() <= 1.0
    # |pole|² is even in its range: its mean is the middle, and a third of them lie in each third.
    square = pole.abs().square()
    assert abs(square.mean() - (0.25 + 0.81) / 2) < 0.04
    gain = module.cell.prepare(module._weights(0))["poles"][2]
    torch.testing.assert_close(gain.square() + square, torch.ones_like(square))


def test_no_weights_take_a_pole_of_the_lru_out_of_the_unit_circle() -> None:
    module = OptCell(1, 16, cell="lru", rule="gd")
    with torch.no_grad():
        for value in (-20.0, -3.0, 0.0, 3.0, 20.0):
            module.nu_log_l0.fill_(value)
            assert poles(module).abs().max() <= 1
    with torch.no_grad():
        module.nu_log_l0.fill_(-5.0)
        x = torch.zeros(20_000, 1, 1)
        x[0] = 1
        assert module(x)[0].isfinite().all()


@pytest.mark.parametrize(
    ("cell", "names"),
    [(cells.LRU(), ["nu_log", "theta_log"]), (cells.Delta(gate=True), ["gate_rate"])],
)
def test_the_gradient_of_a_rate_beyond_all_numbers_is_finite(
    cell: cells.Cell, names: list[str]
) -> None:
    module = OptCell(2, 8, cell=cell, rule="gd")
    with torch.no_grad():
        for name in names:
            getattr(module, f"{name}_l0").fill_(100.0)
    module(torch.randn(5, 2, 2))[0].sum().backward()
    for name, parameter in module.named_parameters():
        assert parameter.grad is not None
        assert parameter.grad.isfinite().all(), name


def matrices(cell: cells.Oscillator) -> tuple[Tensor, Tensor, Tensor]:
    """A, and the 2 × 2 matrix of a step and the step itself, of 32 drawn oscillators."""
    torch.manual_seed(0)
    module = OptCell(1, 64, cell=cell, rule="gd", dtype=torch.float64)
    matrix = module.cell.prepare(module._weights(0))["matrix"][:4, :32]
    step = torch.sigmoid(module.step_logit_l0)
    return module.stiffness_l0, matrix.T.reshape(-1, 2, 2), step


def test_the_implicit_oscillator_loses_energy_at_every_step() -> None:
    """By 1 / (1 + Δ² A) exactly: the determinant, and the size of both eigenvalues squared."""
    A, M, step = matrices(cells.Oscillator(discretisation="implicit"))
    torch.testing.assert_close(torch.linalg.det(M), 1 / (1 + step**2 * A))
    state = torch.randn(32, 2, 1, dtype=torch.float64)
    for _ in range(50):
        after = M @ state
        energy, later = ((s[:, 0] ** 2 + A[:, None] * s[:, 1] ** 2) / 2 for s in (state, after))
        # z² + A y² falls by the factor 1 + Δ² A in every step of the backward Euler scheme.
        torch.testing.assert_close(later * (1 + step**2 * A)[:, None], energy)
        state = after


def test_the_implicit_explicit_oscillator_keeps_its_own_energy() -> None:
    """z² + A y² - Δ A y z is the same after every step, and areas are."""
    A, M, step = matrices(cells.Oscillator(discretisation="implicit_explicit"))
    torch.testing.assert_close(torch.linalg.det(M), torch.ones_like(A))
    state = torch.randn(32, 2, 1, dtype=torch.float64)

    def energy(state: Tensor) -> Tensor:
        z, y = state[:, 0, 0], state[:, 1, 0]
        return z**2 + A * y**2 - step * A * y * z

    before = energy(state)
    for _ in range(10_000):
        state = M @ state
    torch.testing.assert_close(energy(state), before, rtol=1e-9, atol=1e-9)


def test_the_damped_oscillators_start_in_their_ring() -> None:
    _, M, _ = matrices(cells.Oscillator(r_min=0.8, max_phase=1.5))
    values = torch.linalg.eigvals(M)
    assert values.abs().min() >= 0.8 - 1e-9
    assert values.abs().max() <= 1.0
    assert values.angle().abs().max() <= 1.5 + 1e-9
    assert values.angle().abs().max() > 1.2


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("form", ["implicit", "implicit_explicit", "damped"])
@pytest.mark.parametrize("value", [-100.0, -1.0, -1e-4, 0.3, 100.0, 1e6, 1e9, 1e30])
def test_no_weights_make_an_oscillator_grow(form: str, value: float, dtype: torch.dtype) -> None:
    module = OptCell(1, 8, cell=cells.Oscillator(discretisation=form), rule="gd", dtype=dtype)
    with torch.no_grad():
        for logit in (-20.0, -8.0, -4.0, 0.0, 8.0):
            module.stiffness_l0.fill_(value)
            module.step_logit_l0.fill_(logit)
            if form == "damped":
                # Of each size beside each stiffness.
                module.damping_l0.copy_(torch.tensor([0.0, 1e-4, 10.0, 1e4]))
            matrix = module.cell.prepare(module._weights(0))["matrix"][:4, :4].double()
            grown = torch.linalg.eigvals(matrix.T.reshape(-1, 2, 2)).abs().max()
            assert grown <= 1 + 1e-6


@pytest.mark.parametrize("name", ["min_gru", "min_lstm"])
def test_a_minimal_cell_stays_between_its_candidates(name: str) -> None:
    torch.manual_seed(0)
    module = OptCell(2, 6, cell=name, rule="gd", bias=False)
    h = module(10 * torch.randn(300, 2, 2))[0]
    assert h.min() >= 0  # g is positive, and each h a mean of what came before


@pytest.mark.parametrize("name", ["lru", "oscillator", "min_gru", "min_lstm", "delta"])
def test_a_sequence_of_65536_steps_is_its_pieces(name: str) -> None:
    torch.manual_seed(0)
    module = OptCell(2, 8, cell=name, rule="adam")
    x = torch.randn(65_536, 1, 2)
    with torch.no_grad():
        whole = module(x)[0]
        state: State | None = None
        pieces = []
        for piece in x.split(20_000):
            output, state = module(piece, state)
            pieces.append(output)
    assert whole.isfinite().all()
    torch.testing.assert_close(torch.cat(pieces), whole, rtol=1e-4, atol=1e-4)


def test_a_saved_state_holds_a_step_and_not_the_sequence() -> None:
    for name in ("lru", "oscillator", "min_gru", "min_lstm", "delta"):
        _, (layer,) = OptCell(2, 8, cell=name, rule="gd")(torch.randn(1000, 1, 2))
        for part in layer.hidden:
            assert part.untyped_storage().nbytes() <= 4 * max(part.numel(), 2)


def test_the_size_of_a_pole_that_starts_on_the_axis_is_a_number() -> None:
    module = OptCell(1, 64, cell=cells.LRU(r_min=0.0, r_max=1e-9, max_phase=1e-9), rule="gd")
    assert all(parameter.isfinite().all() for parameter in module.parameters())
    assert math.isfinite(module(torch.ones(5, 1, 1))[0].sum().item())
