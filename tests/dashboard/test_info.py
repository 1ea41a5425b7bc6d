"""What the views show, compared exactly with cases worked out by hand."""

from __future__ import annotations

import math
import tomllib

import numpy as np
import pytest
from ledgers import Ledger, candidate
from optuna.trial import TrialState

from optcell_search.dashboard.content import curves
from optcell_search.dashboard.info import (
    columns,
    compare,
    finals,
    front,
    gradient,
    importance,
    impulse,
    overview,
    provenance,
    response,
    rule_map,
    training,
)
from optcell_search.dashboard.info.data import Axis, Data
from optcell_search.dashboard.read import Board
from optcell_search.space import SearchSpace

TWO = {"accuracy": "maximize", "parameters": "minimize"}
FIVE = {
    "accuracy": "maximize",
    "parameters": "minimize",
    "loss": "minimize",
    "latency_ms": "minimize",
    "train_seconds": "minimize",
}


def board_of(ledger: Ledger) -> Board:
    board = Board(ledger.study)
    board.refresh()
    return board


def data_of(ledger: Ledger) -> Data:
    return board_of(ledger).data


def two_objectives(**changes: object) -> Ledger:
    """Trials 0, 1 and 3 are the front, 2 is beaten by 1, 4 failed."""
    ledger = Ledger(TWO, **changes)
    ledger.add([0.9, 100.0], of=candidate("lstm", "adam", mu=0.1, s=0.5))
    ledger.add([0.8, 10.0], of=candidate("gru", "heavy_ball", mu=0.5, s=0.2))
    ledger.add([0.8, 11.0], of=candidate("gru", "heavy_ball", mu=0.7, s=0.3))
    ledger.add([0.1, 1.0], of=candidate("rnn", "gd", s=0.4))
    ledger.add(state=TrialState.FAIL, reason="diverged", of=candidate("rnn", "gd", s=9.0))
    return ledger


def test_overview_names_the_best_of_each_objective_and_the_knee() -> None:
    found = overview.overview(data_of(two_objectives()))
    assert found.counts == {"COMPLETE": 4, "FAIL": 1}
    assert found.reasons == {"diverged": 1}
    assert found.message == ""
    assert [(pick.role, pick.number) for pick in found.picks] == [
        ("best accuracy", 0),
        ("fewest parameters", 3),
        ("knee", 1),
    ]
    assert found.picks[0].values == {"accuracy": 0.9, "parameters": 100.0}
    assert found.picks[1].description == "rnn × gd (s 0.4); hidden 32 · layers 1; rmsprop, lr 0.001"


def test_a_row_that_is_best_in_all_is_named_once() -> None:
    ledger = Ledger(TWO)
    ledger.add([0.9, 1.0])
    ledger.add([0.8, 2.0])
    picks = overview.overview(data_of(ledger)).picks
    assert [(pick.role, pick.number) for pick in picks] == [
        ("best accuracy, fewest parameters, knee", 0)
    ]


def test_hypervolume_is_a_share_of_the_box_of_all_values() -> None:
    found = overview.overview(data_of(two_objectives()))
    # Steps of the front in the box of 0.8 by 99: widths times heights above the worst accuracy.
    area = (0.8 - 0.1) * (100 - 10) + (0.1 - 0.1) * (10 - 1)
    assert found.hypervolume == pytest.approx(area / (0.8 * 99))


@pytest.mark.parametrize(
    ("states", "message"),
    [
        ([], "No trial yet. The views fill as soon as the first ones finish."),
        ([TrialState.COMPLETE], "One trial is finished. Comparing starts with the second."),
        ([TrialState.COMPLETE] * 2, ""),
        ([TrialState.RUNNING], "No trial is complete yet."),
        ([TrialState.FAIL] * 2, "No trial is complete. 2 trials failed: out of memory (2)."),
    ],
)
def test_message_where_there_is_little_to_show(states: list[TrialState], message: str) -> None:
    ledger = Ledger(TWO)
    for state in states:
        values = [0.5, 1.0] if state == TrialState.COMPLETE else None
        ledger.add(values, state=state, reason="out of memory")
    assert overview.overview(data_of(ledger)).message == message


def test_message_where_no_trial_keeps_the_constraints() -> None:
    ledger = Ledger(TWO, constraints=["parameters<=5"])
    ledger.add([0.9, 10.0], constraints={"parameters<=5": 5.0})
    data = data_of(ledger)
    assert "none keeps the constraints" in overview.overview(data).message
    assert front.front(data) == front.Front(
        numbers=(),
        knee=None,
        axes=(Axis("accuracy", "validation accuracy"), Axis("parameters", "parameters")),
        infeasible=(0,),
    )


def test_front_of_two_objectives() -> None:
    assert front.front(data_of(two_objectives())) == front.Front(
        numbers=(0, 1, 3),
        knee=1,
        axes=(Axis("accuracy", "validation accuracy"), Axis("parameters", "parameters", log=True)),
        infeasible=(),
    )


def test_a_front_holds_ties_once_each_but_no_duplicates() -> None:
    ledger = Ledger(TWO)
    ledger.add([0.9, 10.0])
    ledger.add([0.9, 10.0], of=candidate("gru"))  # as good: on the front as well
    ledger.add([0.9, 10.0], duplicate_of=0)  # the same candidate again: not ranked
    ledger.add([0.9, 11.0])  # beaten
    ledger.add([0.8, 10.0])  # beaten
    assert front.front(data_of(ledger)).numbers == (0, 1)


def test_what_is_no_number_is_on_no_front() -> None:
    ledger = Ledger(TWO)
    ledger.add([0.5, 10.0])
    ledger.add([math.inf, 1.0])
    ledger.add(state=TrialState.PRUNED, epochs=[{"accuracy": 0.99, "parameters": 1.0}])
    ledger.add(state=TrialState.FAIL, epochs=[{"accuracy": math.nan, "parameters": 1.0}])
    found = front.front(data_of(ledger))
    assert (found.numbers, found.knee) == ((0,), 0)


@pytest.mark.parametrize(("direction", "best"), [("minimize", 2), ("maximize", 1)])
def test_one_objective_has_a_best_and_no_knee(direction: str, best: int) -> None:
    ledger = Ledger({"score": direction})
    for value in (3.0, 4.0, 1.0):
        ledger.add([value])
    found = front.front(data_of(ledger))
    assert (found.numbers, found.knee) == ((best,), None)


def test_with_five_objectives_one_good_one_is_enough_to_be_on_the_front() -> None:
    ledger = Ledger(FIVE)
    ledger.add([0.9, 2.0, 3.0, 4.0, 5.0])
    ledger.add([0.9, 1.0, 9.0, 9.0, 9.0])
    ledger.add([0.9, 2.0, 3.0, 4.0, 5.1])
    found = front.front(data_of(ledger))
    assert found.numbers == (1, 0)
    assert [axis.name for axis in found.axes] == list(FIVE)


def test_growth_of_the_front_over_trials_and_time() -> None:
    ledger = Ledger(TWO)
    # The box is 0.8 wide and 9 high; trials end at 7, 17, 27 and 37 seconds.
    ledger.add([0.1, 1.0])
    ledger.add([0.5, 10.0])
    ledger.add(state=TrialState.FAIL, reason="diverged")
    ledger.add([0.9, 4.0])
    grown = front.growth(data_of(ledger))
    assert grown.finished == (1, 2, 4)
    assert grown.seconds == (7.0, 17.0, 37.0)
    assert grown.size == (1, 2, 2)
    assert grown.value == pytest.approx((0.0, 0.0, 6 * 0.8 / (9 * 0.8)))
    assert grown.earlier == {0.25: (0,), 0.5: (0, 1), 0.75: (0, 1)}


def test_growth_follows_the_order_in_which_trials_ended() -> None:
    ledger = Ledger({"score": "minimize"})
    for value in (1.0, 5.0, 3.0):
        ledger.add([value])
    trials = ledger.study.get_trials(deepcopy=False)
    trials[0].datetime_complete = trials[2].datetime_complete.replace(minute=30)  # type: ignore[union-attr]
    again = Ledger({"score": "minimize"})
    again.study.add_trials(trials)
    assert front.growth(data_of(again)).value == (5.0, 3.0, 1.0)


def test_growth_of_nothing_is_empty() -> None:
    assert front.growth(data_of(Ledger(TWO))) == front.Growth((), (), (), (), {})


def test_responses_are_the_rules_best_first() -> None:
    adam, heavy_ball, gd = response.responses(data_of(two_objectives()))
    assert (adam.rule, heavy_ball.rule, gd.rule) == ("adam", "heavy_ball", "gd")
    assert adam.axes == ()
    assert adam.sentence == "Best 0.9 of 1 trial, with μ 0.1, s 0.5, β 0.1 (trial 0)."
    assert heavy_ball.axes == (Axis("heavy_ball.mu", "μ"), Axis("heavy_ball.s", "s", log=True))
    assert heavy_ball.numbers == (1, 2)
    assert heavy_ball.surfaces == (), "two trials are points, not a surface"
    assert heavy_ball.sentence == "Best 0.8 of 2 trials, with μ 0.5, s 0.2 (trial 1)."


def test_the_best_quarter_is_told_where_there_are_enough_trials() -> None:
    ledger = Ledger({"accuracy": "maximize"})
    for i in range(12):
        ledger.add([i / 20], of=candidate("rnn", "heavy_ball", mu=i / 20, s=0.6))
    (answer,) = response.responses(data_of(ledger))
    assert answer.sentence == (
        "Best 0.55 of 12 trials, with μ 0.55, s 0.6 (trial 11). "
        "The best quarter lies at μ 0.45 to 0.55."
    )


def test_a_rule_that_is_not_registered_here_is_shown_all_the_same() -> None:
    ledger = Ledger({"accuracy": "maximize"})
    for tau in (1.0, 2.0):
        ledger.add([0.5], of=candidate("rnn", "theirs", tau=tau))
    data = data_of(ledger)
    (answer,) = response.responses(data)
    assert (answer.rule, answer.axes) == ("theirs", (Axis("theirs.tau", "tau"),))
    assert impulse.impulse_responses(data, [0, 1]) == {}


def test_a_surface_follows_the_trials_and_ends_where_they_do() -> None:
    ledger = Ledger({"accuracy": "maximize"})
    for i in range(100):
        mu, s = (i % 10) / 10, 0.1 * (1 + i // 10)
        # Nothing was tried where both are large.
        if mu + s <= 1.3:
            ledger.add([mu], of=candidate("rnn", "heavy_ball", mu=mu, s=s))
    (answer,) = response.responses(data_of(ledger))
    (surface,) = answer.surfaces
    assert (surface.x, surface.y) == ("heavy_ball.mu", "heavy_ball.s")
    assert (surface.xs[0], surface.xs[-1]) == (0.0, 0.9)
    assert (surface.ys[0], surface.ys[-1]) == pytest.approx((0.1, 1.0))
    assert surface.values[-1][-1] is None, "no trial lies near"
    low, high = surface.values[5][3], surface.values[5][15]
    assert low is not None
    assert high is not None
    assert low < high
    known = [value for row in surface.values for value in row if value is not None]
    assert 0.0 <= min(known) < max(known) <= 0.9, "a mean lies within what it is the mean of"


@pytest.mark.parametrize(
    ("direction", "limits"), [("maximize", (1.0, 10.0)), ("minimize", (9.0, 0.0))]
)
def test_colours_end_at_the_best_and_spare_the_worst_tenth(
    direction: str, limits: tuple[float, float]
) -> None:
    ledger = Ledger({"score": direction})
    for value in range(11):
        ledger.add([float(value)])
    assert response.colour_range(data_of(ledger)) == limits


def test_rule_map_has_best_median_count_and_share() -> None:
    ledger = Ledger({"loss": "minimize"})
    for value, rule in ((1.0, "gd"), (2.0, "gd"), (6.0, "gd"), (3.0, "adam")):
        ledger.add([value], of=candidate("rnn", rule))
    assert rule_map.rule_map(data_of(ledger)) == rule_map.RuleMap(
        ("adam", "gd"),
        ("rnn",),
        (
            rule_map.Pair("adam", "rnn", 3.0, 3.0, 3, 1, 0.0),
            rule_map.Pair("gd", "rnn", 1.0, 2.0, 0, 3, 1.0),
        ),
    )


def test_importance_asks_each_rule_about_its_own_trials() -> None:
    ledger = Ledger({"loss": "minimize"})
    for mu, s in np.random.default_rng(0).random((60, 2)):
        # For heavy ball only mu decides, for gradient descent only s.
        ledger.add([abs(mu - 0.5)], of=candidate("rnn", "heavy_ball", mu=float(mu), s=float(s)))
        ledger.add([abs(s - 0.3) + 1], of=candidate("rnn", "gd", s=float(s)))
    groups = {found.group: found for found in importance.importances(data_of(ledger))}
    assert set(groups) == {"all", "heavy_ball", "gd"}
    assert groups["all"].names == ("rule",)
    assert groups["heavy_ball"].trials == 60
    assert groups["heavy_ball"].names[0] == "heavy_ball.mu"
    assert groups["heavy_ball"].labels[0] == "μ (heavy ball)"
    assert groups["heavy_ball"].shares[0] > 0.8
    assert sum(groups["heavy_ball"].shares) == pytest.approx(1)
    assert groups["gd"].names == ("gd.s",)


def test_importance_says_nothing_of_few_trials() -> None:
    assert importance.importances(data_of(two_objectives())) == ()


def test_impulse_responses_are_the_rules_own() -> None:
    ledger = Ledger(TWO)
    ledger.add([0.9, 1.0], of=candidate("rnn", "heavy_ball", mu=0.5, s=0.8))
    ledger.add([0.9, 1.0], of=candidate("rnn", "gd", s=0.25))
    ledger.add([0.9, 1.0], of=candidate("rnn", "nesterov", s=1.0, restart=3))
    ledger.add([0.9, 1.0], of=candidate("rnn", "adam", mu=0.9, s=1.0, beta=0.25, eps=1e-8))
    found = impulse.impulse_responses(data_of(ledger), [0, 1, 2, 3])
    assert found[0][:4] == pytest.approx((0.8, 0.4, 0.2, 0.1))
    assert len(found[0]) == 14, "below a ten-thousandth of the largest value nothing is kept"
    assert found[1] == (0.25,)
    # Momentum (k-1)/(k+2) for k = 1, 2, 3, then from 1 again, which forgets all.
    assert found[2] == pytest.approx((1.0, 0.25, 0.25 * 2 / 5))
    # v decays as 0.9^t and the root of m as 0.5^t, so u grows by 1.8 a step until eps stops it.
    assert found[3][1] / found[3][0] == pytest.approx(1.8)


def test_a_rule_that_never_trained_is_not_run_for_its_response() -> None:
    ledger = Ledger(TWO)
    own = candidate("rnn", "heavy_ball", mu=0.5, s=0.8)
    ledger.add(state=TrialState.FAIL, of=own, reason="worker died")
    ledger.add(state=TrialState.FAIL, of=own, epochs=[{"accuracy": 0.9}], reason="diverged")
    assert impulse.impulse_responses(data_of(ledger), [0, 1]).keys() == {1}


def test_comparison_lays_runs_into_one_box() -> None:
    good, bad = Ledger(TWO), Ledger(TWO, task="mnist")
    good.add([1.0, 2.0])
    good.add([0.5, 1.0])
    bad.add([0.0, 3.0])
    bad.add([0.5, 2.0])
    found = compare.compare({"good": data_of(good), "bad": data_of(bad)})
    assert found.objectives == TWO
    assert found.standings[0] == compare.Standing(
        name="good",
        task="digits",
        trials=2,
        complete=2,
        seconds=17.0,
        best={"accuracy": 1.0, "parameters": 1.0},
        front=((0.5, 1.0), (1.0, 2.0)),
        # Of the box from (0, 3) to (1, 1): 1 by 1, and 0.5 by 1 above it.
        volume=pytest.approx(0.75),
    )
    assert found.standings[1].volume == pytest.approx(0.25)


def test_runs_with_other_objectives_have_no_common_volume() -> None:
    one, other = Ledger(TWO), Ledger({"loss": "minimize"})
    one.add([0.5, 1.0])
    found = compare.compare({"one": data_of(one), "other": data_of(other)})
    assert found.objectives == {}
    assert [standing.volume for standing in found.standings] == [None, None]
    assert found.standings[1].best == {}


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
    ledger.study.set_user_attr("finalized:1", {**record, "baseline": compared})
    (row,) = finals.final_rows(data_of(ledger))
    assert (row.number, row.seeds, row.epochs) == (1, 2, 3)
    assert row.description == "gru × heavy_ball (μ 0.5 · s 0.2)"
    spread = pytest.approx(0.1 / math.sqrt(2))
    assert row.scores == {
        "validation": {"accuracy": finals.Score(pytest.approx(0.8), spread)},
        "test": {"accuracy": finals.Score(0.5, 0.0)},
        "baseline_validation": {"accuracy": finals.Score(pytest.approx(0.8), spread)},
        "baseline_test": {"accuracy": finals.Score(0.25, 0.0)},
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
        "optcell-search run space.toml --task 'csv:a b.csv' --trials 24 --epochs 2 --sampler tpe "
        "--scheduler none --seed 0 --repeats 1 --objectives accuracy,parameters "
        "--constraint 'parameters<=50000' --out again"
    )
    assert found.replay == "optcell-search replay 'runs/my run' TRIAL"
    assert found.facts["data fingerprint"] == "5eed" * 16
    assert found.facts["objectives"] == "maximize accuracy and minimize parameters"
    assert SearchSpace.from_dict(tomllib.loads(found.space), where="space").to_dict() == space


def with_settings(cell: str, rule: str, **settings: object) -> dict[str, object]:
    plain = candidate(cell, rule)
    plain["model"] |= {k: v for k, v in settings.items() if k in plain["model"]}
    plain["training"] |= {k: v for k, v in settings.items() if k in plain["training"]}
    return plain


def test_a_gradient_stands_beside_that_of_the_most_similar_plain_cell() -> None:
    ledger = Ledger(TWO)
    curve = {"0": 2.0, "1": 1.0, "4": 0.25}
    adam = with_settings("gru", "adam", hidden_size=32, lr=0.001)
    ledger.add([0.9, 5.0], of=adam, gradients=curve)
    # lr from 0.0005 to 0.008 are 4 doublings, hidden sizes 32 to 128 are 2.
    for hidden, lr in ((32, 0.008), (64, 0.001), (32, 0.0005)):
        of = with_settings("gru", "gd", hidden_size=hidden, lr=lr)
        ledger.add([0.8, 5.0], of=of, gradients={"0": 1.0, "4": 0.5})
    ledger.add([0.8, 5.0], of=with_settings("gru", "gd", hidden_size=128), gradients=curve)
    # Nearer, but of another cell, or not measured.
    ledger.add([0.8, 5.0], of=with_settings("rnn", "gd", lr=0.001), gradients=curve)
    ledger.add([0.8, 5.0], of=with_settings("gru", "gd", lr=0.001))
    data = data_of(ledger)
    found = gradient.gradients(data, range(7))
    assert found[0] == gradient.Gradient((0, 1, 4), (2.0, 1.0, 0.25), plain=3)
    assert found[3] == gradient.Gradient((0, 4), (1.0, 0.5), plain=None)
    assert found.keys() == {0, 1, 2, 3, 4, 5}
    assert gradient.gradients(data, [0]).keys() == {0, 3}, "with the one to compare it with"
    assert gradient.gradients(data, [6]) == {}


def test_older_ledgers_have_no_gradient_curves() -> None:
    assert gradient.gradients(data_of(two_objectives()), range(5)) == {}
