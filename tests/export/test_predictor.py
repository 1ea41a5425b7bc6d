"""An exported package's predictor: from raw data to answers, as the search scored them."""

from __future__ import annotations

import dataclasses
import json
import re
import tomllib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from predicting import (
    CANDIDATE,
    a_model,
    a_predictor,
    exported,
    in_new_interpreter,
    no_formats,
)
from raw_examples import EXAMPLES

from optcell_search import tasks
from optcell_search.export import ExportError, export, formats, package
from optcell_search.tasks import LoadedTask
from optcell_search.training import evaluate
from optcell_search.tuning.raw_scores import reference


@pytest.mark.parametrize("task", EXAMPLES, indirect=True)
def test_raw_rows_score_what_the_split_scores(task: LoadedTask) -> None:
    noted = evaluate(a_model(task), task.validation, task)
    expected = reference(task, CANDIDATE, a_model(task).state_dict(), noted, "cpu")
    assert expected is not None
    predictor = a_predictor(task)
    pieces = predictor.outputs(predictor.preprocessing.inputs(expected.raw))
    found = expected.score(pieces)
    for name in task.metrics:
        assert found[name] == pytest.approx(noted[name], rel=1e-6, abs=1e-6, nan_ok=True), name


@pytest.mark.parametrize("task", EXAMPLES, indirect=True)
def test_answers_stand_in_columns_by_name(task: LoadedTask) -> None:
    predictor, raw = a_predictor(task), task.raw("validation")
    said = task.preprocessing.outputs
    answers = predictor.predict(raw)
    assert tuple(answers.columns) == said.names
    assert len(answers)
    if said.kind == "numbers":
        assert np.isfinite(answers.to_numpy(float)).all()
        with pytest.raises(ValueError, match="numbers are predicted here"):
            predictor.predict_proba(raw)
    else:
        shares = predictor.predict_proba(raw)
        assert tuple(shares.columns) == said.classes
        np.testing.assert_allclose(shares.sum(axis=1), 1)
        assert (shares.idxmax(axis=1) == answers[said.names[0]]).all()
        assert shares.index.equals(answers.index)


def test_batches_of_other_lengths_give_what_each_sequence_gives_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = tasks.load(EXAMPLES["steps"](tmp_path), tmp_path)
    predictor, rows = a_predictor(task), task.raw("train")
    whole = predictor.predict(rows)
    monkeypatch.setattr("optcell_search.raw.predictor.BATCH", 3)
    pd.testing.assert_frame_equal(predictor.predict(rows), whole)
    assert list(whole.index) == list(range(1, len(rows) + 1)), "one for each row, in their order"


def test_a_text_is_answered_to_its_end_and_unknown_symbols_are_said(tmp_path: Path) -> None:
    task = tasks.load(EXAMPLES["text"](tmp_path), tmp_path)
    predictor = a_predictor(task)
    answers = predictor.predict("abcabc")
    assert list(answers.index) == [1, 2, 3, 4, 5, 6], "what follows the last symbol, too"
    with pytest.warns(UserWarning, match=r"'Q', first at 2, is not in the vocabulary"):
        predictor.predict("aQb")
    (tmp_path / "new.txt").write_text("abcabc", encoding="utf-8")
    pd.testing.assert_frame_equal(predictor.predict(tmp_path / "new.txt"), answers)


@pytest.mark.parametrize(
    "task",
    [
        *("forecast", "text", "embedded"),
        *(pytest.param(k, marks=pytest.mark.slow) for k in ("arrays", "series", "columns")),
    ],
    indirect=True,
)
def test_other_kinds_are_checked_in_a_new_interpreter_too(task: LoadedTask, tmp_path: Path) -> None:
    package = exported(task, tmp_path / "winner")
    config = json.loads((package / "config.json").read_text())
    assert (config["predictor"], config["compared"]) == (True, True)
    text = (package / "README.md").read_text()
    assert "the export has checked that in a new interpreter" in text
    assert f"# columns: {task.preprocessing.outputs.names[0]}" in text


def test_other_scores_are_an_error_and_leave_nothing(classes: LoadedTask, tmp_path: Path) -> None:
    with pytest.raises(ExportError, match=r"predictor has loss 0\.\d+ .* the search noted 0\.1"):
        exported(classes, tmp_path / "winner", loss=0.1)
    assert not list(tmp_path.iterdir())


def test_a_predictor_that_reads_otherwise_is_an_error(
    classes: LoadedTask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = package._copy_room

    def spoilt(room: str, home: Path) -> None:
        copy(room, home)
        if room == "raw":
            path = home / "raw" / "features.py"
            text = path.read_text()
            assert "- offset) / scale" in text
            path.write_text(text.replace("- offset) / scale", "- offset) * scale"))

    monkeypatch.setattr(package, "_copy_room", spoilt)
    with pytest.raises(ExportError, match="predictor has"):
        exported(classes, tmp_path / "winner")
    assert not list(tmp_path.iterdir())


def test_data_without_a_raw_form_are_not_compared_and_the_readme_says_so(tmp_path: Path) -> None:
    task = tasks.load("adding:examples=200")
    assert reference(task, CANDIDATE, a_model(task).state_dict(), None, "cpu") is None
    package = exported(task, tmp_path / "winner")
    assert not json.loads((package / "config.json").read_text())["compared"]
    assert "has not been compared with the search's scores" in (package / "README.md").read_text()


def test_what_the_package_holds(of_classes: Path, classes: LoadedTask) -> None:
    ours = Path(package.__file__).parents[1] / "raw"
    held_raw = of_classes / "winner_cell" / "raw"
    copies = list(held_raw.rglob("*.py"))
    assert len(copies) > 10
    for copied in copies:
        assert copied.read_bytes() == (ours / copied.relative_to(held_raw)).read_bytes()
    held = json.loads((of_classes / "winner_cell" / "preprocessing.json").read_text())
    assert held == json.loads(json.dumps(classes.preprocessing.to_dict()))
    project = tomllib.loads((of_classes / "pyproject.toml").read_text())["project"]
    assert {re.split("[>=]", need)[0] for need in project["optional-dependencies"]["predict"]} == {
        "numpy", "pandas", "pyarrow",
    }  # fmt: skip
    text = (of_classes / "README.md").read_text()
    for said in (
        'pip install "./winner[predict]"',
        "`k0, k1`",
        "`a, b, mode, change`",
        "| `sequence` | `id` |",
        'p.predict_proba("new.csv")    # columns: k0, k1',
    ):
        assert said in text, said


def test_only_the_predictor_imports_pandas(of_classes: Path) -> None:
    program = """
import winner_cell
winner_cell.load()
assert not {"pandas", "winner_cell.raw"} & sys.modules.keys()
winner_cell.predictor()
assert "pandas" in sys.modules
print("optcell_search" in sys.modules)
"""
    assert in_new_interpreter(of_classes, program) == "False\n"


def test_without_pandas_the_predictor_says_what_to_install(of_classes: Path) -> None:
    program = """
sys.modules["pandas"] = None
import winner_cell
winner_cell.load()
try:
    winner_cell.predictor()
except ImportError as error:
    print(error)
"""
    said = in_new_interpreter(of_classes, program)
    assert said == (
        "predictor() needs pandas: pip install 'winner-cell[predict]', or pip install pandas\n"
    )


def test_a_package_that_knows_nothing_of_its_data_says_so(tmp_path: Path) -> None:
    from optcell_search.export import TaskInfo

    task = TaskInfo(spec="mine", input_size=3, output_size=2, metrics={"accuracy": "maximize"})
    weights = CANDIDATE.build(task).state_dict()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(formats, "write_formats", no_formats)
        target = export(CANDIDATE, weights, task, {}, tmp_path / "winner")
    program = """
import winner_cell
try:
    winner_cell.predictor()
except ValueError as error:
    print(error)
"""
    assert "winner_cell was exported without knowing of its data" in in_new_interpreter(
        target, program
    )
    assert "[predict]" not in (target / "README.md").read_text()


def test_repeats_are_compared_with_the_weights_own_scores(classes: LoadedTask) -> None:
    model = a_model(classes)
    found = reference(classes, CANDIDATE, model.state_dict(), None, "cuda")
    assert found is not None
    assert found.scores["loss"] == evaluate(model, classes.validation, classes)["loss"]
    assert dataclasses.replace(found).tolerance == 1e-5, "it was evaluated here, on the CPU"
