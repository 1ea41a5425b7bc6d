"""The Triton kernels, every line of them, by Triton's interpreter on the CPU."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

# In a process of its own: the interpreter is chosen before Triton is imported. Tiles are made
# narrow, since the interpreter scans them element by element.
PROGRAM = """
import json, torch
from optcell_search import kernels
from optcell_search.kernels.layout import GATES
from optcell_search.kernels.triton import delta, linear_scan, normalize, recurrence, scan
scan.CHANNELS = linear_scan.CHANNELS = normalize.CHANNELS = 4
torch.manual_seed(0)
errors, exact = {}, {}

def compare(label, names, run):
    results = []
    for backend in ("torch", "triton"):
        dtype = torch.float64 if backend == "torch" else torch.float32
        with kernels.backend(backend):
            results.append(run(dtype, backend))
    for name, truth, own in zip(names, *results, strict=True):
        size = truth.abs().max().item()
        errors[f"{label} {name}"] = ((own - truth).abs().max().item()) / (size or 1.0)

def cast(tensors, dtype):
    return [t.detach().to(dtype).requires_grad_() for t in tensors]

def kernel_of(kind, tensor, name, **more):
    assert kernels.choose(kernels.Loop.like(kind, tensor, **more)) == name

for T, B, D, rows in ((1, 1, 1, 1), (35, 3, 5, 3), (35, 2, 3, 1)):
    decay = torch.rand(T, rows, 1); decay[::3] = 0
    tensors, weight = (decay, torch.randn(T, B, D), torch.randn(B, D)), torch.randn(T, B, D)
    def run(dtype, name):
        inputs = cast(tensors, dtype)
        kernel_of("scan", inputs[1], name)
        v = kernels.scan(*inputs)
        return (v, *torch.autograd.grad(v, inputs, weight.to(dtype)))
    compare(f"scan {T}", ("v", "decay", "x", "initial"), run)

for form, planes, inputs, states in (("real", 2, 1, 1), ("complex", 3, 2, 2), ("matrix", 6, 1, 2)):
    for T, steps, rows in ((1, 1, 1), (35, 1, 1), (35, 1, 2), (35, 35, 2)):
        B, N = 2, 5
        tensors = [torch.rand(steps, rows, planes, N) - 0.5, torch.randn(T, B, inputs, N)]
        tensors += [torch.randn(B, states, N)]
        weight = torch.randn(T, B, states, N)
        def run(dtype, name):
            inputs = cast(tensors, dtype)
            kernel_of("linear_scan", inputs[1], name)
            v = kernels.linear_scan(*inputs)
            return (v, *torch.autograd.grad(v, inputs, weight.to(dtype)))
        names = ("v", "coefficients", "x", "initial")
        compare(f"linear_scan {form} {T} {steps} {rows}", names, run)

for form, planes, inputs, states in (("complex", 3, 2, 2), ("matrix", 6, 1, 2)):
    T, B, N, H = 35, 2, 5, 3
    tensors = [torch.rand(1, 1, planes, N) - 0.5, torch.randn(T, B, inputs * N + H)]
    tensors += [torch.randn(B, states, N), torch.randn(H, inputs * N)]
    weight = torch.randn(T, B, H)
    def run(dtype, name):
        inputs = cast(tensors, dtype)
        kernel_of("linear_scan", inputs[1], name)
        h, _ = kernels.linear_readout(*inputs)
        return (h, *torch.autograd.grad(h, inputs, weight.to(dtype)))
    compare(f"linear_readout {form}", ("h", "coefficients", "u", "initial", "weight"), run)

# In float64, past the choice of kernels: the interpreter has it, the kernels read it as it is.
for inner, states in (("plain", 1), ("trace", 2)):
    for T, B, heads, d, ragged in ((1, 1, 1, 1, False), (18, 2, 2, 5, True), (16, 1, 1, 17, False)):
        u = torch.randn(T, B, 3 * heads * d + 2 * heads, dtype=torch.float64).requires_grad_()
        start = torch.randn(B, heads, states, d, d, dtype=torch.float64).requires_grad_()
        alpha = torch.rand(T, B, heads, dtype=torch.float64).requires_grad_() if ragged else None
        values = torch.rand(T if ragged else 1, B if ragged else 1, 4, dtype=torch.float64)
        lengths = torch.tensor([T, 11])[:B]
        valid = (torch.arange(T)[:, None] < lengths).unsqueeze(-1)
        weight, end_weight = torch.randn(T, B, heads * d) * valid, torch.randn(start.shape)
        inputs = [u, start, *([alpha] if ragged else [])]
        with kernels.backend("reference"):
            o, end = kernels.delta(u, alpha, inner, values, start, lengths)
        loss = (o * weight).sum() + (end * end_weight).sum()
        truths = (o * valid, end, *torch.autograd.grad(loss, inputs))
        given = [t.detach()[None] for t in (u, start, values, lengths, weight.double())]
        a = alpha.detach()[None] if ragged else u.new_empty(0)
        with torch.no_grad():
            o, end, marks = delta.delta_forward(given[0], a, *given[2:0:-1], given[3], inner, True)
            du, da, ds = delta.delta_backward(
                given[4], end_weight.double()[None], given[0], a, given[2], given[3], marks, inner
            )
        own = (o[0] * valid, end[0], du[0], ds[0], *([da[0]] if ragged else []))
        for name, truth, value in zip(("o", "end", "u", "start", "alpha"), truths, own):
            error = ((value - truth).abs().max() / truth.abs().max()).item()
            exact[f"delta {inner} {T} {name}"] = error

# And through the operator, in single precision, as it is differentiated.
tensors = [torch.randn(18, 2, 3 * 4 + 2), torch.rand(18, 2, 1), torch.randn(2, 1, 2, 4, 4)]
def run(dtype, name):
    u, alpha, start = inputs = cast(tensors, dtype)
    kernel_of("delta", u, name)
    o, end = kernels.delta(u, alpha, "trace", torch.tensor([[[0.6, 0.7, 1.0, 0.1]]]), start)
    return (o, end, *torch.autograd.grad(o.cos().sum() + end.cos().sum(), inputs))
compare("delta", ("o", "end", "u", "alpha", "start"), run)

for T, B, D, ragged in ((1, 1, 1, False), (35, 2, 5, True)):
    tensors = [torch.tensor(v) for v in (0.6, 0.7, 0.9, 1e-2)]
    tensors += [torch.randn(T, B, D), torch.randn(B, D), torch.rand(B, D)]
    lengths = torch.tensor([35, 20])[:B] if ragged else None
    weight, end = torch.randn(T, B, D), torch.randn(B, D)
    def run(dtype, name):
        mu, s, beta, eps, z, v0, m0 = inputs = cast(tensors, dtype)
        kernel_of("normalize", z, name)
        u, (v, m) = kernels.normalize(z, (mu, s, beta, eps), (v0, m0), lengths)
        loss = (u * weight).sum() + (v * end).sum() + 2 * (m * end).sum()
        return (u, v, m, *torch.autograd.grad(loss, inputs))
    names = ("u", "v", "m", "mu", "s", "beta", "eps", "z", "v0", "m0")
    compare(f"normalize {T}", names, run)

for kind, gates in GATES.items():
    for T, B, H, size in ((1, 1, 1, 16), (4, 18, 7, 16), (3, 11, 17, 8)):  # in pieces the last
        recurrence.sequences = lambda *args, size=size: size
        tensors = [torch.randn(T, B, gates * H), torch.randn(gates * H, H) / H**0.5]
        tensors += [torch.randn(gates * H)]
        tensors += [torch.randn(B, H) for _ in range(2 if kind == "lstm" else 1)]
        weights = [torch.randn(T, B, H) for _ in tensors[3:]]
        def run(dtype, name):
            u, weight, bias, *hidden = inputs = cast(tensors, dtype)
            kernel_of(kind, u, name, hidden_size=H)
            outputs = kernels.recurrence(kind, u, weight, bias, tuple(hidden))
            loss = sum((o * w).sum() for o, w in zip(outputs, weights, strict=True))
            return (*outputs, *torch.autograd.grad(loss, inputs))
        names = ("h", "c")[: len(weights)] + ("u", "weight", "bias", "h0", "c0")[: 3 + len(weights)]
        compare(f"{kind} {T}", names, run)

for kind, gates in GATES.items():
    u = torch.zeros(3, 2, gates * 4)
    u[1, 0, 0] = torch.nan
    hidden = (torch.zeros(2, 4),) * (2 if kind == "lstm" else 1)
    with kernels.backend("triton"):
        h = kernels.recurrence(kind, u, torch.zeros(gates * 4, 4), None, hidden)[0]
    # Where the gate that was given it is followed by nothing, the next state is without it.
    assert h[1, 0].isnan().any() and not h[:, 1].isnan().any(), kind

print(json.dumps([errors, exact]))
"""


@pytest.mark.skipif(importlib.util.find_spec("triton") is None, reason="triton is not installed")
def test_every_gpu_kernel_agrees_with_float64_by_name() -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", PROGRAM],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[2],
        env=os.environ | {"TRITON_INTERPRET": "1"},
    )
    assert done.returncode == 0, done.stderr[-3000:]
    errors, exact = json.loads(done.stdout)
    assert len(errors) > 80
    assert len(exact) > 20
    assert {name: error for name, error in exact.items() if not error <= 1e-13} == {}
    assert {name: error for name, error in errors.items() if not error <= 1e-5} == {}
