"""What is said of a table follows from its rows: ties, corrections, and what is compared."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from against_plain import by_value, comparisons, holm, plain_cell, welch
from findings import report
from rankings import agreement_among_best, tau, ties
from scipy.stats import ttest_ind
from scores import Scores, without_ties
from tables import SEEDS, made_up

from optcell_search.results.intervals import Moments
from optcell_search.space import is_plain


@pytest.fixture(scope="module")
def scores(tmp_path_factory: pytest.TempPathFactory) -> Scores:
    """A table whose last two candidates diverge after three epochs."""
    return Scores(made_up(tmp_path_factory.mktemp("tables") / "some.parquet", 40, diverging=2))


def test_scores_are_the_tables_and_the_worst_where_it_diverged(scores: Scores) -> None:
    table = scores.table
    for i, candidate in enumerate(table.candidates):
        for j, seed in enumerate(table.seeds):
            known = 3 if i >= 38 else table.epochs
            for epoch in range(known):
                row = table.query(candidate, epoch + 1, seed)
                assert scores.accuracy[i, j, epoch] == row["accuracy"]
                assert scores.loss[i, j, epoch] == row["loss"]
            assert (scores.accuracy[i, j, known:] == 0).all()
            assert np.isinf(scores.loss[i, j, known:]).all()
    assert (scores.test[:38] == 0.123456789).all()
    assert (scores.test[38:] == 0).all()


def test_loss_decides_between_the_same_accuracies(scores: Scores) -> None:
    table = scores.table
    tied = Scores(table)
    tied.accuracy[:] = 0.5
    tied.loss[:] = 1.0
    tied.loss[7] = 0.9
    assert tied.best(list(range(40))) == 7
    tied.accuracy[9] = 0.6
    assert tied.best(list(range(40))) == 9
    ranks = without_ties(np.array([0.5, 0.7, 0.5, 0.5]), np.array([1.0, 9.0, 0.5, 2.0]))
    assert ranks.tolist() == [1, 3, 2, 0]


def test_each_rule_is_compared_with_the_best_plain_cell(scores: Scores) -> None:
    changed = Scores(scores.table)
    random = np.random.default_rng(0)
    changed.test[:] = random.normal(0.5, 0.01, changed.test.shape)
    adam = changed.numbers(cell="gru", rule="adam")
    best, plain = changed.best(adam), plain_cell(changed, "gru")
    assert is_plain(scores.table.candidates[plain])
    changed.test[best] = [0.9, 0.91, 0.92]
    (found,) = [one for one in comparisons(changed) if (one.cell, one.rule) == ("gru", "adam")]
    assert found.gain.mean == pytest.approx(0.91 - changed.test[plain].mean())
    assert found.gain.excludes_zero
    assert found.rivals == len(adam)
    assert found.chance < 1e-3
    assert len(comparisons(changed)) == 6


def test_welchs_probability_is_scipys() -> None:
    a, b = [0.91, 0.93, 0.92], [0.95, 0.99, 0.90]
    mine = welch(Moments.of(a), Moments.of(b))
    assert mine == pytest.approx(ttest_ind(a, b, equal_var=False).pvalue)


def test_seeds_that_do_not_differ_tell_nothing(scores: Scores) -> None:
    same = Scores(scores.table)
    same.test[:] = 0.5
    assert {one.chance for one in comparisons(same)} == {1.0}


def test_gains_by_value_are_those_on_the_plain_cell_of_the_same_kind(scores: Scores) -> None:
    changed = Scores(scores.table)
    for i, candidate in enumerate(scores.table.candidates):
        width = candidate.model.values()["hidden_size"]
        base = 0.5 + 0.1 * (candidate.cell == "gru") + candidate.training.lr + 0.001 * width
        changed.test[i] = base + 0.01 * dict(candidate.rule_options)["s"]
        if is_plain(candidate):
            changed.test[i] = base
    said = by_value(changed)
    row = next(line for line in said.splitlines() if line.startswith("| heavy_ball | s |"))
    for value, gain in re.findall(r"(0\.25|0\.5|0\.75|1): \**([+-][\d.]+)", row):
        # To three digits.
        assert float(gain) == pytest.approx(0.01 * float(value), abs=6e-4)
    assert "| adam | beta |" in said
    assert "| adam | mu |" not in said  # fixed by the space


def test_holm_corrects_for_the_number_of_comparisons() -> None:
    # By hand: 0.01 × 4, then max(0.04, 0.02 × 3), then max(0.06, 0.03 × 2), then 0.5.
    assert holm([0.03, 0.01, 0.5, 0.02]) == pytest.approx([0.06, 0.04, 0.5, 0.06])
    assert holm([0.9, 0.8]) == [1.0, 1.0]


def test_ties_are_pairs_of_the_same_value() -> None:
    assert ties(np.array([1.0, 1.0, 2.0, 3.0])) == pytest.approx(1 / 6)
    assert tau(np.array([1.0, 2.0, 3.0]), np.array([1.0, 2.0, 3.0])) == 1
    assert tau(np.array([1.0, 2.0, 3.0]), np.array([3.0, 2.0, 1.0])) == -1


def test_the_best_are_chosen_by_a_seed_that_is_not_compared() -> None:
    random = np.random.default_rng(0)
    # What differs between candidates is as large as between seeds, which share nothing else.
    draws = random.normal(0, 1, (50, 400, 1)) + random.normal(0, 1, (50, 400, 3))
    assert np.mean([agreement_among_best(one, 40) for one in draws]) == pytest.approx(
        0.23, abs=0.04
    )
    # With no difference between candidates two seeds agree by chance, among the best as well.
    draws = random.normal(0, 1, (50, 400, 3))
    assert np.mean([agreement_among_best(one, 40) for one in draws]) == pytest.approx(0, abs=0.04)


def test_the_report_has_a_section_a_table(scores: Scores, tmp_path: Path) -> None:
    other = Scores(made_up(tmp_path / "other.parquet", 30))
    text = report([scores, other])
    assert re.findall("^## .*", text, re.M) == [
        "## Does any rule beat the plain cell?", "## Table `some`", "## Table `other`",
    ]  # fmt: skip
    assert f"- `other`: 30 of {other.table.space.size} candidates × {SEEDS} seeds" in text
    assert "nan" not in text
