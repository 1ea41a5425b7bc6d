"""What is said of a warm start, from ledgers made by hand."""

from __future__ import annotations

from typing import Any

import pytest
from ledgers import Ledger, candidate
from optuna.trial import TrialState

from optcell_search import results
from optcell_search.results import WarmStart, record_of
from optcell_search.space import LARGEST

RULES = ("gd", "heavy_ball", "nesterov", "adam", "rmsprop")


def a_mixture(cell: str) -> dict[str, Any]:
    return candidate(cell, "mixture", gd=True)


def told(without: list[float], alone: list[float], loss: float = 0.5) -> dict[str, Any]:
    return {
        "loss": {"mixture": loss},
        "without": dict(zip(RULES, without, strict=False)),
        "alone": dict(zip(RULES, alone, strict=False)),
        "weights": dict.fromkeys(RULES[: len(alone)], 1 / len(alone)),
        "values": {},
    }


def warm_start(ledger: Ledger) -> WarmStart | None:
    records = [record_of(trial) for trial in ledger.study.get_trials()]
    return results.warm_start(records, ledger.study.user_attrs)


def a_run(cells: list[str], objectives: dict[str, str] | None = None) -> Ledger:
    return Ledger(
        objectives or {"accuracy": "maximize"}, warm_start=[a_mixture(cell) for cell in cells]
    )


def add_read_off(ledger: Ledger, number: int, scores: list[float]) -> list[int]:
    keys = {rule: f"{rule}-of-{number}" for rule in RULES[: len(scores)]}
    ledger.study.set_user_attr(f"read_off:{number}", keys)
    return [
        ledger.add([score], of=candidate("lstm", rule), key=key)
        for (rule, key), score in zip(keys.items(), scores, strict=True)
    ]


def test_a_ranking_that_agrees_is_told_with_its_interval_and_gap() -> None:
    ledger = a_run(["lstm"])
    # Alone the rules come in the opposite order, which the search does not go by.
    alone = [0.9, 0.6, 0.7, 0.8, 1.0][::-1]
    number = ledger.add([0.9], of=a_mixture("lstm"), mixture=told([0.5, 0.8, 0.7, 0.6, 0.4], alone))
    trials = add_read_off(ledger, number, [0.2, 0.5, 0.4, 0.3, 0.1])
    found = warm_start(ledger)
    assert found is not None
    (cell,) = found.cells
    assert [one.rule for one in cell.rules] == ["heavy_ball", "nesterov", "adam", "gd", "rmsprop"]
    assert [one.trial for one in cell.rules] == [trials[i] for i in (1, 2, 3, 0, 4)]
    assert found.tau is not None
    assert (found.tau.mean, found.tau.amount, found.told) == (1.0, 5, True)
    assert found.gap == pytest.approx(0.5 - 0.8)
    assert found.sentence == (
        "Warm start: the strongest rule is heavy_ball on lstm. Kendall's τ between the mixtures' "
        "ranking of rules and the validation accuracy of 5 candidates trained apart is 1.00 (95 % "
        "interval 1.00 to 1.00): they agree. The discretisation gap, the validation loss of the "
        "mixture less that of its strongest rule alone, is -0.3. Mixtures and candidates read off "
        "took 0 s of training and came to 0.5; what random search reaches at equal cost is not "
        "known, as the sampler of this run is tpe."
    )


@pytest.mark.parametrize("scores", [[0.2, 0.5, 0.1, 0.3, 0.4], [0.3, 0.3, 0.2, 0.4, 0.1]])
def test_where_the_interval_holds_0_the_warm_start_told_nothing(scores: list[float]) -> None:
    ledger = a_run(["lstm"])
    number = ledger.add(
        [0.9], of=a_mixture("lstm"), mixture=told([0.9, 0.5, 0.8, 0.6, 0.7], [0.5] * 5)
    )
    add_read_off(ledger, number, scores)
    found = warm_start(ledger)
    assert found is not None
    assert found.tau is not None
    assert not found.told
    assert "): the warm start told nothing." in found.sentence


def test_the_wrong_way_round_is_said_and_not_told() -> None:
    ledger = a_run(["lstm"], {"loss": "minimize"})
    losses = [0.5, 0.6, 0.7, 0.8, 0.9]
    number = ledger.add([0.9], of=a_mixture("lstm"), mixture=told(losses, losses[::-1]))
    # The rule that is missed most, RMSProp, comes to the largest loss.
    add_read_off(ledger, number, losses)
    found = warm_start(ledger)
    assert found is not None
    assert found.tau is not None
    assert (found.tau.mean, found.told) == (-1.0, False)
    assert "the ranking is the wrong way round." in found.sentence


def test_a_strongest_rule_that_cannot_be_alone_has_no_gap() -> None:
    def run(*alone: float) -> WarmStart:
        cells = ["lstm", "gru", "rnn"][: len(alone)]
        ledger = a_run(cells)
        for cell, loss in zip(cells, alone, strict=True):
            ledger.add([0.9], of=a_mixture(cell), mixture=told([0.9, 0.6], [loss, 0.7]))
        found = warm_start(ledger)
        assert found is not None
        return found

    none = run(LARGEST, LARGEST)
    assert none.gap is None
    assert none.sentence.endswith("rule alone, is not finite.")
    assert "the strongest rule is gd on lstm, gd on gru" in none.sentence
    two = run(0.75, LARGEST, 1.25)
    assert two.gap == pytest.approx(-0.5)
    assert two.sentence.endswith("is -0.5 in the mean, gru left out, where it is not finite.")
    assert run(0.75, LARGEST).sentence.endswith("is -0.25, gru left out, where it is not finite.")


def test_random_search_is_told_at_equal_cost_where_it_is_the_sampler() -> None:
    ledger = Ledger(
        {"loss": "minimize"}, warm_start=[a_mixture("lstm")], sampler="random", folds=2, repeats=1,
        first=[candidate("lstm", "gd")],
    )  # fmt: skip

    def add(loss: float, seconds: float, of: dict[str, Any], **known: Any) -> int:
        return ledger.add([loss], of=of, epochs=[{"train_seconds": seconds, "loss": loss}], **known)

    def said() -> str:
        found = warm_start(ledger)
        assert found is not None
        return found.sentence.rpartition(" Mixtures and candidates read off took ")[2]

    number = add(0.3, 4.0, a_mixture("lstm"), mixture=told([0.5, 0.6], [0.5, 0.6]))
    ledger.study.set_user_attr(f"read_off:{number}", {"gd": "a", "heavy_ball": "b"})
    # A plain cell, which the request names first, is no draw.
    add(0.1, 1.0, candidate("lstm", "gd"))
    assert " took " not in said()
    add(0.25, 1.0, candidate("lstm", "heavy_ball", mu=0.2), key="b")
    start = "10 s of training and came to 0.25; random search"
    assert said() == f"{start} trained no candidate to its end in the 0 s that it has taken so far."
    pruned = [{"train_seconds": 1.0, "loss": 0.01}]
    ledger.add(state=TrialState.PRUNED, of=candidate("lstm", "adam"), epochs=pruned)
    add(0.22, 2.0, candidate("lstm", "adam", mu=0.3))
    assert said() == f"{start} came to 0.22 in the 6 s that it has taken so far."
    add(0.05, 3.0, candidate("lstm", "adam", mu=0.4))
    assert said() == f"{start} came to 0.22 in as many."


def test_a_cost_is_no_score_and_pruned_candidates_have_none() -> None:
    ledger = a_run(["lstm"], {"parameters": "minimize"})
    number = ledger.add([9.0], of=a_mixture("lstm"), mixture=told([0.5, 0.6], [0.5, 0.6]))
    ledger.study.set_user_attr(f"read_off:{number}", {"gd": "a", "heavy_ball": "b"})
    metrics = [{"loss": 0.25, "parameters": 8.0}]
    ledger.add([8.0], of=candidate("lstm", "gd"), key="a", epochs=metrics)
    found = warm_start(ledger)
    assert found is not None
    assert found.label == "validation loss"
    assert [one.score for one in found.cells[0].rules] == [None, 0.25]
    assert found.tau is None
    assert "Too few of the candidates" in found.sentence


def test_before_a_mixture_is_complete_nothing_has_been_read_off() -> None:
    assert warm_start(Ledger({"accuracy": "maximize"})) is None
    ledger = a_run(["lstm", "gru"])
    found = warm_start(ledger)
    assert found is not None
    assert found.sentence == (
        "Warm start: of 2 mixtures none is complete, so nothing was read off."
    )
    # One that the user's space holds is none of ours.
    ledger.add([0.9], of=a_mixture("rnn"), mixture=told([0.5, 0.6], [0.5, 0.6]))
    ledger.add([0.9], of=a_mixture("gru"), mixture=told([0.5, 0.6], [0.5, 0.6]))
    found = warm_start(ledger)
    assert found is not None
    assert "heavy_ball on gru (1 of 2 mixtures)." in found.sentence


@pytest.mark.parametrize("damage", [{"loss": {}}, {"alone": {"gd": 0.5}}, {"without": {"gd": "x"}}])
def test_a_damaged_reading_is_refused(damage: dict[str, Any]) -> None:
    ledger = a_run(["lstm"])
    ledger.add([0.9], of=a_mixture("lstm"), mixture=told([0.5, 0.6], [0.5, 0.6]) | damage)
    with pytest.raises(ValueError, match=r"^trial 0: mixture = "):
        warm_start(ledger)
