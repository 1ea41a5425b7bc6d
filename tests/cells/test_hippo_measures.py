"""What the memories of HiPPO hold: projections, matrices, and the official code's numbers."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import scipy.integrate
import scipy.linalg
import scipy.special
import torch
from torch import Tensor

from optcell_search import OptCell, cells
from optcell_search.cells.memory import measures
from optcell_search.cells.memory.measures import DISCRETISATIONS, continuous, discrete, scaled_step


def signal(x: np.ndarray) -> np.ndarray:
    """Return a smooth signal on 0 <= x <= 1."""
    return np.sin(2 * np.pi * 1.3 * x) + 0.5 * np.cos(7 * x)


def projection(order: int) -> np.ndarray:
    """Return the coefficients of `signal` in the orthonormal Legendre polynomials on [0, 1]."""
    coefficients = []
    for n in range(order):
        polynomial = scipy.special.sh_legendre(n)
        value, _ = scipy.integrate.quad(lambda x, p=polynomial: signal(x) * p(x), 0, 1)
        coefficients.append(math.sqrt(2 * n + 1) * value)
    return np.array(coefficients)


# Largest error of a coefficient over 400 samples; it falls as 1/T, for zero-order hold as 1/T^2.
def legs(samples: np.ndarray, order: int, discretisation: str) -> Tensor:
    A, B = continuous("legs", order)
    m = torch.zeros(1, 1, order, dtype=torch.float64)
    for t, value in enumerate(samples, start=1):
        f, step = torch.tensor([[value]]), torch.tensor([float(t)]).double()
        m = scaled_step(A, B, m, f, step, discretisation)
    return m[0, 0]


@pytest.mark.parametrize(("discretisation", "error"), [("bilinear", 6e-3), ("zoh", 4e-5)])
def test_legs_holds_the_legendre_projection_of_a_smooth_signal(
    discretisation: str, error: float
) -> None:
    samples = signal((np.arange(400) + 0.5) / 400)
    m = legs(samples, 16, discretisation).numpy()
    assert np.abs(m - projection(16)).max() < error
    # And the polynomials give the signal back.
    x = np.linspace(0.02, 0.98, 200)
    basis = [math.sqrt(2 * n + 1) * scipy.special.eval_sh_legendre(n, x) for n in range(16)]
    assert np.abs(m @ np.array(basis) - signal(x)).max() < 15 * error


@pytest.mark.parametrize(
    ("discretisation", "held", "sampled"), [("bilinear", 6e-3, 5e-3), ("zoh", 1e-12, 1e-4)]
)
def test_legs_does_not_see_how_finely_a_signal_is_sampled(
    discretisation: str, held: float, sampled: float
) -> None:
    once = signal((np.arange(300) + 0.5) / 300)
    coarse = legs(once, 12, discretisation)
    assert (legs(np.repeat(once, 2), 12, discretisation) - coarse).abs().max() < held
    twice = signal((np.arange(600) + 0.5) / 600)
    assert (legs(twice, 12, discretisation) - coarse).abs().max() < sampled


def test_lagt_holds_the_past_in_laguerre_functions() -> None:
    timescale, order, steps = 100, 8, 4000
    A, B = discrete("lagt", order, 1 / timescale, "zoh")
    samples = signal((np.arange(steps) + 0.5) / steps)
    m = torch.zeros(order, dtype=torch.float64)
    for value in samples:
        m = A @ m + B * value
    ago = (steps - np.arange(steps) - 0.5) / timescale
    functions = [scipy.special.eval_laguerre(n, ago) * np.exp(-ago / 2) for n in range(order)]
    expected = np.array(functions) @ samples / timescale
    assert np.abs(m.numpy() - expected).max() < 1e-3


def test_legt_holds_the_projection_of_its_window() -> None:
    window, order = 200, 12
    A, B = discrete("legt", order, 1 / window, "zoh")
    noise = np.random.default_rng(0).standard_normal(300)
    m = torch.zeros(order, dtype=torch.float64)
    for value in np.concatenate([noise, signal((np.arange(window) + 0.5) / window)]):
        m = A @ m + B * value
    # The window forgets only as well as N polynomials can cut it off, hence no finer.
    smooth = torch.zeros(order, dtype=torch.float64)
    for value in np.concatenate([np.zeros(300), signal((np.arange(window) + 0.5) / window)]):
        smooth = A @ smooth + B * value
    assert np.abs(smooth.numpy() - projection(order)).max() < 0.2
    assert (m - smooth).abs().max() < 0.1


@pytest.mark.parametrize("measure", ["legt", "lagt"])
@pytest.mark.parametrize("step", [1.0, 0.01])
def test_discrete_matrices_are_those_of_scipy(measure: str, step: float) -> None:
    A, B = (part.numpy() for part in continuous(measure, 10))
    system = (A, B[:, None], np.eye(10), np.zeros((10, 1)))
    for ours, theirs in (("bilinear", "bilinear"), ("zoh", "zoh")):
        expected = scipy.signal.cont2discrete(system, step, method=theirs)
        got = discrete(measure, 10, step, ours)
        np.testing.assert_allclose(got[0], expected[0], rtol=1e-9, atol=1e-10)
        np.testing.assert_allclose(got[1], expected[1][:, 0], rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("measure", ["legs", "legt", "lagt"])
def test_matrices_are_those_of_the_paper(measure: str) -> None:
    A, B = continuous(measure, 6)
    for n, k in itertools.product(range(6), range(6)):
        root = math.sqrt((2 * n + 1) * (2 * k + 1))
        expected = {
            "legs": -root if n > k else -(n + 1) if n == k else 0,
            "legt": -root * (1 if n >= k else (-1) ** (n - k)),
            "lagt": -1 if n > k else -0.5 if n == k else 0,
        }[measure]
        assert A[n, k] == pytest.approx(expected)
    assert B.tolist() == pytest.approx(
        [1.0] * 6 if measure == "lagt" else [math.sqrt(2 * n + 1) for n in range(6)]
    )


@pytest.mark.parametrize("discretisation", DISCRETISATIONS)
def test_sequences_at_steps_of_their_own_are_moved_as_each_alone(discretisation: str) -> None:
    A, B = continuous("legs", 5)
    m = torch.randn(3, 2, 5, dtype=torch.float64)
    f, t = torch.randn(3, 2, dtype=torch.float64), torch.tensor([1.0, 4.0, 9.0]).double()
    together = scaled_step(A, B, m, f, t, discretisation)
    for i in range(3):
        j = slice(i, i + 1)
        alone = scaled_step(A, B, m[j], f[j], t[j], discretisation)
        torch.testing.assert_close(together[j], alone, rtol=1e-12, atol=1e-12)


def official_legs(samples: Tensor, order: int, discretisation: str, init_t: int) -> list[Tensor]:
    """Return the memory after each step as the official code numbers its steps.

    Its update takes t = time_step - 1 + init_t with time_step from 0; below 0 the memory becomes
    (f, 0, ..., 0), else the matrices number t are those of t + 1.
    """
    A, B = (part.numpy() for part in continuous("legs", order))
    m, history, eye = np.zeros(order), [], np.eye(order)
    for time_step, f in enumerate(samples.tolist()):
        number = time_step - 1 + init_t
        if number < 0:
            m = np.array([f, *([0.0] * (order - 1))])
        else:
            t = number + 1
            if discretisation == "bilinear":
                m = np.linalg.solve(eye - A / t / 2, (eye + A / t / 2) @ m + B / t * f)
            else:
                E = scipy.linalg.expm(A * (math.log(t + 1) - math.log(t)))
                m = E @ m + np.linalg.solve(A, E @ B - B) * f
        history.append(torch.from_numpy(m.copy()))
    return history


@pytest.mark.parametrize(
    ("discretisation", "init_t", "official"),
    [("bilinear", 0, 0), ("bilinear", 1, 1), ("zoh", 0, 0), ("zoh", 1, 0)],
)
def test_legs_goes_by_the_numbers_of_the_official_code(
    discretisation: str, init_t: int, official: int
) -> None:
    order = 8
    torch.manual_seed(0)
    cell = cells.HiPPO(
        order=order, discretisation=discretisation, init_t=init_t, memory_input="input"
    )
    module = OptCell(1, 3, cell=cell, rule="gd", dtype=torch.float64)
    x = torch.randn(20, 1, 1, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    f = module.cell.input_projection(module._weights(0), x, None)[:, 0, -1]
    state, found = None, []
    for x_t in x.split(1):
        _, state = module(x_t, state)
        found.append(state[0].hidden[1][0, 0].detach())
    expected = official_legs(f.detach(), order, discretisation, official)
    torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-12)
    other = official_legs(f.detach(), order, discretisation, 1 - official)
    assert (torch.stack(found) - torch.stack(other)).abs().max() > 0.1 * f.abs().max()


@pytest.mark.parametrize("discretisation", DISCRETISATIONS)
@pytest.mark.parametrize("order", [1, 7, 64])
def test_what_exports_of_legs_is_the_step(
    discretisation: str, order: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(0)
    A, B = continuous("legs", order)
    m, f = torch.randn(4, 2, order).double(), torch.randn(4, 2).double()
    each = torch.tensor([1.0, 2.0, 3.0, 100.0]).double()
    for t in (*each.split(1), each):
        monkeypatch.setattr(measures, "exporting", lambda: False)
        expected = scaled_step(A, B, m, f, t, discretisation)
        one_by_one = torch.cat(
            [
                scaled_step(A, B, m[k : k + 1], f[k : k + 1], t[k : k + 1], discretisation)
                for k in range(len(t) if len(t) > 1 else 0)
            ]
            or [expected]
        )
        torch.testing.assert_close(one_by_one, expected, rtol=1e-10, atol=1e-10)
        monkeypatch.setattr(measures, "exporting", lambda: True)
        exported = scaled_step(A, B, m, f, t, discretisation)
        torch.testing.assert_close(exported, expected, rtol=1e-10, atol=1e-10)
