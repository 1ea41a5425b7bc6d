"""The Triton kernels compiled for an H100, which takes no GPU: a stand-in for one launches nothing.

The interpreter hides what only a compiler sees: types that change in a loop, more shared memory
than there is, and values that overflow the registers.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from optcell_search.kernels import triton

# Kernels are launched as they always are; what Triton asks of a GPU's driver stands in Driver.
PROGRAM = """
import json, re, subprocess, tempfile, torch, triton
from triton.backends.compiler import GPUTarget
from optcell_search.kernels.triton import delta, linear_scan, normalize, recurrence, scan
from optcell_search.kernels.layout import GATES, SAVED

label, size, found = "", 0, {}

class Utils:
    def get_device_properties(self, device):
        return {"max_shared_mem": 227 << 10}

    def load_binary(self, name, cubin, shared, device):
        with tempfile.NamedTemporaryFile(suffix=".cubin") as file:
            file.write(cubin)
            file.flush()
            tool = [triton.knobs.nvidia.cuobjdump.path, "-res-usage", file.name]
            usage = subprocess.run(tool, capture_output=True, text=True, check=True).stdout
        stack = int(re.search(r"STACK:(\\d+)", usage)[1])
        found[f"{label}, {name} {len(found)}"] = (size, shared, stack)
        return cubin, name, 0, 0, 1024

class Driver:
    utils = Utils()

    def get_current_target(self):
        return GPUTarget("cuda", 90, 32)

    def get_current_device(self):
        return 0

    def get_current_stream(self, device):
        return 0

    def launcher_cls(self, source, metadata):
        return lambda *args: None

triton.runtime.driver.set_active(Driver())
torch.set_default_device("meta")
wide, half = torch.float32, torch.bfloat16

for kind, gates in GATES.items():
    for T, B, H, sequences, dtype, precision in (
        (784, 128, 128, 16, wide, "ieee"),
        (784, 128, 128, 8, wide, "ieee"),
        (784, 128, 128, 16, wide, "tf32"),
        (784, 128, 256, 16, half, "ieee"),
        (784, 128, 256, 16, wide, "ieee"),
        (1, 1, 1, 16, wide, "ieee"),
    ):
        recurrence.sequences = lambda *args: sequences
        label = f"{kind} {H} {sequences} {dtype} {precision}"
        size = H * dtype.itemsize
        torch.backends.cuda.matmul.fp32_precision = precision
        def empty(*shape):
            return torch.empty(shape, dtype=dtype)
        u, weight, bias = empty(1, T, B, gates * H), empty(1, gates * H, H), empty(1, gates * H)
        h0, none = empty(1, B, H), empty(1, 0)
        c0 = h0 if kind == "lstm" else none
        for keep in (False, True) if SAVED[kind] else (True,):
            outputs = recurrence.recurrence_forward(u, weight, bias, h0, c0, kind, keep)
        for grad_c in (none, h0) if kind == "lstm" else (none,):
            recurrence.recurrence_backward(h0, grad_c, weight, h0, c0, *outputs, kind)

for T, B, W in ((784, 128, 512), (1, 1, 1)):
    for dtype in (wide, half):
        label, size = f"{W} {dtype}", 0
        z, lengths = torch.empty(1, T, B, W, dtype=dtype), torch.empty(1, B, dtype=torch.int64)
        p, v0 = torch.empty(1, 4), torch.empty(1, B, W, dtype=dtype)
        for keep in (False, True):
            u, v, m, marks = normalize.normalize_forward(z, p, v0, v0, lengths, keep)
        normalize.normalize_backward(u, v, m, z, p, lengths, marks)
        for rows in (1, B):
            decay = torch.empty(1, T, rows)
            scan.scan_backward(z, decay, scan.scan_forward(decay, z, v0), v0)

for planes, inputs, states in ((2, 1, 1), (3, 2, 2), (6, 1, 2)):
    for steps, rows in ((1, 1), (1, 128), (784, 128)):
        for dtype in (wide, half):
            label, size = f"linear {planes} {steps} {rows} {dtype}", 0
            x = torch.empty(1, 784, 128, inputs, 128, dtype=dtype)
            initial = torch.empty(1, 128, states, 128)
            coefficients = torch.empty(1, steps, rows, planes, 128)
            v = linear_scan.linear_scan_forward(coefficients, x, initial)
            linear_scan.linear_scan_backward(v, coefficients, x, v, initial, torch.empty_like(x))

for inner, states in (("plain", 1), ("trace", 2)):
    for heads, d in ((4, 16), (1, 64)):
        for dtype in (wide, half):
            label, size = f"delta {inner} {d} {dtype}", 0
            u = torch.empty(1, 784, 128, 3 * heads * d + 2 * heads, dtype=dtype)
            alpha, values = torch.empty(1, 784, 128, heads, dtype=dtype), torch.empty(1, 1, 1, 4)
            start = torch.empty(1, 128, heads, states, d, d)
            lengths = torch.empty(1, 128, dtype=torch.int64)
            o, end, marks = delta.delta_forward(u, alpha, values, start, lengths, inner, True)
            delta.delta_backward(o, end, u, alpha, values, lengths, marks, inner)

print(json.dumps(found))
"""


def missing() -> str | None:
    """Say what the compiler lacks here."""
    if importlib.util.find_spec("triton") is None:
        return "triton is not installed"
    from triton import knobs

    try:
        _ = knobs.nvidia.ptxas, knobs.nvidia.cuobjdump  # each runs the program to learn its version
    except (RuntimeError, OSError) as error:
        return f"triton's compiler for CUDA does not run here: {error}"
    return None


@pytest.mark.slow
def test_every_gpu_kernel_compiles_for_an_h100(tmp_path: Path) -> None:
    if reason := missing():
        pytest.skip(reason)
    environment = {k: v for k, v in os.environ.items() if k != "TRITON_INTERPRET"}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", PROGRAM],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[2],
        env=environment | {"TRITON_CACHE_DIR": str(tmp_path)},
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads(done.stdout)
    assert len(found) > 60
    assert {
        most: max(shared for size, shared, _ in found.values() if size <= most)
        for most in triton.SHARED
    } == triton.SHARED
    # A register or two may spill where ptxas, not Triton, is another one; a matrix must not.
    # The backward pass of wide heads of a delta memory does spill some of its chunk.
    most = {name: 1024 if name.startswith("delta") else 256 for name in found}
    assert {n: stack for n, (_, _, stack) in found.items() if stack > most[n]} == {}
