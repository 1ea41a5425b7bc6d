"""Searches that are compared: what is picked of them, what is missing, and what is said."""

from __future__ import annotations

import json
import statistics
from pathlib import Path
from typing import Any

import pytest
from compare_samplers import SETTINGS, Setting, begin, missing, read, search
from comparison_default import against_random
from comparison_judge import Judge
from comparison_pruning import afresh
from comparison_tables import called_for, half_time, write
from tables import made_up

from optcell_search.table import Table


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Table:
    return made_up(tmp_path_factory.mktemp("tables") / "some.parquet", held=40)


def judge_of(table: Table, accuracies: dict[str, float]) -> Judge:
    """A judge by whom candidates have these accuracies on test."""
    judge = Judge(table, 0.1)
    judge.accuracy |= accuracies
    judge.best = max(judge.accuracy.values())
    return judge


def test_what_would_be_picked_is_the_best_and_of_the_same_the_smallest(table: Table) -> None:
    keys = {size: [] for size in (8, 16)}  # type: dict[int, list[str]]
    for candidate in table.candidates:
        keys[candidate.model.values()["hidden_size"]].append(candidate.key)
    (small, other), (large, *_) = sorted(keys[8])[:2], keys[16]
    judge = judge_of(table, {small: 0.7, other: 0.8, large: 0.9})
    steps = [[1, 1.0, large, 0.5], [2, 2.0, other, 0.5], [3, 3.0, small, 0.5]]
    assert judge.regret(steps[:1]) == pytest.approx(0.0)
    assert judge.regret(steps[:2]) == pytest.approx(0.1)
    assert judge.regret(steps) == pytest.approx(0.2)
    assert judge.regret([*steps, [4, 4.0, large, 0.6]]) == pytest.approx(0.0)
    assert judge.regret([]) == pytest.approx(0.8)


def test_what_is_stored_is_not_searched_again(tmp_path: Path) -> None:
    runs, stored = tmp_path / "runs.jsonl", tmp_path / "compare_samplers.json"
    few, many = SETTINGS[0], next(one for one in SETTINGS if one.trials)
    known = [{"setting": few.name, "seed": seed, "complete": []} for seed in (0, 2)]
    stored.write_text(json.dumps({"held": 9, "searches": {few.name: known}}), "utf-8")
    begin(runs, stored, 9)
    assert read(runs) == known
    with runs.open("a", encoding="utf-8") as stream:
        stream.write(json.dumps(known[0]) + "\n")
    assert read(runs) == known
    assert [*missing(runs, 3, [few, many], 250)] == [
        (many, 0), (few, 1), (many, 1), (many, 2),
    ]  # fmt: skip
    assert [*missing(runs, 3, [few, many], 100)] == [(few, 1)]
    begin(runs, tmp_path / "nowhere.json", 9)
    assert read(runs) == []
    # Searches of a table that held fewer are searches of another one.
    begin(runs, stored, 10)
    assert read(runs) == []


def line(name: str, seed: int, keys: list[str], scores: list[float]) -> dict[str, Any]:
    """A search of which every trial is complete, a second after the one before."""
    steps = [[i, float(i), k, s] for i, (k, s) in enumerate(zip(keys, scores, strict=True), 1)]
    ended = [float(i) for i in range(1, len(keys) + 1)]
    return {
        "setting": name, "seed": seed, "trials": len(keys), "ended": ended, "complete": steps,
    }  # fmt: skip


def row_of(text: str, trials: int) -> list[str]:
    """The numbers of a row, without their intervals."""
    (row,) = [line for line in text.splitlines() if line.startswith(f"| {trials} |")]
    return [cell.strip().partition(" ")[0].strip("*") for cell in row.strip("|").split("|")]


def test_the_default_is_set_against_random_in_as_many_trials_and_as_long(table: Table) -> None:
    good, fair, bad = (candidate.key for candidate in table.candidates[:3])
    judge = judge_of(table, {good: 0.9, fair: 0.8, bad: 0.5})
    ours, theirs = "one: tpe, asha, 8 workers", "one: random, none, 8 workers"
    # Random search comes to the fair one at its 40th trial, the default to the good one at its 20th
    # and ends, by then, after half as many seconds.
    default = [
        line(ours, seed, [bad] * 19 + [good] * 31, [0.1] * 19 + [0.9] * 31) for seed in (0, 1)
    ]
    random = [
        line(theirs, seed, [bad] * 39 + [fair] * 11, [0.1] * 39 + [0.8] * 11) for seed in (0, 1)
    ]
    for each in default:
        each["complete"] = [
            [place, seconds / 2, *rest] for place, seconds, *rest in each["complete"]
        ]
        each["ended"] = [seconds / 2 for seconds in each["ended"]]
    text = against_random(judge, {ours: default, theirs: random})
    assert row_of(text, 50) == [
        "50",
        "2",
        "0.0000",
        "0.1000",
        "0.4000",
        "-0.1000",
        "-0.4000",
        "25.0",
        "50.0",
    ]
    assert "| 200 |" not in text


@pytest.mark.parametrize(("complete", "regret"), [(30, "0.0000"), (0, "0.8000")])
def test_trials_that_are_pruned_take_the_default_time(
    table: Table, complete: int, regret: str
) -> None:
    good, fair, bad = (candidate.key for candidate in table.candidates[:3])
    judge = judge_of(table, {good: 0.9, fair: 0.8, bad: 0.5})
    ours, theirs = "one: tpe, asha, 8 workers", "one: random, none, 8 workers"
    default = [line(ours, seed, [good] * 50, [0.9] * 50) for seed in (0, 1)]
    for each in default:
        # The last ones were pruned: random search has the time in which they ended, too.
        each["complete"] = each["complete"][:complete]
    random = [
        line(theirs, seed, [bad] * 39 + [fair] * 11, [0.1] * 39 + [0.8] * 11) for seed in (0, 1)
    ]
    cells = row_of(against_random(judge, {ours: default, theirs: random}), 50)
    assert cells[2:5] == [regret, "0.1000", "0.1000"]
    assert cells[-2:] == ["50.0", "50.0"]


def test_searches_that_nobody_had_seen_are_told_alone(table: Table) -> None:
    name, base = "two: tpe, mo-asha, 8 workers", "two: tpe, none, 8 workers"
    score = lambda steps: float(len(steps))  # noqa: E731
    # Up to the time the first forty differ by 9, the others by 1 and 3.
    mine = [line(name, seed, ["k"] * count, [0.5] * count) for seed, count in NUMBERS]
    others = [line(base, seed, ["k"], [0.5]) for seed, _ in NUMBERS]
    said = afresh({name: mine, base: others}, score, base, "mo-asha", 20.0)
    assert said.startswith(f"Of `{name}` and `{base}` 40 searches each had been looked at")
    assert "The other 2 pairs alone, after all of the time: +2.0000 [" in said
    assert not afresh({name: mine[:41], base: others}, score, base, "mo-asha", 20.0)


NUMBERS = [*((seed, 10) for seed in range(40)), (40, 2), (41, 4)]


def test_half_of_an_even_number_of_trials_is_no_more(table: Table) -> None:
    key = table.candidates[0].key
    assert half_time([line("one", 0, [key] * 100, [0.5] * 100)]) == 50.0
    assert half_time([line("one", 0, [key] * 101, [0.5] * 101)]) == 51.0
    assert half_time([line("one", 0, [key], [0.5])]) == 1.0


@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
def test_a_table_has_files_of_its_name(table: Table, tmp_path: Path) -> None:
    ways = [("one", "random", "none"), ("one", "tpe", "none"), ("one", "tpe", "asha")]
    ways += [("two", "tpe", "none"), ("two", "tpe", "mo-asha")]
    settings = [Setting(*way, 8) for way in ways]
    lines = [search(table, setting, seed, 12) for setting in settings for seed in (0, 1)]
    same = table.simulate("tpe", "asha", 8, 12, 1, objectives=["accuracy"]).results()
    complete = same[same["state"] == "COMPLETE"]
    of_it = next(x for x in lines if x["setting"] == settings[2].name and x["seed"] == 1)
    assert {step[2] for step in of_it["complete"]} == set(complete["key"])
    assert {step[3] for step in of_it["complete"]} == set(complete["accuracy"])
    assert len(of_it["ended"]) == len(same) > len(complete)
    assert of_it["ended"] == sorted(of_it["ended"])
    assert all(of_it["ended"][place - 1] == seconds for place, seconds, *_ in of_it["complete"])
    write(table, 0.1, lines, [setting.name for setting in settings], tmp_path)
    called = called_for(table)
    assert called == "compare_samplers_some"
    text = (tmp_path / f"{called}.md").read_text("utf-8")
    assert "# Samplers and pruning, simulated on table some" in text
    for picture in tmp_path.glob("*.svg"):
        assert f"({picture.name})" in text
    assert len([*tmp_path.glob(f"{called}_*.svg")]) == 6
    begin(tmp_path / "runs.jsonl", tmp_path / f"{called}.json", len(table.candidates))
    assert read(tmp_path / "runs.jsonl") == lines
    regrets = [Judge(table, 0.1).regret(x["complete"]) for x in lines[:2]]
    assert f"{statistics.fmean(regrets):.4f}" in text
    # Twelve trials are all there are after a hundred, too.
    ways = [[Judge(table, 0.1).regret(x["complete"]) for x in lines[i : i + 2]] for i in (0, 2)]
    gain = statistics.fmean(b - a for a, b in zip(*ways, strict=True))
    row = next(x for x in text.splitlines() if x.startswith("| tpe, none, 8 workers | 2 | 12 |"))
    assert row.split("|")[-3].strip(" *").startswith(f"{gain:+.4f} [")
