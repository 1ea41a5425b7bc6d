"""What the views show of rules and cells, compared exactly with cases worked out by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from ledgers import TWO, Ledger, candidate, data_of, two_objectives
from optuna.trial import TrialState

from optcell_search import rules
from optcell_search.dashboard.info import gradient, importance, impulse, response, rule_map
from optcell_search.dashboard.info.data import Axis
from optcell_search.space import Candidate


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


def test_a_narrow_best_quarter_keeps_its_ends_apart() -> None:
    ledger = Ledger({"accuracy": "maximize"})
    for i in range(12):
        ledger.add([i / 20], of=candidate("rnn", "heavy_ball", mu=0.9873 + i / 1000, s=0.6))
    (answer,) = response.responses(data_of(ledger))
    assert answer.sentence.endswith("The best quarter lies at μ 0.9963 to 0.9983.")


def test_a_rule_that_is_not_registered_here_is_shown_all_the_same() -> None:
    ledger = Ledger({"accuracy": "maximize"})
    for tau in (1.0, 2.0):
        ledger.add([0.5], of=candidate("rnn", "theirs", tau=tau))
    data = data_of(ledger)
    (answer,) = response.responses(data)
    assert (answer.rule, answer.axes) == ("theirs", (Axis("theirs.tau", "tau"),))
    assert impulse.impulse_responses(data, [0, 1]) == {}


def test_a_rule_that_fails_outside_of_training_costs_the_others_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ledger = Ledger({"accuracy": "maximize"})
    for mu in (0.1, 0.5):
        ledger.add([0.5], of=candidate("rnn", "heavy_ball", mu=mu, s=0.6))
    respond = rules.apply_rule

    def at_times(rule: rules.HeavyBall, *tensors: Any) -> Any:
        if rule.mu > 0.4:
            raise RuntimeError("no GPU here")
        return respond(rule, *tensors)

    monkeypatch.setattr(rules, "apply_rule", at_times)
    with pytest.warns(UserWarning, match="'heavy_ball' fails outside of a training.*: no GPU here"):
        assert impulse.impulse_responses(data_of(ledger), [0, 1]).keys() == {0}


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
            rule_map.Pair("adam", "rnn", 3.0, 3.0, 3, 1, 0, 0.0),
            rule_map.Pair("gd", "rnn", 1.0, 2.0, 0, 3, 0, 1.0),
        ),
    )


def test_pairs_of_which_every_trial_was_stopped_stay_on_the_map() -> None:
    ledger = Ledger({"loss": "minimize"})
    ledger.add([1.0], of=candidate("rnn", "gd"))
    for rule in ("gd", "adam"):
        of = candidate("rnn", rule)
        ledger.add(state=TrialState.PRUNED, of=of, epochs=[{"loss": 2.0}])
    assert rule_map.rule_map(data_of(ledger)).pairs == (
        rule_map.Pair("gd", "rnn", 1.0, 1.0, 0, 1, 1, 0.0),
        rule_map.Pair("adam", "rnn", None, None, None, 0, 1, 0.0),
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


def test_importance_leaves_nothing_out_that_some_trials_have_or_a_penalty() -> None:
    ledger = Ledger({"loss": "minimize"})
    for i, (width, weight, mu) in enumerate(np.random.default_rng(0).random((90, 3)).tolist()):
        front = "serial" if i % 2 else "none"
        one = candidate("delta", "gd", s=1.0)
        one["cell"] |= {"inner": "heavy_ball", "mu": mu} if i % 3 else {"inner": "gd"}
        one["model"] |= {"front": front} | ({"front_width": int(16 + 99 * width)} if i % 2 else {})
        one["penalty"] = {"energy_imbalance": {"weight": 0.1 + weight}}
        ledger.add([weight + width * (i % 2)], of=Candidate.from_dict(one).to_dict())
    groups = {found.group: found for found in importance.importances(data_of(ledger))}
    assert {name: found.trials for name, found in groups.items()} == {
        "all": 90, "with front_width": 45, "delta": 90, "with μ (delta)": 60,
    }  # fmt: skip
    assert groups["all"].names[0] == "energy_imbalance.weight"
    shared = {"energy_imbalance.weight", "model.front"}
    assert set(groups["all"].names) == shared
    assert set(groups["with front_width"].names) == {*shared, "model.front_width"} - {"model.front"}
    assert set(groups["with μ (delta)"].names) == {"delta.mu"}


def test_integers_over_orders_of_magnitude_are_on_a_log_scale() -> None:
    """A share depends on the scale: on another one integers would not weigh as numbers do."""
    sizes = pd.Series(range(2, 400, 7), name="model.hidden_size")
    for values in (sizes, sizes.astype(float)):
        assert importance._distribution(values).log  # type: ignore[union-attr]
        assert not importance._distribution(values + 1000).log  # type: ignore[union-attr]


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


def test_choices_are_the_form_of_a_rule_whose_response_is_asked_for() -> None:
    ledger = Ledger(TWO)
    off = dict.fromkeys(("nesterov", "adam", "rmsprop"), False)
    values = {"gd_s": 0.25, "heavy_ball_mu": 0.5, "heavy_ball_s": 0.8}
    for choices in (off, {**off, "gd": False}):
        own: dict[str, Any] = {
            k: v for k, v in values.items() if choices.get("gd", True) or k != "gd_s"
        }
        rule = rules.Mixture(**dict[str, Any](choices), **own)
        ledger.add([0.9, 1.0], of=candidate("rnn", "mixture", **rule.values()))
    # Another rule beside them, whose trials have none of these columns.
    ledger.add([0.9, 1.0], of=candidate("rnn", "gd", s=0.25))
    found = impulse.impulse_responses(data_of(ledger), [0, 1, 2])
    assert found[0][:3] == pytest.approx((0.525, 0.2, 0.1))
    assert found[1][:3] == pytest.approx((0.8, 0.4, 0.2))
    assert found[2] == (0.25,)


def test_a_rule_that_never_trained_is_not_run_for_its_response() -> None:
    ledger = Ledger(TWO)
    own = candidate("rnn", "heavy_ball", mu=0.5, s=0.8)
    ledger.add(state=TrialState.FAIL, of=own, reason="worker died")
    ledger.add(state=TrialState.FAIL, of=own, epochs=[{"accuracy": 0.9}], reason="diverged")
    assert impulse.impulse_responses(data_of(ledger), [0, 1]).keys() == {1}


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
