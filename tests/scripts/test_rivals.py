"""What is said of rivals follows from rows of equal seconds."""

from __future__ import annotations

from typing import Any

import bench_rivals


def row(rival: str, seconds: float, seed: int, *scores: float) -> dict[str, Any]:
    incumbents = [{"seconds": 10.0 * i, "validation": s, "test": s} for i, s in enumerate(scores)]
    return {
        "task": "digits", "rival": rival, "seed": seed, "seconds": seconds, "date": "2026-11-30",
        "direction": "maximize", "cores": 2, "load_before": 0.0, "incumbents": incumbents,
    }  # fmt: skip


def test_budgets_are_not_mixed() -> None:
    rows = [
        row("Optuna", 120.0, 0, 0.5, 0.8), row("Optuna", 600.0, 0, 0.9),
        row("Ray Tune", 120.0, 0, 0.7), row("Optuna", 120.0, 1, 0.6), row("ROCKET", 600.0, 0),
    ]  # fmt: skip
    lines = [line for line in bench_rivals.table(rows).splitlines() if line.startswith("| digits")]
    assert lines == [
        "| digits | 120 | Optuna | 2 | 0.7000 ± 0.1414 | 0.7000 ± 0.1414 | 10 s, – |",
        "| digits | 120 | Ray Tune | 1 | 0.7000 | 0.7000 | – |",
        "| digits | 600 | Optuna | 1 | 0.9000 | 0.9000 | 0 s |",
        "| digits | 600 | ROCKET | 1 | no model | no model | – |",
    ]
