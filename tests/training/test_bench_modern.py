"""The table of cells at equal parameters: what is measured next, and what the page says."""

from __future__ import annotations

from typing import Any

from bench_modern import TUNING, best_rate, missing
from modern_recipes import CONTENDERS, TASKS, WITHIN, width_of
from modern_tables import page

from optcell_search import tasks
from optcell_search.training import count_parameters


def row(contender: str, lr: float, seed: int | str, validation: float) -> dict[str, Any]:
    found = {"task": "adding 400", "contender": contender, "lr": lr, "seed": seed, "hidden_size": 9}
    found |= {"parameters": 100, "metric": "mse", "direction": "minimize"}
    found |= {"validation": validation, "date": "2026-01-02", "machine": "one"}
    return found if seed == TUNING else found | {"test": validation + 0.5}


def test_only_what_is_missing_is_measured_and_with_the_rate_that_was_best() -> None:
    known = [row("lru", 3e-3, TUNING, 0.2)]
    asked = []
    for rate, seed in missing("adding 400", "lru", known, 3):
        asked.append((rate, seed))
        known.append(row("lru", rate, seed, 0.1))
    assert asked == [(1e-2, TUNING), (1e-2, 0), (1e-2, 1), (1e-2, 2)]
    assert list(missing("adding 400", "lru", known, 3)) == []
    assert best_rate([{"lr": 1.0, "diverged": "at once"}]) is None


def test_the_page_has_tested_scores_and_their_differences() -> None:
    rows = [row("lstm", 3e-3, seed, 1.0 + 0.1 * seed) for seed in range(3)]
    rows += [row("delta", 3e-3, seed, 2.0 + 0.1 * seed) for seed in range(3)]
    rows += [row("delta, Adam inside", 3e-3, seed, 2.0 + 0.1 * seed) for seed in range(3)]
    lines = page([*rows, row("gru", 3e-3, TUNING, 0.1)]).splitlines()
    found = {line.split("|")[1].strip(): line.split("|") for line in lines if line.startswith("| ")}
    assert found["delta"][7].strip() == "2.6000 ± 0.1000"
    assert found["delta"][8].strip().startswith("+1.0000 [+0.7")
    assert found["delta, Adam inside"][9].strip().startswith("+0.0000 [-0.2")
    assert found["lstm"][8].strip() == ""
    assert "gru" not in found


def test_every_contender_has_as_many_parameters_as_the_lstm() -> None:
    task = TASKS["JapaneseVowels"]
    loaded = tasks.load(task.spec)
    aim = count_parameters(CONTENDERS["lstm"].candidate(task, 32, 1e-3).build(loaded))
    for name in ("gru", "orthogonal", "hippo", "lru", "oscillator", "min_gru", "min_lstm", "delta"):
        width, parameters = width_of(CONTENDERS[name], task, loaded)
        built = CONTENDERS[name].candidate(task, width, 1e-3).build(loaded)
        assert count_parameters(built) == parameters
        assert abs(parameters - aim) <= WITHIN * aim
