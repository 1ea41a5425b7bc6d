from __future__ import annotations

import math

import pytest
from ledgers import Ledger, candidate
from optuna.trial import TrialState

from optcell_search.dashboard import by_rule, details, info, scatter

TWO = {"accuracy": "maximize", "parameters": "minimize"}


def data_of(ledger: Ledger) -> info.Data:
    return info.read(ledger.study)


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
    overview = info.overview(data_of(two_objectives()))
    assert overview.counts == {"COMPLETE": 4, "FAIL": 1}
    assert overview.reasons == {"diverged": 1}
    assert overview.message == ""
    assert [(pick.role, pick.number) for pick in overview.picks] == [
        ("best accuracy", 0),
        ("fewest parameters", 3),
        ("knee", 1),
    ]
    assert overview.picks[0].values == {"accuracy": 0.9, "parameters": 100.0}


def test_a_row_that_is_best_in_all_is_named_once() -> None:
    ledger = Ledger(TWO)
    ledger.add([0.9, 1.0])
    ledger.add([0.8, 2.0])
    picks = info.overview(data_of(ledger)).picks
    assert [(pick.role, pick.number) for pick in picks] == [
        ("best accuracy, fewest parameters, knee", 0)
    ]


def test_hypervolume_is_a_share_of_the_box_of_all_values() -> None:
    overview = info.overview(data_of(two_objectives()))
    # Steps of the front in the box of 0.8 by 99: widths times heights above the worst accuracy.
    area = (0.8 - 0.1) * (100 - 10) + (0.1 - 0.1) * (10 - 1)
    assert overview.hypervolume == pytest.approx(area / (0.8 * 99))


@pytest.mark.parametrize(
    ("states", "message"),
    [
        ([], "No trial yet. The views fill as soon as the first ones finish."),
        ([TrialState.COMPLETE], "One trial is finished. Comparing starts with the second."),
        ([TrialState.COMPLETE] * 2, ""),
        ([TrialState.RUNNING], "No trial is complete yet."),
        (
            [TrialState.FAIL] * 2,
            "No trial is complete. 2 trials failed: out of memory (2).",
        ),
    ],
)
def test_message_where_there_is_little_to_show(states: list[TrialState], message: str) -> None:
    ledger = Ledger(TWO)
    for state in states:
        values = [0.5, 1.0] if state == TrialState.COMPLETE else None
        ledger.add(values, state=state, reason="out of memory")
    assert info.overview(data_of(ledger)).message == message


def test_message_where_no_trial_keeps_the_constraints() -> None:
    ledger = Ledger(TWO, constraints=["parameters<=5"])
    ledger.add([0.9, 10.0], constraints={"parameters<=5": 5.0})
    data = data_of(ledger)
    assert "none keeps the constraints" in info.overview(data).message
    (shown,) = scatter.scatters(data)
    assert shown.rules == {}
    assert shown.infeasible.number == (0,)
    assert shown.knee is None


def test_scatter_of_two_objectives() -> None:
    (shown,) = scatter.scatters(data_of(two_objectives()))
    assert shown.x == info.Axis("parameters", "parameters", (1.0, 100.0))
    assert shown.y == info.Axis("accuracy", "validation accuracy")
    assert shown.front == ((1.0, 0.1), (10.0, 0.8), (100.0, 0.9))
    assert shown.knee == (10.0, 0.8, 1)
    points = shown.rules["heavy_ball"]
    assert (points.x, points.y) == ((10.0, 11.0), (0.8, 0.8))
    assert (points.number, points.on_front) == ((1, 2), (True, False))
    assert points.hover[0] == (
        "trial 1\ngru × heavy_ball (μ 0.5 · s 0.2)\nhidden 32 · layers 1\nrmsprop, lr 0.001\n"
        "validation accuracy: 0.8\nparameters: 10"
    )
    assert sorted(shown.rules) == ["adam", "gd", "heavy_ball"]


@pytest.mark.parametrize(("direction", "sign"), [("minimize", 1), ("maximize", -1)])
def test_one_objective_is_shown_over_the_trials_with_the_best_so_far(
    direction: str, sign: int
) -> None:
    ledger = Ledger({"score": direction})
    for value in (3.0, 4.0, 1.0):
        ledger.add([sign * value])
    (shown,) = scatter.scatters(data_of(ledger))
    assert shown.x.name == "number"
    assert shown.front == ((0.0, sign * 3.0), (1.0, sign * 3.0), (2.0, sign * 1.0))
    assert shown.knee is None


def test_five_objectives_are_each_shown_against_the_first_without_a_line() -> None:
    names = ["accuracy", "parameters", "loss", "latency_ms", "train_seconds"]
    ledger = Ledger({name: "maximize" if name == "accuracy" else "minimize" for name in names})
    ledger.add([0.9, 2.0, 3.0, 4.0, 5.0])
    ledger.add([0.9, 1.0, 9.0, 9.0, 9.0])
    scatters = scatter.scatters(data_of(ledger))
    assert [shown.x.name for shown in scatters] == names[1:]
    assert {shown.y.name for shown in scatters} == {"accuracy"}
    assert all(shown.front == () for shown in scatters)
    assert all(shown.rules["heavy_ball"].on_front == (True, True) for shown in scatters)


def test_responses_are_the_rules_best_first_with_their_two_first_hyperparameters() -> None:
    adam, heavy_ball, gd = by_rule.responses(data_of(two_objectives()))
    assert (adam.rule, heavy_ball.rule, gd.rule) == ("adam", "heavy_ball", "gd")
    assert adam.x is None
    assert adam.sentence == "Best 0.9 of 1 trial, with μ 0.1, s 0.5, β 0.1 (trial 0)."
    assert heavy_ball.x is not None
    assert heavy_ball.y is not None
    assert (heavy_ball.x.name, heavy_ball.x.label, heavy_ball.x.log) == (
        "heavy_ball.mu",
        "μ",
        False,
    )
    assert (heavy_ball.y.name, heavy_ball.y.limits) == ("heavy_ball.s", (0.2, 0.3))
    assert (heavy_ball.xs, heavy_ball.ys) == ((0.5, 0.7), (0.2, 0.3))
    assert heavy_ball.values == (0.8, 0.8)
    assert heavy_ball.number == (1, 2)
    assert heavy_ball.equation == "v_t = μ v_{t-1} + s z_t;  u_t = v_t"
    assert heavy_ball.sentence == "Best 0.8 of 2 trials, with μ 0.5, s 0.2 (trial 1)."


def test_a_rule_with_one_varying_hyperparameter_is_shown_against_the_objective() -> None:
    ledger = Ledger({"accuracy": "maximize"})
    for s, accuracy in ((0.1, 0.5), (0.2, 0.9)):
        ledger.add([accuracy], of=candidate("rnn", "gd", s=s))
    (gd,) = by_rule.responses(data_of(ledger))
    assert gd.y is not None
    assert gd.y.name == "accuracy"
    assert (gd.xs, gd.ys) == ((0.2, 0.1), (0.9, 0.5))


def test_the_best_quarter_is_told_where_there_are_enough_trials() -> None:
    ledger = Ledger({"accuracy": "maximize"})
    for i in range(12):
        ledger.add([i / 20], of=candidate("rnn", "heavy_ball", mu=i / 20, s=0.6))
    (response,) = by_rule.responses(data_of(ledger))
    assert response.sentence == (
        "Best 0.55 of 12 trials, with μ 0.55, s 0.6 (trial 11). "
        "The best quarter lies at μ 0.45 to 0.55."
    )


def test_a_rule_that_is_not_registered_here_is_shown_all_the_same() -> None:
    ledger = Ledger({"accuracy": "maximize"})
    for tau in (1.0, 2.0):
        ledger.add([0.5], of=candidate("rnn", "theirs", tau=tau))
    (response,) = by_rule.responses(data_of(ledger))
    assert (response.rule, response.equation, response.xs) == ("theirs", "", (1.0, 2.0))


def test_rule_by_cell_has_best_median_count_and_share() -> None:
    ledger = Ledger({"loss": "minimize"})
    for value, rule in ((1.0, "gd"), (2.0, "gd"), (6.0, "gd"), (3.0, "adam")):
        ledger.add([value], of=candidate("rnn", rule))
    matrix = by_rule.rule_by_cell(data_of(ledger))
    assert (matrix.rules, matrix.cells) == (("adam", "gd"), ("rnn",))
    assert matrix.best == {("gd", "rnn"): 1.0, ("adam", "rnn"): 3.0}
    assert matrix.median == {("gd", "rnn"): 2.0, ("adam", "rnn"): 3.0}
    assert matrix.count == {("gd", "rnn"): 3, ("adam", "rnn"): 1}
    assert matrix.share == {("gd", "rnn"): 100, ("adam", "rnn"): 0}


@pytest.mark.parametrize(
    ("direction", "limits"), [("maximize", (1.0, 10.0)), ("minimize", (9.0, 0.0))]
)
def test_colours_end_at_the_best_and_spare_the_worst_tenth(
    direction: str, limits: tuple[float, float]
) -> None:
    ledger = Ledger({"score": direction})
    for value in range(11):
        ledger.add([float(value)])
    assert by_rule.colour_range(data_of(ledger)) == limits


def epochs(*values: float) -> list[dict[str, float]]:
    return [{"accuracy": value, "parameters": 5.0, "loss": 1 - value} for value in values]


def test_learning_curves_follow_the_first_objective_that_is_learned() -> None:
    ledger = Ledger({"parameters": "minimize", "accuracy": "maximize"})
    ledger.add([5.0, 0.9], epochs=epochs(0.5, 0.9))
    ledger.add(state=TrialState.PRUNED, epochs=epochs(0.2))
    curves = details.learning_curves(data_of(ledger), {0})
    assert curves.y.name == "accuracy"
    assert curves.total == 2
    strong, faint = curves.curves
    assert (strong.number, strong.epochs, strong.values) == (0, (1, 2), (0.5, 0.9))
    assert (strong.on_front, strong.state) == (True, "COMPLETE")
    assert (faint.on_front, faint.state, faint.values) == (False, "PRUNED", (0.2,))


def test_of_many_learning_curves_an_even_sample_and_the_whole_front_are_drawn(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(details, "_MOST_CURVES", 5)
    ledger = Ledger({"accuracy": "maximize"})
    for i in range(20):
        ledger.add([0.5], epochs=epochs(i / 20))
    curves = details.learning_curves(data_of(ledger), {7})
    assert curves.total == 20
    drawn = [curve.number for curve in curves.curves]
    assert 7 in drawn
    assert 5 <= len(drawn) <= 6


def test_final_rows_keep_test_scores_apart() -> None:
    ledger = two_objectives()
    record = {
        "seeds": [1, 2],
        "epochs": 3,
        "validation": {"accuracy": [0.8, 0.9]},
        "test": {"accuracy": [0.7, 0.7]},
        "failed": {},
    }
    ledger.study.set_user_attr("finalized:1", record)
    (row,) = details.final_rows(data_of(ledger))
    assert row.number == 1
    assert row.description == "gru × heavy_ball (μ 0.5 · s 0.2)"
    assert row.scores == {
        "validation": {"accuracy": "0.85 ± 0.071"},
        "test": {"accuracy": "0.7 ± 0"},
    }
    assert (row.seeds, row.epochs) == (2, 3)


def test_the_table_joins_the_hyperparameters_that_rules_share() -> None:
    table = details.trial_table(data_of(two_objectives()))
    assert table.columns[:6] == ("trial", "state", "rule", "cell", "accuracy", "parameters")
    row = dict(zip(table.columns, table.rows[1], strict=True))
    assert (row["trial"], row["rule"], row["μ"], row["s"]) == (1, "heavy_ball", 0.5, 0.2)
    last = dict(zip(table.columns, table.rows[4], strict=True))
    assert (last["state"], last["reason"], last["accuracy"]) == ("FAIL", "diverged", None)
    assert last["μ"] is None
    for column in ("hidden", "ε", "β"):
        assert column not in table.columns, "what never varies tells no trial from another"


def test_the_table_holds_what_json_can_hold() -> None:
    ledger = Ledger({"accuracy": "maximize"})
    steps = [{"accuracy": math.inf, "loss": math.nan}]
    ledger.add(state=TrialState.FAIL, reason="diverged", epochs=steps)
    table = details.trial_table(data_of(ledger))
    row = dict(zip(table.columns, table.rows[0], strict=True))
    assert row["accuracy"] == "inf"
    assert row["loss"] is None
