"""What is told of finalized trials, and results on terminals of different widths."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from optcell_search.cli.finalized_table import finalized_scores
from optcell_search.cli.tables import NO_INPUT, candidates, no_front, status
from optcell_search.wording import number, with_deviation

ROW = {
    "state": "COMPLETE", "rule": "gd", "cell": "lstm", "gd.s": 1.0, "model.hidden_size": 64,
    "parameters": 18950.0, "test_loss_std": 0.02, "test_accuracy_std": 0.01,
    "validation_accuracy_std": 0.01,
}  # fmt: skip
TABLE = pd.DataFrame(
    [
        {"number": 7, "accuracy": 0.9, "validation_accuracy": 0.88, "test_accuracy": 0.87,
         "test_loss": 0.3, "test_cross_entropy": 0.3, "test_cross_entropy_std": 0.02} | ROW,
        {"number": 2, "accuracy": 0.95, "validation_accuracy": 0.8, "test_accuracy": 0.81,
         "test_loss": 0.4, "test_cross_entropy": 0.4, "test_cross_entropy_std": 0.03} | ROW,
    ]
)  # fmt: skip
OBJECTIVES = ["accuracy", "parameters"]


def test_each_metric_is_named_once_with_all_its_scores() -> None:
    over, head, first, second, nothing, others, entropy = finalized_scores(
        TABLE, OBJECTIVES
    ).splitlines()
    assert over.split() == ["accuracy"]
    assert head.split() == ["trial", "search", "validation", "test", "parameters", "candidate"]
    assert over.index("accuracy") == head.index("search") == first.index("0.9")
    assert first.startswith("7      0.9       0.8800 ± 0.0100  0.8700 ± 0.0100  18,950 ")
    assert second.split()[0] == "2"
    assert nothing == ""
    assert others.split() == ["other", "test", "scores", "7", "2"]
    # The loss is the cross entropy once more.
    assert " ".join(entropy.split()) == "cross entropy 0.3000 ± 0.0200 0.4000 ± 0.0300"


def test_a_single_value_has_no_spread() -> None:
    once = TABLE.assign(ensemble_test_accuracy=0.875, ensemble_test_accuracy_std=None)
    once["test_cross_entropy_std"] = [0.02, None]
    _, _, first, *_, entropy = finalized_scores(once, OBJECTIVES).splitlines()
    assert "0.8700 ± 0.0100  0.875     18,950" in first
    assert " ".join(entropy.split()) == "cross entropy 0.3000 ± 0.0200 0.4"
    lines = candidates(once.assign(test_accuracy_std=None), OBJECTIVES).splitlines()
    assert lines[1].split()[:4] == ["7", "complete", "0.9", "18,950"]
    assert "±" not in lines[1] + lines[2]


def test_what_was_not_measured_has_no_column() -> None:
    refit = TABLE.drop(columns=["validation_accuracy", "validation_accuracy_std"])
    over, head, *_ = finalized_scores(refit, OBJECTIVES).splitlines()
    assert (over.split(), head.split()[1:3]) == (["accuracy"], ["search", "test"])
    searched = TABLE[["number", "state", "rule", "cell", "accuracy", "parameters"]]
    over, head, *lines = finalized_scores(searched, OBJECTIVES).splitlines()
    assert (over, head.split()) == ("", ["trial", "accuracy", "parameters", "candidate"])
    assert len(lines) == 2


CHANCE = {
    "search": {"accuracy": 0.48, "cross_entropy": 0.71},
    "validation": {"accuracy": 0.5, "cross_entropy": 0.7},
    "test": {"accuracy": 0.52, "cross_entropy": 0.69},
}


def test_what_needs_no_input_stands_beside_every_score() -> None:
    *_, last, _, others, entropy = finalized_scores(TABLE, OBJECTIVES, chance=CHANCE).splitlines()
    assert " ".join(last.split()) == f"0.48 0.5 0.52 {NO_INPUT}"
    assert last.index("0.52") == finalized_scores(TABLE, OBJECTIVES).splitlines()[1].index("test")
    assert others.endswith("no input")
    assert entropy.split()[-1] == "0.69"
    head, *_, last = candidates(TABLE, OBJECTIVES, chance=CHANCE).splitlines()
    assert " ".join(last.split()) == f"0.48 0.52 {NO_INPUT}"
    assert (last.index("0.48"), last.index("0.52")) == (
        head.index("accuracy"),
        head.index("test accuracy"),
    )
    # Nothing is known of what is no metric of the task, and no line stands for nothing.
    assert NO_INPUT not in candidates(TABLE, ["parameters"], chance=CHANCE)


def test_why_nothing_is_on_the_front_is_said() -> None:
    none = dict.fromkeys(("complete", "pruned", "fail", "running"), 0)
    known = {**none, "failures": {}, "nearest_miss": None}
    assert no_front(known) == "none: no trial is complete (none has begun)"
    failed = {**known, "fail": 3, "running": 1, "failures": {"diverged": 3}}
    assert no_front(failed) == "none: no trial is complete (3 failed, 1 running, 3 × diverged)"
    copies = no_front({**known, "complete": 2})
    assert copies == "none: no complete trial can be ranked (2 complete)"


@pytest.mark.parametrize("width", [64, 80])
def test_a_narrow_terminal_has_the_candidate_below_its_numbers(width: int) -> None:
    table = TABLE.assign(cell="a_cell_of_a_long_name")
    for said in (finalized_scores(table, OBJECTIVES, width), candidates(table, OBJECTIVES, width)):
        assert max(map(len, said.splitlines())) <= width
        assert said.count("\n    gd(s=1) a_cell_of_a_long_name(), 64 units") == 2
    whole = candidates(table, OBJECTIVES, 140)
    assert whole == candidates(table, OBJECTIVES)
    assert len(whole.splitlines()) == 3


def test_a_repeated_trial_has_its_spread() -> None:
    said = candidates(TABLE.assign(accuracy_std=[0.01, None]), OBJECTIVES)
    first, second = said.splitlines()[1:]
    assert "0.9000 ± 0.0100" in first
    assert "0.9500 ±" not in second
    assert "0.95 " in second


def test_a_status_is_broken_between_words_and_keeps_its_column() -> None:
    known: dict[str, Any] = dict.fromkeys(
        ("complete", "pruned", "fail", "cut", "asked", "running", "waiting", "missing", "epochs"), 0
    )
    known |= dict.fromkeys(
        ("ended", "epochs_rule", "best", "nearest_miss", "time_limit", "occupancy", "table")
    )
    sentence = "Trial 7 gains +0.05 in test accuracy over the plain lstm (trial 0), surely so."
    known |= {
        "directory": "/a/folder-whose/name-is-longer/than-the-whole/terminal-is-wide/run",
        "at_work": False, "failures": {}, "gain": {"sentence": sentence}, "warm_start": None,
    }  # fmt: skip
    lines = status(known, 60).splitlines()
    assert any(line.split() == ["run", known["directory"]] for line in lines)
    start = next(i for i, line in enumerate(lines) if line.startswith("gain"))
    told = lines[start:]
    assert len(told) == 2
    assert max(map(len, told)) <= 60
    assert told[1].startswith("          ")
    assert " ".join(" ".join(told).split()) == f"gain {sentence}"
    assert sentence in status(known).splitlines()[-1]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (18950.0, "18,950"), (71946, "71,946"), (999.94, "999.9"), (0.123456, "0.1235"),
        (-1e6, "-1,000,000"), (float("inf"), "inf"), (3, "3"),
    ],
)  # fmt: skip
def test_numbers_are_as_people_write_them(value: float, text: str) -> None:
    assert number(value) == text


@pytest.mark.parametrize(
    ("mean", "deviation", "said"),
    [
        (0.98333, 0.00214, "0.9833 ± 0.0021"),
        (0.9, 0.0, "0.9000 ± 0.0000"),
        (0.0021, 0.03, "0.0021 ± 0.0300"),
        (-31.25, 0.5, "-31.2500 ± 0.5000"),
        (2.1e-6, 1e-7, "2.1e-06 ± 1e-07"),
        (0.00087, 0.00012, "0.00087 ± 0.00012"),
        (0.9833, 2.14e-5, "0.9833 ± 2.1e-05"),
        (2.1e7, 1e6, "21,000,000 ± 1,000,000"),
        (1234.5, 12.34, "1,234 ± 12"),
    ],
)
def test_a_mean_has_the_digits_that_count(mean: float, deviation: float, said: str) -> None:
    assert with_deviation(mean, deviation) == said
    table = pd.DataFrame([ROW | {"number": 7, "mse": mean, "mse_std": deviation}])
    assert said in candidates(table, ["mse"])
