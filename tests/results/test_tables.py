from __future__ import annotations

import math
import warnings
from pathlib import Path
from typing import Any

import optuna
import pandas as pd
import pytest
from ledgers import RULES, Ledger, candidate, in_folder
from optuna.trial import TrialState

from optcell_search import results

TWO = {"accuracy": "maximize", "parameters": "minimize"}


def an_epoch(accuracy: float) -> dict[str, float]:
    return {"accuracy": accuracy, "loss": 1 - accuracy, "parameters": 10.0}


@pytest.fixture
def ledger() -> Ledger:
    ledger = Ledger(TWO)
    ledger.add([0.9, 10.0], epochs=[an_epoch(0.5), an_epoch(0.9)])
    ledger.add(state=TrialState.PRUNED, epochs=[an_epoch(0.3)], of=candidate("gru", "adam", mu=0.2))
    ledger.add(state=TrialState.FAIL, reason="diverged: loss is NaN at epoch 1")
    ledger.add([0.9, 10.0], duplicate_of=0)
    ledger.add(state=TrialState.RUNNING)
    return ledger


def test_frame_has_a_row_for_each_trial_with_its_last_metrics(ledger: Ledger) -> None:
    table = results.frame(ledger.study)
    assert list(table["number"]) == [0, 1, 2, 3, 4]
    assert list(table["state"]) == ["COMPLETE", "PRUNED", "FAIL", "COMPLETE", "RUNNING"]
    assert list(table["cell"]) == ["lstm", "gru", "lstm", "lstm", "lstm"]
    assert list(table["rule"]) == ["heavy_ball", "adam", *["heavy_ball"] * 3]
    assert table["accuracy"].tolist()[:2] == [0.9, 0.3]
    assert table["accuracy"].isna().tolist() == [False, False, True, False, True]
    assert table["loss"][0] == pytest.approx(0.1)
    assert list(table["epochs"]) == [2, 1, 0, 0, 0]
    assert table["reason"][2] == "diverged: loss is NaN at epoch 1"
    assert table["duplicate_of"].tolist()[3] == 0
    assert table["seconds"].tolist()[:4] == [7.0] * 4
    assert math.isnan(table["seconds"][4])
    assert list(table["seed"]) == [100, 101, 102, 103, 104]


def test_frame_gives_hyperparameters_only_to_candidates_that_have_them(ledger: Ledger) -> None:
    table = results.frame(ledger.study)
    assert table["heavy_ball.mu"].isna().tolist() == [False, True, False, False, False]
    assert table["adam.mu"][1] == 0.2
    assert (table["model.hidden_size"] == 32).all()
    assert (table["training.optimizer"] == "rmsprop").all()
    assert [c for c in table if c.startswith("adam.")] == [f"adam.{n}" for n in RULES["adam"]]
    assert "epoch" not in table.columns
    assert table.columns.is_unique


def test_frame_of_a_run_without_trials_has_its_columns() -> None:
    table = results.frame(Ledger(TWO).study)
    assert table.empty
    assert {"number", "state", "reason", "cell", "rule", "accuracy", "parameters"} <= set(table)
    assert results.pareto(table, TWO).empty
    assert results.curves(Ledger(TWO).study).empty
    assert results.finalized(Ledger(TWO).study).empty


def test_a_finite_objective_comes_from_the_trial_itself() -> None:
    ledger = Ledger(TWO)
    ledger.add([0.75, 3.0], metrics={"accuracy": 0.1, "parameters": 3, "loss": 0.2})
    assert results.frame(ledger.study)["accuracy"][0] == 0.75


def test_feasible_is_there_only_where_the_request_has_constraints() -> None:
    assert "feasible" not in results.frame(Ledger(TWO).study)
    ledger = Ledger(TWO, constraints=["parameters<=5"])
    ledger.add([0.9, 10.0], constraints={"parameters<=5": 5.0})
    ledger.add([0.8, 4.0], constraints={"parameters<=5": -1.0})
    ledger.add([0.8, 5.0], constraints={"parameters<=5": 0.0})
    ledger.add(state=TrialState.FAIL, reason="worker died")
    assert list(results.frame(ledger.study)["feasible"]) == [False, True, True, False]


def test_curves_have_a_row_for_each_epoch_in_order(ledger: Ledger) -> None:
    table = results.curves(ledger.study)
    assert list(table["number"]) == [0, 0, 1]
    assert list(table["epoch"]) == [1, 2, 1]
    assert list(table["accuracy"]) == [0.5, 0.9, 0.3]


def test_finalized_gives_mean_and_sample_deviation_of_each_split(ledger: Ledger) -> None:
    record = {
        "seeds": [1, 2, 3],
        "epochs": 4,
        "validation": {"accuracy": [0.8, 0.9, 1.0]},
        "test": {"accuracy": [0.5, 0.6, 0.7]},
    }
    ledger.study.set_user_attr("finalized:0", record)
    table = results.finalized(ledger.study).set_index("split")
    assert table.loc["validation", "mean"] == pytest.approx(0.9)
    assert table.loc["test", "mean"] == pytest.approx(0.6)
    assert table.loc["test", "std"] == pytest.approx(0.1)
    assert list(table["seeds"]) == [3, 3]
    assert list(table["number"]) == [0, 0]


def test_the_baseline_a_trial_is_compared_with_stands_in_splits_of_its_own(ledger: Ledger) -> None:
    def record(validation: float, test: float) -> dict[str, Any]:
        scores = {"validation": {"accuracy": [validation]}, "test": {"accuracy": [test]}}
        return {"seeds": [1], "epochs": 4, **scores}

    name = results.BASELINE
    ledger.study.set_user_attr("finalized:0", {**record(0.8, 0.7), name: record(0.6, 0.5)})
    table = results.finalized(ledger.study).set_index("split")
    found = {"validation": 0.8, "test": 0.7, "baseline_validation": 0.6, "baseline_test": 0.5}
    assert table["mean"].to_dict() == found


def test_a_single_seed_has_no_spread(ledger: Ledger) -> None:
    scores = {"accuracy": [0.8]}
    record = {"seeds": [1], "epochs": 4, "validation": scores, "test": scores}
    ledger.study.set_user_attr("finalized:0", record)
    assert results.finalized(ledger.study)["std"].isna().all()


@pytest.mark.parametrize("name", ["run", "a?b #c%20d", "ünï"])
def test_load_opens_the_ledger_of_a_folder(tmp_path: Path, name: str) -> None:
    written = in_folder(tmp_path / "plain", TWO)
    written.add([0.9, 10.0])
    (tmp_path / "plain").rename(tmp_path / name)
    study = results.load(tmp_path / name)
    assert results.objectives(study) == TWO
    assert len(results.frame(study)) == 1


def test_load_follows_the_study_that_the_request_names(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'shared.db'}"
    Ledger(TWO, url, run_id="other")
    Ledger({"mse": "minimize"}, url, run_id="mine")
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "run.toml").write_text(f'study = "{url}"\nrun_id = "mine"\n')
    assert results.objectives(results.load(folder)) == {"mse": "minimize"}
    assert results.objectives(results.load(f"{url}#other")) == TWO
    with pytest.raises(ValueError, match="valid: mine, other"):
        results.load(url)


def test_load_says_in_one_line_what_is_wrong(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no run here, study\.db is missing"):
        results.load(tmp_path)
    assert not list(tmp_path.iterdir())
    (tmp_path / "study.db").write_text("this is no database, though long enough to look" * 30)
    with pytest.raises(ValueError, match="not a readable Optuna study"):
        results.load(tmp_path)
    (tmp_path / "run.toml").write_text("= broken")
    with pytest.raises(ValueError, match="not TOML"):
        results.load(tmp_path)


def test_load_reads_a_journal(tmp_path: Path) -> None:
    journal = optuna.storages.journal.JournalFileBackend(str(tmp_path / "log"))
    Ledger(TWO, optuna.storages.JournalStorage(journal)).add([0.9, 10.0])
    assert len(results.frame(results.load(f"journal://{tmp_path / 'log'}"))) == 1


@pytest.mark.parametrize("scheme", ["sqlite:///", "journal://"])
def test_load_makes_no_file_that_was_not_there(tmp_path: Path, scheme: str) -> None:
    with pytest.raises(FileNotFoundError, match="no such file"):
        results.load(f"{scheme}{tmp_path / 'absent'}")
    assert not list(tmp_path.iterdir())


def test_load_refuses_a_study_that_no_search_wrote(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'study.db'}"
    optuna.create_study(study_name="foreign", storage=url)
    with pytest.raises(ValueError, match="'foreign' holds no request"):
        results.load(tmp_path)


def test_ten_thousand_trials_become_a_frame_without_a_query_each() -> None:
    ledger = Ledger(TWO)
    ledger.add([0.5, 3.0], epochs=[an_epoch(0.5)])
    one = ledger.study.get_trials(deepcopy=False)[0]

    class Counted:
        user_attrs = ledger.study.user_attrs
        reads = 0

        def get_trials(self, deepcopy: bool = True) -> list[object]:
            assert not deepcopy
            self.reads += 1
            return [one] * 10_000

    study = Counted()
    table = results.frame(study)  # type: ignore[arg-type]
    assert study.reads == 1
    assert len(table) == 10_000
    assert len(results.pareto(table, TWO)) == 10_000


def test_results_do_not_warn(ledger: Ledger) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert isinstance(results.frame(ledger.study), pd.DataFrame)


def test_penalties_are_hyperparameters_under_their_own_names() -> None:
    ledger = Ledger({"rmse": "minimize"})
    penalty = {"energy_imbalance": {"weight": 0.5}}
    ledger.add([1.0], of={**candidate("lstm", "gd", s=1.0), "objective": penalty})
    table = results.frame(ledger.study)
    assert table["energy_imbalance.weight"].tolist() == [0.5]
    assert not any(name.startswith("objective") for name in table.columns)


def test_gradients_have_a_row_for_each_distance() -> None:
    ledger = Ledger({"accuracy": "maximize"})
    ledger.add([0.5], gradients={"0": 2.0, "4": 0.5, "10": 0.25})
    ledger.add([0.5])
    found = results.gradients(ledger.study)
    assert list(found.columns) == ["number", "distance", "norm"]
    assert found.to_numpy().tolist() == [[0, 0, 2.0], [0, 4, 0.5], [0, 10, 0.25]]
