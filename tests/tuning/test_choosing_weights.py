"""Which seed's weights are handed out, by what finalize noted."""

from __future__ import annotations

import pytest

from optcell_search.tuning.finalizing.finalized_choice import choose_ensemble, choose_seed


def test_an_ensemble_is_what_was_tested_as_one() -> None:
    record = {
        "seeds": [11, 12],
        "ensemble": {"members": [11, 12], "validation": {}, "test": {"loss": [0.5]}, "epochs": 3},
    }
    found = choose_ensemble(3, record, "run")
    assert (found.seeds, found.scores) == ((11, 12), {"test": {"loss": 0.5}})
    with pytest.raises(ValueError, match="run: trial 3 has no ensemble; valid once `finalize --e"):
        choose_ensemble(3, {"seeds": [11, 12]}, "run")


def test_the_best_seed_follows_the_direction() -> None:
    record = {"seeds": [11, 12], "validation": {"loss": [0.5, 0.4], "mase": [1.0, 2.0]}}
    by_loss = choose_seed(3, record, {"loss": "minimize"}, None, "run")
    by_mase = choose_seed(3, record, {"parameters": "minimize", "mase": "minimize"}, None, "run")
    assert by_loss is not None
    assert by_mase is not None
    assert (by_loss.seed, by_loss.validation) == (12, {"loss": 0.4, "mase": 2.0})
    assert (by_mase.seed, by_mase.place, by_mase.metric) == (11, 1, "mase")


def test_seeds_that_were_trained_on_validation_data_too_have_nothing_to_choose_by() -> None:
    record = {"seeds": [11, 12], "validation": {}}
    found = choose_seed(3, record, {"loss": "minimize"}, None, "run")
    assert found is not None
    assert (found.seed, found.place, found.metric, found.validation) == (11, 1, "", {})
    second = choose_seed(3, record, {"loss": "minimize"}, 2, "run")
    assert second is not None
    assert second.seed == 12
