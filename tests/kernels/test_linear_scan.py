"""The linear scans and the delta memory: every kernel against its readable twin."""

from __future__ import annotations

import pytest
import torch
from loops_truth import close, draw, with_gradients
from torch import Tensor
from torch.func import grad, vmap

from optcell_search import kernels
from optcell_search.kernels.compiled import build

NO_COMPILER = pytest.mark.skipif(build.problem() is not None, reason=str(build.problem()))
BACKENDS = ["torch", pytest.param("compiled", marks=NO_COMPILER)]
# Planes of coefficients, inputs and states.
FORMS = {"real": (2, 1, 1), "complex": (3, 2, 2), "matrix": (6, 1, 2)}
# T = 1, one sequence, and T and channels that no chunk, vector or share of a thread divides.
SHAPES = [(1, 1, 1), (5, 3, 2), (33, 4, 70), (1100, 2, 3)]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("varies", ["", "time", "batch", "time and batch"])
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("shape", SHAPES)
def test_linear_scan(shape: tuple[int, int, int], form: str, varies: str, backend: str) -> None:
    torch.manual_seed(0)
    (T, B, N), (planes, inputs, states) = shape, FORMS[form]
    rows = (T if "time" in varies else 1, B if "batch" in varies else 1)
    coefficients = torch.rand(*rows, planes, N, dtype=torch.float64) - 0.5
    # The inputs are a part of a wider tensor, as those of a cell are.
    given = {
        "coefficients": coefficients.requires_grad_(),
        "wide": draw(T, B, inputs * N + 3),
        "initial": draw(B, states, N),
    }
    weight = {"v": torch.randn(T, B, states, N, dtype=torch.float64)}

    def run(name: str) -> dict[str, Tensor]:
        x = given["wide"][..., : inputs * N].reshape(T, B, inputs, N)
        with kernels.backend(name):
            v = kernels.linear_scan(given["coefficients"], x, given["initial"])
            return with_gradients({"v": v}, given, weight)

    close(run(backend), run("reference"))


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("wanted", ["h", "h and v"])
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("shape", SHAPES)
def test_linear_readout(shape: tuple[int, int, int], form: str, wanted: str, backend: str) -> None:
    torch.manual_seed(0)
    (T, B, N), (planes, inputs, states), H = shape, FORMS[form], 5
    coefficients = torch.rand(1, B if wanted == "h" else 1, planes, N, dtype=torch.float64) - 0.5
    given = {
        "coefficients": coefficients.requires_grad_(),
        "u": draw(B, T, inputs * N + H),
        "initial": draw(B, states, N),
        "weight": draw(H, inputs * N),
    }
    weight = {"h": torch.randn(T, B, H).double(), "v": torch.randn(T, B, states, N).double()}
    weight = {name: part for name, part in weight.items() if name in wanted}

    def run(name: str) -> dict[str, Tensor]:
        with kernels.backend(name):
            # The input of a module with `batch_first` lies the other way round.
            u = given["u"].transpose(0, 1)
            h, v = kernels.linear_readout(
                given["coefficients"], u, given["initial"], given["weight"]
            )
        of = {"h": h, "v": v}
        return of | with_gradients({name: of[name] for name in weight}, given, weight)

    close(run(backend), run("reference"))


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("candidate", ["positive", "identity"])
@pytest.mark.parametrize(("kind", "gates"), [("min_gru", 2), ("min_lstm", 3)])
def test_gated_scan(kind: str, gates: int, candidate: str, backend: str) -> None:
    torch.manual_seed(0)
    T, B, N = 37, 3, 19
    given = {"x": draw(T, B, gates * N), "initial": draw(B, N)}
    weight = {"h": torch.randn(T, B, N, dtype=torch.float64)}

    def run(name: str) -> dict[str, Tensor]:
        with kernels.backend(name):
            h = kernels.gated_scan(kind, candidate, 3 * given["x"], given["initial"])
            return with_gradients({"h": h}, given, weight)

    close(run(backend), run("reference"))


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("kind", ["min_gru", "min_lstm"])
def test_closed_gates_are_numbers(kind: str, backend: str) -> None:
    """Where both gates of minLSTM are 0 in single precision, their ratio is none of 0 by 0."""
    x = torch.full((3, 1, 6 if kind == "min_lstm" else 4), -200.0).requires_grad_()
    with kernels.backend(backend):
        h = kernels.gated_scan(kind, "identity", x, torch.ones(1, 2))
    h.sum().backward()
    assert h.isfinite().all()
    assert x.grad is not None
    assert x.grad.isfinite().all()


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("forget", [-1e5, -400.0, -100.0, -88.0, -2.0, 90.0])
@pytest.mark.parametrize("more", [-1e4, -10.0, 0.5, 10.0, 100.0])
def test_gates_keep_their_ratio_where_both_are_closed(
    forget: float, more: float, backend: str
) -> None:
    """minLSTM's forget gate is what it is in double precision, however small both gates are."""
    given = torch.tensor([forget, forget + more, 2.0], dtype=torch.float64)
    found = {}
    for dtype in (torch.float32, torch.float64):
        x = given.to(dtype).expand(3, 1, 3).clone().requires_grad_()
        with kernels.backend(backend if dtype == torch.float32 else "reference"):
            h = kernels.gated_scan("min_lstm", "identity", x, x.new_ones(1, 1))
        found[dtype] = h.detach().double(), torch.autograd.grad(h.sum(), x)[0].double()
    for got, true in zip(found[torch.float32], found[torch.float64], strict=True):
        torch.testing.assert_close(got, true, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("ragged", [False, True])
@pytest.mark.parametrize(("inner", "states"), [("plain", 1), ("trace", 2), ("adam", 3)])
@pytest.mark.parametrize("shape", [(1, 1, 1, 1), (5, 2, 3, 4), (70, 3, 2, 9), (33, 2, 1, 20)])
def test_delta(
    shape: tuple[int, int, int, int], inner: str, states: int, ragged: bool, backend: str
) -> None:
    torch.manual_seed(0)
    T, B, heads, d = shape
    start = torch.randn(B, heads, states, d, d, dtype=torch.float64)
    start[:, :, -1].abs_()  # a mean square is none below 0
    given = {"u": draw(T, B, 3 * heads * d + 2 * heads), "start": start.requires_grad_()}
    if ragged:
        alpha = torch.rand(T, B, heads, dtype=torch.float64)
        given["alpha"] = alpha.requires_grad_()
    values = torch.rand(*((1, 1) if inner == "adam" else (T, B)), 4, dtype=torch.float64)
    lengths = torch.randint(1, T + 1, (B,)) if ragged else None
    valid = 1 if lengths is None else (torch.arange(T)[:, None] < lengths).unsqueeze(-1)
    weights = {
        "o": torch.randn(T, B, heads * d, dtype=torch.float64),
        "end": torch.randn_like(start),
    }

    def run(name: str) -> dict[str, Tensor]:
        with kernels.backend(name):
            o, end = kernels.delta(
                given["u"], given.get("alpha"), inner, values, given["start"], lengths
            )
        return with_gradients({"o": o * valid, "end": end}, given, weights)

    close(run(backend), run("reference"))


@pytest.mark.parametrize("backend", ["torch", "reference"])
@pytest.mark.parametrize(("inner", "states"), [("plain", 1), ("adam", 3)])
def test_a_memory_of_half_precision_inputs_stays_in_single(
    inner: str, states: int, backend: str
) -> None:
    u, start = torch.randn(20, 2, 3 * 4 + 1).bfloat16(), torch.zeros(2, 1, states, 4, 4)
    with kernels.backend(backend):
        o, end = kernels.delta(u, None, inner, torch.tensor([[[0.6, 1.0, 0.9, 1.0]]]), start)
    assert (o.dtype, end.dtype) == (torch.bfloat16, torch.float32)
    assert not torch.equal(end, end.bfloat16().float())


@pytest.mark.parametrize("backend", BACKENDS)
def test_scans_are_mapped_over_candidates(backend: str) -> None:
    torch.manual_seed(0)
    coefficients = torch.rand(3, 1, 1, 3, 5, dtype=torch.float64)
    x, initial = draw(7, 2, 2, 5).detach(), draw(3, 2, 2, 5).detach()
    with kernels.backend(backend):
        mapped = vmap(kernels.linear_scan, in_dims=(0, None, 0))(coefficients, x, initial)
        for k in range(3):
            alone = kernels.linear_scan(coefficients[k], x, initial[k])
            torch.testing.assert_close(mapped[k], alone, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("backend", BACKENDS)
def test_readouts_are_mapped_over_candidates(backend: str) -> None:
    torch.manual_seed(0)
    coefficients = torch.rand(3, 1, 1, 6, 5, dtype=torch.float64)
    u, initial, weight = draw(7, 2, 9).detach(), draw(2, 2, 5).detach(), draw(3, 4, 5).detach()

    def loss(coefficients: Tensor, weight: Tensor) -> Tensor:
        h, v = kernels.linear_readout(coefficients, u, initial, weight)
        return h.square().sum() + v.sum()

    with kernels.backend(backend):
        mapped = vmap(grad(loss, argnums=(0, 1)))(coefficients, weight)
        for k in range(3):
            alone = grad(loss, argnums=(0, 1))(coefficients[k], weight[k])
            for one, among in zip(alone, mapped, strict=True):
                torch.testing.assert_close(among[k], one, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("backend", BACKENDS)
def test_sums_over_a_long_time_keep_single_precision(backend: str) -> None:
    """The gradient of a pole shared by all steps: a sum of 65,536 terms in float32."""
    torch.manual_seed(0)
    x = torch.randn(65536, 1, 2, 4, dtype=torch.float64)
    grads = {}
    for dtype in (torch.float64, torch.float32):
        pole = torch.tensor([[0.9] * 4, [0.3] * 4, [1.0] * 4], dtype=torch.float64).to(dtype)
        pole = pole[None, None].requires_grad_()
        with kernels.backend(backend):
            v = kernels.linear_scan(pole, x.to(dtype), x.new_zeros(1, 2, 4, dtype=dtype))
        grads[dtype] = torch.autograd.grad(v.square().sum(), pole)[0].double()
    error = (grads[torch.float32] - grads[torch.float64]).abs().max()
    assert error < 1e-5 * grads[torch.float64].abs().max()
