"""The scripts that time the cells: their rival is right, and the GPU's runs where there is none."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from bench_files import plot, summary, table, write
from bench_loops import WrittenOut

from optcell_search.cells import OptCell

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("rule", ["heavy_ball", "adam"])
@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
def test_the_loop_they_compare_with_computes_the_same(cell: str, rule: str) -> None:
    module = OptCell(3, 5, cell=cell, rule=rule, num_layers=2, dtype=torch.float64)
    x = torch.randn(7, 2, 3, dtype=torch.float64)
    torch.testing.assert_close(WrittenOut(module)(x)[0], module(x)[0], rtol=1e-12, atol=1e-12)


def test_rows_measured_again_replace_the_older_ones(tmp_path: Path) -> None:
    head = {"device": "cpu", "threads": 2, "clock": "wall", "date": "2026-01-02"}
    head |= {"machine": "a processor", "torch": "2", "note": ""}

    def row(rule: str, both: float) -> dict[str, Any]:
        sizes = {"T": 1, "B": 1, "D": 1, "H": 1, "layers": 1, "cell": "gru", "rule": rule}
        more = {"backend": "torch", "milliseconds": 1, "torch_milliseconds": 1, "memory": 1}
        spread = [both, both, both]
        return sizes | more | {"both": spread, "forward": spread, "repeats": 3}

    write(tmp_path, head, "cells", [row("gd", 1.0), row("adam", 2.0)])
    write(tmp_path, head, "cells", [row("gd", 3.0)])
    kept = json.loads((tmp_path / "bench_cells.json").read_text())["cpu, 2 threads, wall time"]
    assert {r["rule"]: r["both"][1] for r in kept["cells"]} == {"adam": 2.0, "gd": 3.0}
    table = (tmp_path / "bench_cells.md").read_text()
    assert "3.00 [3.00, 3.00]" in table
    assert "1.00 [1.00, 1.00]" not in table


def test_table_plot_and_page_are_made_of_the_figures() -> None:
    scripts = ROOT / "scripts" / "benchmarks" / "results"
    kept = json.loads((scripts / "bench_cells.json").read_text())
    place = kept["cpu, 2 threads, wall time"]
    assert (scripts / "bench_cells.md").read_text().splitlines() == table(kept)
    assert (scripts / "bench_cells_cpu.svg").read_text() == plot(place["lengths"])
    assert "\n".join(["", *summary(place), ""]) in (ROOT / "docs/benchmarks/index.md").read_text()


PROGRAM = """
import runpy, sys
sys.argv = ["bench_gpu.py", "--rehearse", "--rules", "adam", "--repeats", "1", "--out", sys.argv[1]]
sys.path.insert(0, "scripts/benchmarks/cells")
runpy.run_path("scripts/benchmarks/cells/bench_gpu.py", run_name="__main__")
assert not {"ray", "optuna"} & set(sys.modules)
"""


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("triton") is None, reason="triton is not installed")
def test_the_gpu_bench_runs_whole_in_rehearsal(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", PROGRAM, str(tmp_path)],
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads((tmp_path / "bench_gpu.json").read_text())
    assert found["left_out"] == []
    exact = [row for row in found["exactness"] if row["precision"] == "float32"]
    assert [(row["cell"], row["backend"]) for row in exact] == [
        ("lstm", "triton"),
        ("gru", "triton"),
        ("rnn", "triton"),
        ("lru", "triton"),
        ("oscillator", "triton"),
        ("min_gru", "triton"),
        ("min_lstm", "triton"),
        ("delta", "triton"),
    ]
    assert [row["cell"] for row in found["linear"]] == [row["cell"] for row in exact[3:]]
    assert all(row["errors"]["output"] < 1e-5 for row in exact)
    # The gradient of beta over three steps is a small difference of larger terms.
    assert all(row["error"] < 1e-3 for row in exact)
    assert [row["rule"] for row in found["candidates"]] == ["adam", "heavy_ball"]
    assert all(row["error"] < 1e-5 for row in found["candidates"])
    assert "K candidates" in (tmp_path / "bench_gpu.md").read_text()
    assert "| lstm | adam | 3, 2, 2, 4 |" in (tmp_path / "bench_cells.md").read_text()
