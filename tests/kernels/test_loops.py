"""Every fast loop against its slow twin: outputs, final states and every gradient."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from loops_truth import GATES, TOLERANCE, close, draw, with_gradients, written_out
from torch import Tensor

from optcell_search import kernels
from optcell_search.kernels import reference
from optcell_search.kernels.compiled import build

NO_COMPILER = pytest.mark.skipif(build.problem() is not None, reason=str(build.problem()))
BACKENDS = ["torch", pytest.param("compiled", marks=NO_COMPILER)]


@pytest.fixture(autouse=True)
def _same_numbers() -> Iterator[None]:
    torch.manual_seed(0)
    return


# T, B, channels, sequences with a decay of their own: T = 1, B = 1, and T and the channels no
# multiple of a chunk, a mark, a vector or a thread's share.
@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    "shape",
    [(1, 1, 1, 1), (5, 3, 2, 3), (100, 4, 19, 1), (33, 4, 19, 4), (1100, 2, 3, 1), (33, 300, 7, 1)],
)
def test_scan(backend: str, shape: tuple[int, int, int, int]) -> None:
    T, B, D, rows = shape
    decay = torch.rand(T, rows, 1, dtype=torch.float64)
    decay[::3] = 0
    decay[1::3] = 1
    inputs = {"decay": decay.requires_grad_(), "x": draw(T, B, D), "initial": draw(B, D)}
    weight = {"v": torch.randn(T, B, D, dtype=torch.float64)}
    truth = with_gradients({"v": reference.scan(*inputs.values())}, inputs, weight)
    with kernels.backend(backend):
        close(with_gradients({"v": kernels.scan(*inputs.values())}, inputs, weight), truth)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("ragged", [False, True])
@pytest.mark.parametrize("shape", [(1, 1, 1), (5, 3, 2), (70, 4, 19), (33, 2, 600)])
def test_normalize(backend: str, ragged: bool, shape: tuple[int, int, int]) -> None:
    T, B, D = shape
    lengths = torch.randint(1, T + 1, (B,)) if ragged else None
    values = {"mu": 0.6, "s": 0.7, "beta": 0.9, "eps": 1e-2}
    inputs = {
        n: torch.tensor(v, dtype=torch.float64, requires_grad=True) for n, v in values.items()
    }
    inputs |= {"z": draw(T, B, D), "v0": draw(B, D), "m0": torch.rand(B, D, dtype=torch.float64)}
    inputs["m0"].requires_grad_()
    valid = 1 if lengths is None else (torch.arange(T)[:, None] < lengths).unsqueeze(-1)
    weights = {"u": torch.randn(T, B, D, dtype=torch.float64)}
    weights |= {name: torch.randn(B, D, dtype=torch.float64) for name in ("v", "m")}

    def run() -> dict[str, Tensor]:
        mu, s, beta, eps, z, v0, m0 = inputs.values()
        u, (v, m) = kernels.normalize(z, (mu, s, beta, eps), (v0, m0), lengths)
        return with_gradients({"u": u * valid, "v": v, "m": m}, inputs, weights)

    with kernels.backend("reference"):
        truth = run()
    with kernels.backend(backend):
        close(run(), truth)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("kind", GATES)
@pytest.mark.parametrize("shape", [(1, 1, 1), (5, 3, 7), (9, 13, 40), (2, 25, 16)])
def test_recurrence(
    kind: str, backend: str, shape: tuple[int, int, int], dtype: torch.dtype
) -> None:
    T, B, H = shape
    inputs = {
        "u": draw(T, B, GATES[kind] * H),
        "weight": draw(GATES[kind] * H, H),
        "bias": draw(GATES[kind] * H),
    }
    inputs["weight"] = (inputs["weight"] / H**0.5).detach().requires_grad_()
    names = ("h", "c") if kind == "lstm" else ("h",)
    hidden = {f"{name}0": draw(B, H) for name in names}
    weights = {name: torch.randn(T, B, H, dtype=torch.float64) for name in names}
    inputs |= hidden
    truth = reference.recur(
        written_out(kind, inputs["weight"], inputs["bias"]), inputs["u"], tuple(hidden.values())
    )
    expected = with_gradients(dict(zip(names, truth, strict=True)), inputs, weights)
    own = {name: part.detach().to(dtype).requires_grad_() for name, part in inputs.items()}
    with kernels.backend(backend):
        u, weight, bias, *initial = own.values()
        outputs = kernels.recurrence(kind, u, weight, bias, tuple(initial))
    close(
        with_gradients(dict(zip(names, outputs, strict=True)), own, weights),
        expected,
        TOLERANCE[dtype],
    )


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("size", [0.0, 1e6, 1e-30])
@pytest.mark.parametrize("kind", GATES)
def test_pre_activations_of_any_size_give_finite_and_equal_numbers(
    kind: str, backend: str, size: float
) -> None:
    T, B, H = 40, 2, 5
    inputs = {"z": (draw(T, B, GATES[kind] * H) * size).detach().requires_grad_()}
    inputs["weight"] = draw(GATES[kind] * H, H)
    zeros = torch.zeros(B, GATES[kind] * H, dtype=torch.float64)
    hidden = tuple(
        torch.zeros(B, H, dtype=torch.float64) for _ in range(2 if kind == "lstm" else 1)
    )
    values = tuple(torch.tensor(v, dtype=torch.float64) for v in (0.999, 0.6, 0.0, 1e-8))

    def run(name: str) -> dict[str, Tensor]:
        with kernels.backend(name):
            u, _ = kernels.normalize(inputs["z"], values, (zeros, zeros))
            if name == "reference":
                step = written_out(kind, inputs["weight"], torch.zeros(1, dtype=torch.float64))
                h = reference.recur(step, u, hidden)[0]
            else:
                h = kernels.recurrence(kind, u, inputs["weight"], None, hidden)[0]
        return with_gradients({"h": h}, inputs, {"h": torch.ones_like(h)})

    close(run(backend), run("reference"))


@pytest.mark.parametrize("backend", BACKENDS)
def test_nan_is_not_hidden(backend: str) -> None:
    u = torch.zeros(3, 2, 16)
    u[1, 0, 0] = torch.nan
    with kernels.backend(backend):
        h, _ = kernels.recurrence("lstm", u, torch.zeros(16, 4), None, (torch.zeros(2, 4),) * 2)
    assert h[2].isnan().any(1).tolist() == [True, False]


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_number_of_threads_changes_nothing(backend: str) -> None:
    u, weight = draw(20, 70, 64), draw(64, 16)
    before = torch.get_num_threads()
    results = []
    for threads in (1, 3):
        torch.set_num_threads(threads)
        with kernels.backend(backend):
            h, _ = kernels.recurrence("lstm", u, weight, None, (torch.zeros(70, 16).double(),) * 2)
        results.append((h, *torch.autograd.grad(h.sum(), (u,))))
    torch.set_num_threads(before)
    for one, three in zip(*results, strict=True):
        torch.testing.assert_close(one, three, rtol=1e-12, atol=1e-12)


def test_a_second_derivative_is_refused_and_the_reference_gives_it() -> None:
    decay, x, initial = torch.full((4, 1, 1), 0.5), draw(4, 1, 1).float(), torch.zeros(1, 1)
    x = x.detach().requires_grad_()
    (first,) = torch.autograd.grad(
        kernels.scan(decay, x, initial).square().sum(), x, create_graph=True
    )
    with pytest.raises(RuntimeError, match="differentiated once"):
        first.sum().backward()
    with kernels.backend("reference"):
        loss = kernels.scan(decay, x, initial).square().sum()
    (first,) = torch.autograd.grad(loss, x, create_graph=True)
    (second,) = torch.autograd.grad(first.sum(), x)
    assert second.abs().sum() > 0
