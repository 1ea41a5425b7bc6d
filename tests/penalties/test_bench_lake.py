"""The table of the lake is what its numbers say."""

from __future__ import annotations

import importlib.util
import statistics
from pathlib import Path

SCRIPT = Path(__file__).parents[2] / "scripts" / "benchmarks" / "tasks" / "bench_lake.py"


def test_the_table_is_made_of_the_numbers() -> None:
    spec = importlib.util.spec_from_file_location("bench_lake", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    bench = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(bench)
    book = bench.Book(SCRIPT.parents[1] / "results" / "lake.json")
    text = bench.report(book)
    assert text == (SCRIPT.parents[1] / "results" / "lake.md").read_text(encoding="utf-8")
    errors = [book.content["scores"][f"lstm/2/{seed}"]["rmse"] for seed in range(5)]
    row = next(line for line in text.splitlines() if line.startswith("| 2 % | lstm | 5 |"))
    assert row.split("|")[4].strip() == (
        f"{statistics.fmean(errors):.2f} ± {statistics.stdev(errors):.2f}"
    )
