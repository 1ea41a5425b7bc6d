"""What the views show of trials and their run, compared exactly with cases worked out by hand."""

from __future__ import annotations

import math
import shlex
import tomllib
from pathlib import Path

import pytest
from ledgers import TWO, Ledger, board_of, candidate, data_of, two_objectives
from optuna.trial import TrialState

from optcell_search.dashboard.content import curves
from optcell_search.dashboard.info import columns, finals, provenance, training
from optcell_search.dashboard.info.progress import progress
from optcell_search.ledger.trials.reasons import BY_HAND, cut
from optcell_search.space import Candidate, SearchSpace
from optcell_search.tuning.resolving.first_candidates import read_first, with_plain


def epochs(*values: float) -> list[dict[str, float]]:
    return [{"accuracy": value, "parameters": 5.0, "loss": 1 - value} for value in values]


def test_learning_curves_are_of_what_is_learned() -> None:
    ledger = Ledger({"parameters": "minimize", "accuracy": "maximize"})
    ledger.add([5.0, 0.9], epochs=epochs(0.5, 0.9))
    ledger.add(state=TrialState.PRUNED, epochs=epochs(0.25))
    board = board_of(ledger)
    assert training.learning_curves(board.data, board.curves([0, 1])) == training.Curves(
        metrics=("accuracy", "loss"),
        labels=("validation accuracy", "validation loss"),
        numbers=(0, 1),
        epochs=((1, 2), (1,)),
        values={
            "accuracy": ((0.5, 0.9), (0.25,)),
            "loss": ((0.5, pytest.approx(0.1)), (0.75,)),
        },
    )


def test_of_many_learning_curves_an_even_sample_and_the_whole_front_are_kept() -> None:
    ledger = Ledger({"accuracy": "maximize"})
    for i in range(20):
        ledger.add([0.5 + (i == 7)], epochs=epochs(i / 20))
    board = board_of(ledger)
    assert training.sampled(board.data, range(20), 5) == [0, 4, 7, 9, 13, 17]
    found = curves(board, 5, 1)
    assert found["numbers"] == (0, 4, 7, 9, 13, 17)
    assert found["total"] == 20
    assert board.curves(range(20)).keys() == set(range(20)), "the others are read when asked for"


def test_rungs_are_the_epochs_after_which_trials_were_stopped() -> None:
    ledger = Ledger({"accuracy": "maximize"})
    for done in (1, 1, 3):
        ledger.add(state=TrialState.PRUNED, epochs=epochs(*[0.1] * done))
    ledger.add([0.9], epochs=epochs(*[0.9] * 9))
    assert training.rungs(data_of(ledger)) == (training.Rung(1, 4, 2), training.Rung(3, 2, 1))


def test_what_the_end_of_a_search_cut_off_fell_behind_nothing() -> None:
    ledger = Ledger({"accuracy": "maximize"})
    ledger.add(state=TrialState.PRUNED, epochs=epochs(0.4), reason=cut("the time is used up"))
    ledger.add(state=TrialState.PRUNED, epochs=epochs(0.2, 0.3))
    ledger.add([0.9], epochs=epochs(*[0.9] * 9))
    data = data_of(ledger)
    assert training.rungs(data) == (training.Rung(2, 2, 1),)
    assert data.stopped["number"].tolist() == [1]
    assert progress(data).done == 2


def test_what_somebody_pruned_fell_behind_nothing_and_is_done() -> None:
    ledger = Ledger({"accuracy": "maximize"})
    ledger.add(state=TrialState.PRUNED, epochs=epochs(0.4), reason=BY_HAND)
    ledger.add([0.9], epochs=epochs(*[0.9] * 9))
    data = data_of(ledger)
    assert training.rungs(data) == ()
    assert data.stopped.empty
    assert progress(data).done == 2


def test_what_was_stopped_and_breaks_a_constraint_is_ranked_nowhere() -> None:
    ledger = Ledger(TWO, constraints=["parameters<=10"])
    for violation in (-5.0, 5.0):
        known = {"parameters<=10": violation}
        ledger.add(state=TrialState.PRUNED, epochs=epochs(0.4), constraints=known)
    assert data_of(ledger).stopped["number"].tolist() == [0]


def test_failures_are_grouped_by_reason() -> None:
    ledger = Ledger(TWO)
    for reason in ("diverged", "worker died", "diverged"):
        ledger.add(state=TrialState.FAIL, reason=reason)
    assert training.failures(data_of(ledger)) == (
        training.Failure("diverged", (0, 2)),
        training.Failure("worker died", (1,)),
    )


def test_final_rows_keep_test_scores_apart() -> None:
    ledger = two_objectives()
    record = {
        "seeds": [1, 2],
        "epochs": 3,
        "validation": {"accuracy": [0.75, 0.85]},
        "test": {"accuracy": [0.5, 0.5]},
        "failed": {},
    }
    compared = {**record, "test": {"accuracy": [0.25, 0.25]}}
    one = {"epochs": 3, "validation": {"accuracy": [0.9]}, "test": {"accuracy": [0.6]}}
    found = {**record, "baseline": compared, "ensemble": one}
    ledger.study.set_user_attr("finalized:1", found)
    (row,) = finals.final_rows(data_of(ledger))
    assert (row.number, row.seeds, row.epochs) == (1, 2, 3)
    assert row.description == "gru × heavy_ball (μ 0.5 · s 0.2)"
    spread = pytest.approx(0.1 / math.sqrt(2))
    assert row.scores == {
        "validation": {"accuracy": finals.Score(pytest.approx(0.8), spread)},
        "test": {"accuracy": finals.Score(0.5, 0.0)},
        "baseline_validation": {"accuracy": finals.Score(pytest.approx(0.8), spread)},
        "baseline_test": {"accuracy": finals.Score(0.25, 0.0)},
        "ensemble_validation": {"accuracy": finals.Score(0.9, None)},
        "ensemble_test": {"accuracy": finals.Score(0.6, None)},
    }


def test_columns_are_those_that_hold_anything_and_show_what_tells_trials_apart() -> None:
    data = data_of(two_objectives())
    found = {column.name: column for column in columns.columns(data)}
    assert list(found)[:6] == ["number", "state", "cell", "rule", "started", "accuracy"]
    assert found["heavy_ball.mu"] == columns.Column(
        "heavy_ball.mu", "μ (heavy ball)", "number", "rule", False, False
    )
    assert found["parameters"].log
    assert found["accuracy"].shown
    assert not found["model.hidden_size"].shown, "it is the same in every trial"
    assert found["model.bidirectional"].kind == "truth"
    assert "duplicate_of" not in found


def test_values_are_what_json_can_hold() -> None:
    ledger = Ledger({"accuracy": "maximize"})
    steps = [{"accuracy": math.inf, "loss": math.nan}]
    ledger.add(state=TrialState.FAIL, reason="diverged", epochs=steps)
    ledger.add([0.123456789], of=candidate("rnn", "gd", s=0.123456789))
    table = data_of(ledger).table
    assert columns.plain_values(table["accuracy"], exact=False) == [None, 0.123457]
    assert columns.plain_values(table["gd.s"], exact=True) == [None, 0.123456789]
    assert columns.plain_values(table["reason"], exact=False) == ["diverged", None]
    assert columns.plain_values(table["number"], exact=False) == [0, 1]


def test_provenance_says_how_to_run_it_again() -> None:
    space = SearchSpace.load("optimizer_cells").to_dict()
    ledger = Ledger(TWO, space=space, constraints=["parameters<=50000"], task="csv:a b.csv")
    found = provenance.provenance(data_of(ledger), "runs/my run")
    assert found.again == (
        "optcell-search run space.toml --task 'csv:a b.csv' --epochs 2 --sampler tpe "
        "--scheduler none --seed 0 --repeats 1 --folds 1 --trials 24 "
        "--objectives accuracy,parameters --constraint 'parameters<=50000' --out again"
    )
    assert found.replay == "optcell-search replay 'runs/my run' TRIAL"
    assert found.facts["fingerprint of the data"] == "5eed" * 16
    assert found.facts["objectives"] == "maximize accuracy and minimize parameters"
    assert SearchSpace.from_dict(tomllib.loads(found.space), where="space").to_dict() == space


def test_a_search_started_again_trains_as_many_at_a_time_where_that_decides() -> None:
    def again(**asked: object) -> list[str]:
        return shlex.split(provenance.provenance(data_of(Ledger(TWO, **asked)), "run").again)

    assert not {"--workers", "--population", "--preset"} & set(again(slots=3))
    # One from before there were slots has none.
    words = again(deterministic=True)
    assert words[words.index("--deterministic") :][:3] == ["--deterministic", "--workers", "2"]
    assert "--population" not in words
    words = again(deterministic=True, slots=3)
    assert words[words.index("--population") + 1] == "3"
    words = again(ensemble=True)
    assert words[words.index("--preset") + 1] == "best"


def test_a_search_started_again_tries_first_what_it_tried_first(tmp_path: Path) -> None:
    space = SearchSpace.load("optimizer_cells")
    named = tuple(space.sample(seed=seed).to_dict() for seed in range(2))
    plain = with_plain((), space)
    slow = {**plain[0], "training": {**plain[0]["training"], "lr": 0.002}}

    def asked(*first: object, **changes: object) -> provenance.Provenance:
        ledger = Ledger(TWO, **{"space": space.to_dict(), "first": list(first), **changes})
        return provenance.provenance(data_of(ledger), "run")

    found = asked(*plain)
    assert (found.first, "--try" in found.again) == ("", False), "a search adds them itself"
    for first in (with_plain(named, space), with_plain((slow,), space)):
        found = asked(*first)
        assert "run space.toml --try first.toml --task" in found.again
        file = tmp_path / "first.toml"
        file.write_text(found.first, encoding="utf-8")
        assert with_plain(read_first(file, space), space) == first
    assert Candidate.from_dict(slow).key != Candidate.from_dict(plain[0]).key
    assert len(tomllib.loads(asked(*named, *plain, num_trials=1).first)["candidate"]) == 1
    memory = SearchSpace.load("inside_outside")
    (inside,) = with_plain((), memory)
    adam = {**inside, "cell": {**inside["cell"], "inner": "adam"}}
    assert not asked(inside, space=memory.to_dict()).first
    assert asked(adam, space=memory.to_dict()).first, "no search adds it itself"
