"""Raw data become in prediction what they were in training, and outputs become answers."""

from __future__ import annotations

import dataclasses
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from predicting import a_predictor
from raw_examples import EXAMPLES, write_table

from optcell_search import raw, tasks
from optcell_search.raw.kinds.tensors import TensorPreprocessing
from optcell_search.raw.kinds.texts import read_text
from optcell_search.raw.ragged import flat
from optcell_search.tasks import LoadedTask

ROOM = Path(raw.__file__).parent


@pytest.fixture(params=EXAMPLES)
def task(request: pytest.FixtureRequest, tmp_path: Path) -> LoadedTask:
    return tasks.load(EXAMPLES[request.param](tmp_path), tmp_path)


def test_a_description_survives_json(task: LoadedTask) -> None:
    made = task.preprocessing
    again = raw.from_dict(json.loads(json.dumps(made.to_dict())))
    assert again == made
    assert str(task.folder) not in json.dumps(made.to_dict())


@pytest.mark.parametrize("kind", ["arrays", "series"])
def test_masked_values_and_times_are_no_numbers(kind: str, tmp_path: Path) -> None:
    task = tasks.load(EXAMPLES[kind](tmp_path), tmp_path)
    data = task.raw("train")
    x = data["x"] if kind == "arrays" else data.values[0]
    for unfit in (np.ma.masked_array(x, x > 0), x.astype("m8[s]")):
        if kind == "arrays":
            given = {**data, "x": unfit}
        else:
            given = dataclasses.replace(data, values=[unfit, *data.values[1:]])
        with pytest.raises(ValueError, match=r"(masked values|holds times); valid: numbers"):
            task.preprocessing.inputs(given)


@pytest.mark.parametrize("part", ["train", "validation", "test"])
def test_raw_data_become_what_the_split_holds(task: LoadedTask, part: str) -> None:
    made = raw.from_dict(json.loads(json.dumps(task.preprocessing.to_dict())))
    data = task.raw(part)
    split = task.unseal() if part == "test" else getattr(task, part)
    inputs = made.inputs(data)
    count = len(split)
    steps = inputs.values.shape[1]
    assert torch.equal(inputs.values[:count], split.inputs[:, :steps])
    assert not split.inputs[:, steps:].any()
    if split.lengths is not None and inputs.lengths is not None:
        assert torch.equal(inputs.lengths, split.lengths)
    targets = made.targets(data, inputs)
    seen = targets[:count] if task.readout == "last" else targets
    expected = split.targets if task.readout == "last" else split.targets[:, :steps]
    assert torch.equal(seen.nan_to_num(7.5), expected.nan_to_num(7.5))
    # What is behind the last row has no target, and counts nowhere.
    assert targets[count:].isnan().all()


def test_answers_are_in_the_users_terms(task: LoadedTask) -> None:
    made, data = task.preprocessing, task.raw("validation")
    inputs = made.inputs(data)
    torch.manual_seed(0)
    leading = inputs.values.shape[: 2 if task.readout == "every" else 1]
    outputs = torch.randn(*leading, task.output_size)
    answers = made.answers(outputs, inputs)
    rows = len(inputs) if task.readout == "last" else int((inputs.rows >= 0).sum())
    assert {len(column) for column in answers.values()} == {rows}
    if made.outputs.kind == "numbers":
        expected = task.goal.predictions(outputs.double())
        assert tuple(answers) == made.outputs.names
        if task.readout == "last":
            found = np.stack(list(answers.values()), axis=1)
            np.testing.assert_allclose(found, expected, rtol=1e-12)
    else:
        assert {*next(iter(answers.values()))} <= {*task.classes}
        shares = made.probabilities(outputs, inputs)
        assert tuple(shares) == task.classes
        np.testing.assert_allclose(sum(shares.values()), 1.0, rtol=1e-6)


def test_answers_at_every_step_come_in_the_order_of_the_rows(tmp_path: Path) -> None:
    frame = write_table(tmp_path)
    task = tasks.load(EXAMPLES["steps"](tmp_path))
    made = task.preprocessing
    table = made.read(tmp_path / "a.csv")
    inputs = made.inputs(table)
    targets = made.targets(table, inputs).double()
    offset, scale = (torch.tensor(v) for v in (made.outputs.offset, made.outputs.scale))
    answers = made.answers((targets.nan_to_num(0) - offset) / scale, inputs)
    np.testing.assert_allclose(answers["change"], frame["change"], rtol=1e-5)
    np.testing.assert_allclose(answers["level"], frame["level"], rtol=1e-5)


def test_new_rows_need_no_target_and_are_refused_where_they_do_not_fit(tmp_path: Path) -> None:
    task = tasks.load(EXAMPLES["classes"](tmp_path))
    made = dataclasses.replace(task.preprocessing, where="new.csv")
    table = made.read(tmp_path / "a.csv")
    inputs = made.inputs(table.drop(columns="kind"))
    assert torch.equal(inputs.values, made.inputs(table).values)
    assert inputs.names == tuple(f"{number:03}" for number in range(30))
    # A user's own frame, typed, gives what the text gives.
    typed = table.assign(a=table["a"].astype(float), b=table["b"].astype(float))
    assert torch.equal(made.inputs(typed).values, inputs.values)
    for change, complaint in (
        (table.drop(columns="a"), "new.csv: there is no column 'a'"),
        (table.assign(mode="broken"), "new.csv: column 'mode', row 1 holds 'broken', which"),
        (table.assign(a="warm"), "new.csv: column 'a': row 1 holds 'warm'"),
        (table.assign(a=True), "new.csv: column 'a', row 1 holds True; in training there were num"),
        (table.iloc[:0], "new.csv: there is no row"),
        (table["a"], "new.csv: a Series; valid: a frame of pandas, or the path of a table"),
    ):
        with pytest.raises(ValueError, match=complaint):
            made.inputs(change)
    with pytest.raises(ValueError, match=r"row 1: class 'new' is not in the training data"):
        made.targets(table.assign(kind="new"), inputs)


def test_truth_values_stay_truth_values(tmp_path: Path) -> None:
    frame = pd.DataFrame({"id": np.repeat(range(20), 3), "y": np.repeat(range(20), 3) % 2})
    frame["on"] = [None, *(frame.index % 3 == 0)[1:]]
    frame.to_csv(tmp_path / "a.csv", index=False)
    made = tasks.load(f"{tmp_path / 'a.csv'}:sequence=id,target=y,missing=mask").preprocessing
    assert made.features.truths == ("on",)
    known = made.inputs(frame).values
    assert torch.equal(made.inputs(frame.assign(on=frame["on"].astype(float))).values, known)
    with pytest.raises(ValueError, match=r"column .on., row 3 holds 0\.5; in training there w"):
        made.inputs(frame.assign(on=[None, True, 0.5, *frame["on"][3:]]))


WAYS = (
    ({"encoding": "latin-1"}, {"encoding": "latin-1"}, None),
    ({"encoding": "utf-16"}, {"encoding": "utf-16"}, None),
    ({"encoding": "utf-16"}, {}, "no utf-8 at byte 0; valid: encoding=NAME"),
    ({"sep": "|", "decimal": ","}, {"sep": "bar"}, None),
    ({}, {"encoding": "none"}, "encoding = 'none' is unknown"),
    ({}, {"separator": ";"}, "separator: no such option; valid: sep, decimal, encoding, sheet, d"),
    ({}, {"day_first": "perhaps"}, "day_first = 'perhaps'; valid: auto, yes or no"),
)


def test_a_comma_in_a_name_is_no_decimal_sign(tmp_path: Path) -> None:
    """Identifiers, groups, classes and categories come back as they stand in the file."""
    rows = [f"{s},5;{s // 2},1;{t};{s + t / 10};{(t, '1,5')[t == 1]};{s % 2},5" for s in range(40)
            for t in range(3)]  # fmt: skip
    text = "\n".join(["id;group;t;a;size;y", *rows])
    (tmp_path / "a.csv").write_text(text.replace(".", ","))
    asked = "sequence=id,time=t,target=y,group=group,categories=size,kind=classification"
    task = tasks.load(f"{tmp_path / 'a.csv'}:{asked}")
    made = task.preprocessing
    assert made.outputs.classes == ("0,5", "1,5")
    assert made.features.levels == {"size": ("0", "1,5", "2")}
    table = made.read(tmp_path / "a.csv")
    inputs = made.inputs(table)
    assert inputs.names[:2] == ("0,5", "1,5")
    assert inputs.values[1, :, 0].tolist() == pytest.approx([1.0, 1.1, 1.2])
    assert torch.equal(made.targets(table, inputs), torch.arange(40) % 2)
    # Of names with a point, which were written in another file, it can be nothing else.
    (tmp_path / "b.csv").write_text(text.replace(";", "\t").replace("1,5", "1.5"))
    pointed = tasks.load(f"{tmp_path / 'b.csv'}:{asked}").preprocessing
    read = pointed.read(tmp_path / "a.csv")
    assert set(read["size"]) == {"0", "1.5", "2"}
    assert read["id"][0] == "0,5"
    assert torch.equal(pointed.inputs(read).values, inputs.values)


@pytest.mark.parametrize(("written", "how", "complaint"), WAYS)
def test_a_second_file_may_be_written_otherwise(
    tmp_path: Path, written: dict[str, str], how: Any, complaint: str | None
) -> None:
    made = tasks.load(EXAMPLES["classes"](tmp_path)).preprocessing
    table = made.read(tmp_path / "a.csv").assign(note="grün")
    numbers = dict.fromkeys(("a", "b", "level", "change"), float)
    table.astype(numbers).to_csv(tmp_path / "b.csv", index=False, **written)
    if complaint:
        with pytest.raises(ValueError, match=complaint):
            made.written(how).read(tmp_path / "b.csv")
        return
    found = made.written(how).inputs(made.written(how).read(tmp_path / "b.csv"))
    assert torch.equal(found.values, made.inputs(table).values)


def test_a_second_file_may_have_its_days_and_months_the_other_way(tmp_path: Path) -> None:
    made = tasks.load(EXAMPLES["classes"](tmp_path)).preprocessing
    table = made.read(tmp_path / "a.csv")
    moments = pd.to_datetime(table["when"], format="%d/%m/%Y %H:%M")
    turned = table.assign(when=moments.dt.strftime("%m/%d/%Y %H:%M"))
    month_first = made.written({"day_first": "no"}).inputs(turned)
    assert torch.equal(month_first.values, made.inputs(table).values)


def test_only_tables_are_written_in_several_ways(tmp_path: Path) -> None:
    made = tasks.load(EXAMPLES["text"](tmp_path)).preprocessing
    with pytest.raises(ValueError, match="sep: only tables are written in several ways"):
        made.written({"sep": ";"})


def test_the_next_values_are_forecast_from_the_last_rows(tmp_path: Path) -> None:
    task = tasks.load(EXAMPLES["known"](tmp_path))
    made = task.preprocessing
    table = made.read(tmp_path / "a.csv").sort_values("t").reset_index(drop=True)
    future = table.copy()
    future.loc[395:, "load"] = None
    inputs = made.inputs(future)
    # The last window ends before the first row without a target, and knows the prices beyond.
    assert inputs.rows[-1].tolist() == [394]
    price = made.known.names.index("price")
    scale, offset = made.known.scale[0], made.known.offset[0]
    at = made.features.width + (price and len(made.known.levels["day"]))
    prices = inputs.values[-1, -5:, at] * scale + offset
    torch.testing.assert_close(prices, torch.tensor([11.0, 12, 13, 14, 15]), atol=1e-4, rtol=0)


def test_an_unknown_symbol_is_said(tmp_path: Path) -> None:
    made = tasks.load(EXAMPLES["text"](tmp_path)).preprocessing
    inputs = made.inputs("abcdZ" * 20)
    assert inputs.notes == (
        "a.txt: character 'Z', first at 5, is not in the vocabulary and read as <unk>",
    )


def test_a_text_of_one_character_has_an_answer_and_an_empty_one_is_refused(tmp_path: Path) -> None:
    task = tasks.load(EXAMPLES["text"](tmp_path))
    guess = a_predictor(task)
    whole = guess.predict_proba("abcd")
    np.testing.assert_allclose(guess.predict_proba("a"), whole[:1], atol=1e-6)
    assert guess.predict("a").shape == (1, 1)
    (tmp_path / "empty.txt").write_text("")
    for nothing, where in (("", "the data given"), (tmp_path / "empty.txt", r".*/empty\.txt")):
        with pytest.raises(ValueError, match=f"^{where}: an empty text; valid: one character or"):
            guess.predict(nothing)


def test_the_room_stands_alone(tmp_path: Path) -> None:
    """An exported package carries it along: nothing of the house, and pandas only when it reads."""
    program = (
        "import importlib.util, sys\n"
        f"spec = importlib.util.spec_from_file_location('alone', {str(ROOM / '__init__.py')!r},\n"
        f"    submodule_search_locations=[{str(ROOM)!r}])\n"
        "sys.modules['alone'] = module = importlib.util.module_from_spec(spec)\n"
        "spec.loader.exec_module(module)\n"
        "print('optcell_search' in sys.modules, 'pandas' in sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, cwd=tmp_path
    )
    assert done.stdout.split() == ["False", "False"], done.stderr


def test_lists_are_arrays_and_what_is_none_is_one_line(tmp_path: Path) -> None:
    task = tasks.load(EXAMPLES["arrays"](tmp_path), tmp_path)
    data, made = task.raw("train"), task.preprocessing
    listed = {name: values.tolist() for name, values in data.items()}
    assert torch.equal(flat(made.inputs(listed).values), flat(made.inputs(data).values))
    tensors = TensorPreprocessing(outputs=made.outputs, features=2)
    assert tensors.inputs([[[1.0, 2.0]]]).values.shape == (1, 1, 2)
    for wrong in (None, np.array([[["a", "b"]]]), np.array([[[{}, 1.0]]], dtype=object), [[1], 2]):
        with pytest.raises(ValueError, match=r"that is no array of numbers; valid: finite numbers"):
            tensors.inputs(wrong)
    for shape in ((0, 3, 2), (3, 0, 2), (3, 2), (1, 3, 4)):
        with pytest.raises(ValueError, match=rf"shape {re.escape(str(shape))}; valid: finite num"):
            tensors.inputs(np.zeros(shape))


def test_a_mark_of_the_encoding_is_no_symbol_of_a_text(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("abc", encoding="utf-8-sig")
    assert read_text(tmp_path / "a.txt") == "abc"
