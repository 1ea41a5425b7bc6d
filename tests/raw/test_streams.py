"""Rows fed as they come are answered as they are all at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from raw_examples import EXAMPLES, write_table

from optcell_search import tasks
from optcell_search.raw.predictor import Predictor
from optcell_search.space import Candidate
from optcell_search.tasks import LoadedTask

MODELS: dict[str, dict[str, Any]] = {
    "last": {},
    "pooled": {"readout": "mean_max", "front": "parallel", "front_width": 4},
    "attention": {"readout": "attention", "front": "serial", "front_width": 4},
}


def predictor_of(task: LoadedTask, **model: Any) -> Predictor:
    candidate = Candidate.from_dict(
        {
            "cell": {"name": "gru"},
            "rule": {"name": "heavy_ball"},
            "model": {"hidden_size": 5, **model},
            "training": {},
        }
    )
    torch.manual_seed(1)
    return Predictor(candidate.build(task).eval(), task.preprocessing, task.chunk)


def example(name: str, folder: Path, **model: Any) -> tuple[Predictor, Any]:
    task = tasks.load(EXAMPLES[name](folder), folder)
    return predictor_of(task, **model), task.raw("train")


def pieces(rows: pd.DataFrame) -> list[pd.DataFrame]:
    """Rows in pieces of 1, 2, 3, 1, 2, ... rows."""
    ends = np.cumsum([1 + number % 3 for number in range(len(rows))])
    parts = np.split(np.arange(len(rows)), ends[ends < len(rows)])
    return [rows.iloc[part] for part in parts]


def in_order(rows: pd.DataFrame, seed: int = 0) -> pd.DataFrame:
    """Rows of a table as they may come: those of a sequence in order, sequences mixed."""
    # The day is the step.
    step = rows["when"].str.partition("/")[0].astype(int).to_numpy()
    jitter = np.random.RandomState(seed).rand(len(rows)) * 0.9
    return rows.iloc[np.argsort(step + jitter)].reset_index(drop=True)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("name", ["classes", "numbers"])
def test_sequences_side_by_side_end_as_they_are_predicted(
    name: str, model: str, tmp_path: Path
) -> None:
    predictor, rows = example(name, tmp_path, **MODELS[model])
    rows, stream = in_order(rows), predictor.stream()
    fed = pd.concat([stream.feed(piece) for piece in pieces(rows)])
    assert fed.index.tolist() == rows["id"].tolist(), "an answer for each row"
    last = fed[~fed.index.duplicated(keep="last")].sort_index()
    whole = predictor.predict(rows)
    pd.testing.assert_frame_equal(last, whole, rtol=1e-4)


def test_probabilities_come_likewise(tmp_path: Path) -> None:
    predictor, rows = example("classes", tmp_path)
    rows, stream = in_order(rows), predictor.stream()
    fed = pd.concat([stream.feed(piece, proba=True) for piece in pieces(rows)])
    last = fed[~fed.index.duplicated(keep="last")].sort_index()
    pd.testing.assert_frame_equal(last, predictor.predict_proba(rows), rtol=1e-4, atol=1e-6)


def test_every_step_is_answered_as_it_is_predicted(tmp_path: Path) -> None:
    predictor, rows = example("steps", tmp_path)
    rows, stream = in_order(rows), predictor.stream()
    fed = pd.concat([stream.feed(piece) for piece in pieces(rows)])
    pd.testing.assert_frame_equal(fed, predictor.predict(rows), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("missing", ["forward", "mean", "mask"])
def test_an_empty_cell_is_filled_by_what_was_fed_before(missing: str, tmp_path: Path) -> None:
    frame = write_table(tmp_path)
    frame.loc[frame["a"] > 1e3 + 0.5, "a"] = np.nan
    frame.to_csv(tmp_path / "a.csv", index=False)
    path = tmp_path / "a.csv"
    task = tasks.load(f"{path}:sequence=id,time=when,target=kind,exclude=level,missing={missing}")
    predictor, rows = predictor_of(task), in_order(task.raw("train"))
    stream = predictor.stream()
    fed = pd.concat([stream.feed(row.to_dict(), proba=True) for _, row in rows.iterrows()])
    last = fed[~fed.index.duplicated(keep="last")].sort_index()
    pd.testing.assert_frame_equal(last, predictor.predict_proba(rows), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("model", [{}, {"bidirectional": True, "relative_to": "last"}], ids=str)
@pytest.mark.parametrize(
    "options", ["", "stride=7,", "missing=forward,", "gaps=forward,missing=forward,"]
)
def test_a_forecast_stands_at_the_time_of_its_last_row(
    options: str, model: dict[str, Any], tmp_path: Path
) -> None:
    count = 120
    frame = pd.DataFrame(
        {
            "t": pd.date_range("2020-01-01", periods=count, freq="h").strftime("%Y-%m-%d %H:%M"),
            "load": np.sin(np.arange(count) / 4),
            "wind": np.random.RandomState(0).randn(count),
        }
    )
    if "missing" in options:
        frame.loc[10:90:3, "wind"] = np.nan
        frame.loc[40:70, "wind"] = np.nan
    if "gaps" in options:
        frame = frame.drop(index=[5, 33, 34, 60]).reset_index(drop=True)
    path = tmp_path / "a.csv"
    frame.to_csv(path, index=False)
    task = tasks.load(f"forecast:file={path},target=load,time=t,{options}window=20,horizon=2")
    predictor = predictor_of(task, **model)
    raw = task.preprocessing.read(path)
    stream = predictor.stream()
    fed = pd.concat([stream.feed(piece) for piece in pieces(raw)])
    whole = predictor.predict(raw)
    assert whole.index.is_unique
    assert whole.index[-1] == raw["t"].iloc[-1], "what comes next, whatever the stride in training"
    if "gaps" in options:
        # A row that is missing ends a window of a file, too, and never comes in a stream.
        late = whole.index.difference(fed.index).tolist()
        assert late == ["2020-01-02 08:00 +1", "2020-01-02 08:00 +2", "2020-01-03 11:00 +1"]
    pd.testing.assert_frame_equal(fed, whole.loc[fed.index], rtol=1e-4, atol=1e-5)


def test_arrays_series_and_texts_are_fed_one_sequence_at_a_time(tmp_path: Path) -> None:
    predictor, raw = example("arrays", tmp_path)
    sequence, steps = raw["x"][3], int(raw["lengths"][3])
    stream = predictor.stream()
    fed = pd.concat([stream.feed(sequence[:1]), stream.feed(sequence[1:steps])])
    assert fed.index.tolist() == list(range(1, steps + 1))
    whole = predictor.predict(raw)
    np.testing.assert_allclose(fed.iloc[-1], whole.iloc[3], rtol=1e-5)

    text, _ = example("text", tmp_path)
    stream = text.stream()
    fed = pd.concat([stream.feed(piece) for piece in ("ab", "c", "dab")])
    pd.testing.assert_frame_equal(fed, text.predict("abcdab"))


def test_missing_values_of_a_series_are_carried_over(tmp_path: Path) -> None:
    rows = "\n".join(f"{k},{'?' if k % 2 else 2},{k},?:{k % 2}" for k in range(30))
    (tmp_path / "Toy").mkdir()
    for part in ("TRAIN", "TEST"):
        (tmp_path / "Toy" / f"Toy_{part}.ts").write_text(f"@classLabel true 0 1\n@data\n{rows}")
    task = tasks.load("ucr:name=Toy,missing=forward", tmp_path)
    predictor, raw = predictor_of(task), task.raw("train")
    stream = predictor.stream()
    fed = pd.concat([stream.feed(raw.values[1][[step]], proba=True) for step in range(3)])
    expected = predictor.predict_proba(raw).iloc[1]
    np.testing.assert_allclose(fed.iloc[-1], expected, rtol=1e-5)


def test_what_looks_ahead_does_not_stream(tmp_path: Path) -> None:
    predictor, _ = example("classes", tmp_path, bidirectional=True)
    with pytest.raises(ValueError, match="in both directions, so it cannot answer before the end"):
        predictor.stream()
    path = tmp_path / "a.csv"
    options = f"{path}:sequence=id,time=when,target=kind,exclude=level"
    for said in ("missing=interpolate", "gaps=forward"):
        more = said if "missing" in said else f"{said},missing=mask"
        task = tasks.load(f"{options},{more}", tmp_path)
        with pytest.raises(ValueError, match=f"{said} fills .*; valid: predict"):
            predictor_of(task).stream()


def test_a_piece_that_does_not_fit_changes_nothing(tmp_path: Path) -> None:
    predictor, rows = example("classes", tmp_path)
    rows = in_order(rows)
    first, others = rows.iloc[:40], rows.iloc[40:]
    stream, expected = predictor.stream(), predictor.stream()
    assert stream.feed(first).equals(expected.feed(first))
    late = others.iloc[:3].copy()
    late.loc[late.index[2], "mode"] = "unheard-of"
    with pytest.raises(ValueError, match="'unheard-of', which training did not see"):
        stream.feed(late)
    with pytest.raises(ValueError, match=r"when = .* after .*; valid: rows in order of time"):
        stream.feed(first.iloc[:1])
    with pytest.raises(ValueError, match="there is no column 'a'"):
        stream.feed(others.drop(columns="a"))
    answered, known = stream.feed(others, proba=True), expected.feed(others, proba=True)
    pd.testing.assert_frame_equal(answered, known)


@pytest.mark.parametrize("name", ["numbers", "steps", "forecast", "arrays"])
def test_probabilities_that_there_are_not_are_refused_and_change_nothing(
    name: str, tmp_path: Path
) -> None:
    task = tasks.load(EXAMPLES[name](tmp_path), tmp_path)
    predictor, raw = predictor_of(task), task.raw("train")
    if name == "arrays":
        raw = raw["x"][3]
    rows = raw if name in ("arrays", "forecast") else in_order(raw)
    stream, expected = predictor.stream(), predictor.stream()
    for piece in (rows[:1], rows[1:60], rows[60:90]):
        if not len(piece):
            continue
        with pytest.raises(ValueError, match="probabilities"):
            stream.feed(piece, proba=True)
        pd.testing.assert_frame_equal(stream.feed(piece), expected.feed(piece))
