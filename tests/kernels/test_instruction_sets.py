"""The compiled kernels built for processors with narrower vectors than the one that tests run on.

Which paths through the vector code are taken depends on what the compiler is told of the
processor, so a machine with AVX-512 says nothing about one with SSE2 alone. And a home folder may
be shared by both: what one has built the other must not load.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from optcell_search.kernels.compiled import build

# Every kind of cell and rule beside the readable twin in float64: output, final state, gradients.
# In float32 a kernel may be as far off as its twin is, but for the order in which it adds up.
_COMPARE = """
import copy, torch, optcell_search as o
from optcell_search import kernels
from optcell_search.kernels.compiled import build
assert build.problem() is None, build.problem()
torch.manual_seed(0)

def found(module, x, backend):
    x = x.detach().requires_grad_()
    with kernels.backend(backend):
        y, state = module(x)
    wanted = [x, *(p for p in module.parameters() if p.requires_grad)]
    weights = torch.linspace(-1, 1, y.numel(), dtype=y.dtype).view_as(y)
    grads = torch.autograd.grad((y * weights).sum(), wanted, allow_unused=True)
    return [y, state.h, *(g for g in grads if g is not None)]

compared = 0
for cell in ("rnn", "lstm", "gru", "min_gru", "lru", "delta"):
    for rule in ("gd", "heavy_ball", "nesterov", "adam", "rmsprop"):
        for units in (4, 12, 20) if cell == "delta" else (1, 7, 19):
            module, x = o.OptCell(3, units, cell=cell, rule=rule), torch.randn(9, 5, 3)
            wide = copy.deepcopy(module).double()
            truth = found(wide, x.double(), "reference")
            scale = max(1.0, *(float(part.detach().abs().max()) for part in truth))

            def gap(other):
                gaps = ((a - b).detach().abs().max() for a, b in zip(other, truth))
                return float(max(gaps)) / scale

            twin = gap(found(module, x, "reference"))
            one, two = gap(found(wide, x.double(), "compiled")), gap(found(module, x, "compiled"))
            assert one < 1e-12 and two < 20 * twin + 1e-6, (cell, rule, units, one, two, twin)
            compared += 1
print(compared)
"""


def _compiler_for(march: str, folder: Path, compiler: str) -> Path:
    """Write a compiler that builds for a processor of `march` whatever it is asked for."""
    path = folder / "compiler"
    path.write_text(
        f"""#!{sys.executable}
import os, sys
asked = ["-march={march}" if a == "-march=native" else a for a in sys.argv[1:]]
assert "-c" not in asked or "-march={march}" in asked, asked
os.execvp({compiler!r}, [{compiler!r}, *asked])
"""
    )
    path.chmod(0o755)
    return path


@pytest.mark.slow
@pytest.mark.skipif(platform.machine() != "x86_64", reason="SSE2 and AVX2 are of x86-64")
@pytest.mark.parametrize(("march", "flag"), [("x86-64", "sse2"), ("x86-64-v3", "avx2")])
def test_kernels_for_other_processors_give_what_their_twin_gives(
    march: str, flag: str, tmp_path: Path
) -> None:
    if build.problem() is not None:
        pytest.skip(f"no compiled kernels here: {build.problem()}")
    if flag not in Path("/proc/cpuinfo").read_text().split():
        pytest.skip(f"this processor has no {flag}")
    compiler = os.environ.get("CXX") or shutil.which("g++") or shutil.which("c++")
    assert compiler is not None
    environment = os.environ | {
        "CXX": str(_compiler_for(march, tmp_path, compiler)),
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
        "PYTHONPATH": os.pathsep.join(sys.path),
        "OMP_NUM_THREADS": "1",
    }
    done = subprocess.run(
        [sys.executable, "-c", _COMPARE], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert int(done.stdout) == 90
    assert [path.suffix for path in (tmp_path / "cache" / "optcell_search").iterdir()] == [".so"]


@pytest.mark.parametrize("line", ["flags\t\t: fpu sse2 avx2", "Features\t: fp asimd sve"])
def test_kernels_of_another_processor_have_another_name(
    line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    described = tmp_path / "cpuinfo"
    monkeypatch.setattr(build, "_PROCESSOR", described)

    def name(text: str) -> str:
        described.write_text(text)
        return build._fingerprint("g++")

    own = name(f"processor\t: 0\ncpu MHz\t\t: 2000.0\n{line}\n")
    assert name(f"processor\t: 0\ncpu MHz\t\t: 2700.0\n{line}\n") == own
    assert name(f"processor\t: 0\ncpu MHz\t\t: 2000.0\n{line} more\n") != own
