"""Every loop reads its tensors however they lie in memory, also where a dimension has size 1.

The stride of such a dimension may be any number, and torch calls the tensor contiguous then, too.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest
import torch
from loops_truth import GATES
from torch import Tensor
from torch.func import vmap

from optcell_search import kernels
from optcell_search.kernels import LayerWeights
from optcell_search.kernels.compiled import build
from optcell_search.kernels.layout import DELTA_STATES, FORMS

NO_COMPILER = pytest.mark.skipif(build.problem() is not None, reason=str(build.problem()))
# Back-ends, and how many candidates are mapped over, 0 for no mapping.
BACKENDS = [
    ("torch", 0),
    pytest.param("compiled", 0, marks=NO_COMPILER),
    pytest.param("compiled", 2, marks=NO_COMPILER),
]
# T, B, N: each of them 1 alone, with another one, and none.
SHAPES = [(7, 1, 3), (1, 4, 3), (7, 4, 1), (7, 1, 1), (1, 1, 1), (7, 4, 3)]

Loop = Callable[..., tuple[Tensor, ...]]
Shapes = dict[str, tuple[int, ...]]


def _apart(x: Tensor) -> Tensor:
    """Every second number of each dimension."""
    for dim in range(x.ndim):
        x = torch.stack([x, x], dim + 1).select(dim + 1, 0)
    return x


def _any_stride(x: Tensor) -> Tensor:
    x = x.contiguous()
    strides = (977 if size == 1 else step for size, step in zip(x.shape, x.stride(), strict=True))
    return x.as_strided(x.shape, tuple(strides))


LAYOUTS: dict[str, Callable[[Tensor], Tensor]] = {
    "batch first": lambda x: x.transpose(0, 1).contiguous().transpose(0, 1) if x.ndim > 1 else x,
    "apart": _apart,
    "any stride": _any_stride,
    "one step for all": lambda x: x[:1].expand_as(x),
    "one channel for all": lambda x: x[..., :1].expand_as(x),
}


def _linear(planes: int, T: int, B: int, N: int) -> dict[str, Shapes]:
    inputs, states = FORMS[planes]
    given = {"x": (T, B, inputs, N), "initial": (B, states, N)}
    read = {"u": (T, B, inputs * N + 2), "initial": (B, states, N), "weight": (2, inputs * N)}
    return {
        f"linear {planes} fixed": {"coefficients": (1, 1, planes, N)} | given,
        f"linear {planes} varying": {"coefficients": (T, B, planes, N)} | given,
        f"readout {planes}": {"coefficients": (1, B, planes, N)} | read,
    }


def loops(T: int, B: int, N: int) -> dict[str, tuple[Loop, Shapes]]:
    """Each loop with the shapes of what it is given."""
    found: dict[str, tuple[Loop, Shapes]] = {}
    for whose, rows in (("shared", 1), ("own", B)):
        shapes: Shapes = {"decay": (T, rows, 1), "x": (T, B, N), "initial": (B, N)}
        found[f"scan {whose}"] = (lambda *i: (kernels.scan(*i),), shapes)
    found["normalize"] = _normalize, {"z": (T, B, N), "v": (B, N), "m": (B, N)}
    for kind, gates in GATES.items():
        W = gates * N
        hidden: Shapes = {"h": (B, N)} | ({"c": (B, N)} if kind == "lstm" else {})
        shapes = {"u": (T, B, W), "weight": (W, N), "bias": (W,)} | hidden
        found[kind] = (
            lambda u, w, b, *hidden, kind=kind: kernels.recurrence(kind, u, w, b, hidden),
            shapes,
        )
    for planes in FORMS:
        for name, shapes in _linear(planes, T, B, N).items():
            if "readout" in name:
                found[name] = kernels.linear_readout, shapes
            else:
                found[name] = (lambda *i: (kernels.linear_scan(*i),), shapes)
    for kind, gates in (("min_gru", 2), ("min_lstm", 3)):
        shapes = {"x": (T, B, gates * N), "initial": (B, N)}
        found[kind] = (
            lambda x, h, kind=kind: (kernels.gated_scan(kind, "positive", x, h),),
            shapes,
        )
    for inner, states in DELTA_STATES.items():
        shapes = {"u": (T, B, 2 * (3 * N + 1)), "alpha": (T, B, 2), "start": (B, 2, states, N, N)}
        found[inner] = (lambda *i, inner=inner: _delta(inner, *i), shapes)
    return found


def _normalize(z: Tensor, v: Tensor, m: Tensor) -> tuple[Tensor, ...]:
    values = tuple(z.new_tensor(value) for value in (0.6, 0.7, 0.9, 1e-2))
    u, ends = kernels.normalize(z, values, (v, m.square()))  # type: ignore[arg-type]
    return u, *ends


def _delta(inner: str, u: Tensor, alpha: Tensor, start: Tensor) -> tuple[Tensor, ...]:
    steps = (1, 1) if inner == "adam" else u.shape[:2]
    values = torch.full((*steps, 4), 0.5, dtype=u.dtype)
    return kernels.delta(u, alpha.sigmoid(), inner, values, start.square())


def layers(T: int, B: int, N: int) -> dict[str, tuple[Loop, Shapes]]:
    """Each fused layer, which the readable loops make one after the other."""
    F = 2
    found: dict[str, tuple[Loop, Shapes]] = {}
    for kind, gates in GATES.items():
        W = gates * N
        hidden: Shapes = {"h": (B, N)} | ({"c": (B, N)} if kind == "lstm" else {})
        weights: Shapes = {"w_ih": (W, F), "b_ih": (W,), "w_hh": (W, N), "b_hh": (W,)}
        for rule, traces in {"adam": (W, W), "linear": (F + 1,)}.items():
            shapes: Shapes = {"x": (T, B, F)} | weights | hidden
            shapes |= {f"trace {i}": (B, width) for i, width in enumerate(traces)}
            found[f"{kind} {rule}"] = (lambda *i, k=kind, r=rule: _layer(k, r, *i), shapes)
    return found


def _layer(kind: str, rule: str, x: Tensor, *rest: Tensor) -> tuple[Tensor, ...]:
    (w_ih, b_ih, w_hh, b_hh), rest = rest[:4], rest[4:]
    count = 2 if kind == "lstm" else 1
    hidden, traces = rest[:count], rest[count:]
    values = tuple(x.new_tensor(value) for value in (0.6, 0.7, 0.9, 1e-2))
    factors = x.new_tensor([0.6, 0.7, 0.8, 0.9]).expand(len(x), 1, 4)
    if rule == "adam":
        traces = (traces[0], traces[1].square())
    if kernels.choose(kernels.Loop.like(kind, x, hidden_size=w_hh.shape[1])) == "compiled":
        weights = LayerWeights(w_ih, b_ih, w_hh, b_hh)
        given = values if rule == "adam" else factors
        hidden, traces = kernels.fused_layer(kind, x, weights, hidden, given, traces)  # type: ignore[arg-type]
        return *hidden, *traces
    if rule == "adam":
        u, traces = kernels.normalize(x @ w_ih.mT + b_ih, values, traces)  # type: ignore[arg-type]
    else:
        x = torch.cat([x, torch.ones_like(x[..., :1])], -1)
        v = kernels.scan(factors[..., :1], 0.7 * x, traces[0])
        u, traces = (0.8 * v + 0.9 * x) @ torch.cat([w_ih, b_ih[:, None]], -1).mT, (v[-1],)
    return *kernels.recurrence(kind, u, w_hh, b_hh, hidden), *traces


def check(loop: Loop, shapes: Shapes, backend: str, layout: str, candidates: int) -> None:
    torch.manual_seed(0)
    lead = (candidates,) if candidates else ()
    given = {
        name: torch.rand(*lead, *shape, dtype=torch.float64, requires_grad=True)
        for name, shape in shapes.items()
    }
    lie = LAYOUTS[layout]
    function = vmap(loop) if candidates else loop

    def run(backend: str) -> dict[str, Tensor]:
        with kernels.backend(backend):
            outputs = function(*map(lie, given.values()))
            torch.manual_seed(1)
            flow = [
                lie(torch.randn_like(o, memory_format=torch.contiguous_format)) for o in outputs
            ]
            grads = torch.autograd.grad(outputs, tuple(given.values()), flow)
        found = {f"output {i}": part.detach() for i, part in enumerate(outputs)}
        return found | dict(zip(given, grads, strict=True))

    found, truth = run(backend), run("reference")
    for name, value in truth.items():
        what = f"{name} of {shapes}, {layout}"
        torch.testing.assert_close(
            found[name], value, rtol=1e-9, atol=1e-9, msg=lambda m, what=what: f"{what}: {m}"
        )


@pytest.mark.parametrize(("backend", "candidates"), BACKENDS)
@pytest.mark.parametrize("name", loops(2, 2, 2))
def test_a_loop(name: str, backend: str, candidates: int) -> None:
    for shape, layout in itertools.product(SHAPES, LAYOUTS):
        check(*loops(*shape)[name], backend, layout, candidates)


@NO_COMPILER
@pytest.mark.parametrize("candidates", [0, 2])
@pytest.mark.parametrize("name", layers(2, 2, 2))
def test_a_fused_layer(name: str, candidates: int) -> None:
    for shape, layout in itertools.product(SHAPES, LAYOUTS):
        check(*layers(*shape)[name], "compiled", layout, candidates)
