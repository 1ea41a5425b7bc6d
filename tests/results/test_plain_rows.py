"""Which trials of a run are its plain cells, and what is said where those are trained otherwise."""

from __future__ import annotations

from typing import Any

import pytest
from ledgers import Ledger, candidate

from optcell_search import results


def gain(ledger: Ledger) -> results.Gain | None:
    study = ledger.study
    return results.gain(results.frame(study), results.finalized(study), {"score": "maximize"}, 3)


def test_a_cell_that_learns_its_step_is_not_plain() -> None:
    ledger = Ledger({"score": "maximize"})
    learned = candidate("lstm", "gd", s=1.0)
    learned["model"]["learn_rule"] = True
    ledger.add([0.9], of=candidate("lstm", "adam"))
    ledger.add([0.8], of=learned)
    assert gain(ledger) is None


def test_a_memory_with_a_rule_inside_is_not_plain_where_one_without_is_there() -> None:
    def memory(inner: str, s: float = 1.0) -> dict[str, Any]:
        known = {"name": "delta", "inner": inner, "s": s}
        return candidate("delta", "gd", s=1.0) | {"cell": known}

    ledger = Ledger({"score": "maximize"})
    ledger.add([0.95], of=memory("adam"))
    ledger.add([0.90], of=memory("gd", s=0.5))
    # Nothing else to measure by: what is inside is the cell's own.
    assert (alone := gain(ledger)) is not None
    assert (alone.number, alone.plain) == (0, 0)
    ledger.add([0.80], of=memory("gd"))
    assert (found := gain(ledger)) is not None
    assert (found.number, found.plain, found.gain.mean) == (0, 2, pytest.approx(0.15))


@pytest.mark.parametrize("rule", ["gd", "adam"])
def test_a_plain_cell_with_a_share_of_the_epochs_is_no_measure_and_is_told(rule: str) -> None:
    ledger = Ledger({"score": "maximize"})
    part = candidate("gru", rule, **({"s": 1.0} if rule == "gd" else {}))
    part["training"]["share"] = 0.125
    ledger.add([0.95], of=part, spread={"score": 0.01})
    ledger.add([0.90], of=candidate("gru", "gd", s=1.0), spread={"score": 0.01})
    found = gain(ledger)
    assert found is not None
    assert (found.number, found.plain, found.gain.mean) == (0, 1, pytest.approx(0.05))
    told = "trained for 12.5 % of the epochs"
    plain = f"It is a plain gru, too, {told}: no rule has beaten it."
    assert found.sentence.endswith(plain if rule == "gd" else f"It was {told}.")


def test_where_all_epochs_were_taken_nothing_is_said_of_them() -> None:
    ledger = Ledger({"score": "maximize"})
    for score, of in ((0.95, candidate("gru", "adam")), (0.90, candidate("gru", "gd", s=1.0))):
        ledger.add([score], of=of, spread={"score": 0.01})
    found = gain(ledger)
    assert found is not None
    assert found.sentence.startswith("Trial 0 gains +0.05 in validation score over the plain gru")
    assert "of the epochs" not in found.sentence
