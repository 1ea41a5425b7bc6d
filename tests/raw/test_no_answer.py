"""What a model has no answer to is refused, by `predict` and by streams, and changes nothing."""

from __future__ import annotations

import re
import warnings
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from raw_examples import EXAMPLES

from optcell_search import tasks
from optcell_search.raw import Outputs, Series, ragged
from optcell_search.raw.predictor import Predictor
from optcell_search.space import Candidate
from optcell_search.tasks import LoadedTask

SAID = "is no finite number"


def predictor_of(task: LoadedTask, cell: str = "lru") -> Predictor:
    """A linear recurrence adds up what it is given, however large."""
    candidate = Candidate.from_dict(
        {
            "cell": {"name": cell},
            "rule": {"name": "heavy_ball"},
            "model": {"hidden_size": 4, "norm": "layer"},
            "training": {},
        }
    )
    torch.manual_seed(1)
    return Predictor(candidate.build(task).eval(), task.preprocessing, task.chunk)


def table(folder: Path, target: str, **options: str) -> tuple[Predictor, pd.DataFrame]:
    steps = np.arange(60) % 3
    frame = pd.DataFrame(
        {
            "id": np.repeat([f"s{number}" for number in range(20)], 3),
            "a": np.sin(np.arange(60)),
            "kind": np.repeat(["p", "q"] * 10, 3),
            "step": np.where((steps + np.arange(60) // 3) % 2 > 0, "up", "down"),
            "size": np.repeat(np.arange(20) / 7, 3),
        }
    )
    path = folder / "a.csv"
    frame.to_csv(path, index=False)
    more = "".join(f",{name}={value}" for name, value in options.items())
    spec = f'{path}:sequence=id,target="{target}",columns=a{more}'
    return predictor_of(tasks.load(spec, folder)), frame


@pytest.mark.parametrize("unpadded", [False, True])
@pytest.mark.parametrize("target", ["kind", "step", "size"])
def test_values_too_large_for_the_model_have_no_answer(
    target: str, unpadded: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    predictor, rows = table(tmp_path, target)
    if unpadded:
        monkeypatch.setattr(ragged, "unequal", lambda _: True)
        monkeypatch.setattr("optcell_search.raw.kinds.tables.unequal", lambda _: True)
    answers = predictor.predict(rows)
    odd = rows.copy()
    odd.loc[[7, 9], "a"] = [3e38, -3e38]
    said = rf"^the data given: the model's output for 's2' {SAID} \(2 such outputs\); valid: values"
    with pytest.raises(ValueError, match=said):
        predictor.predict(odd)
    if target != "size":
        with pytest.raises(ValueError, match=SAID):
            predictor.predict_proba(odd)
    pd.testing.assert_frame_equal(predictor.predict(rows), answers)


def test_a_row_that_a_stream_refuses_is_as_if_it_had_not_come(tmp_path: Path) -> None:
    predictor, rows = table(tmp_path, "kind")
    stream, expected = predictor.stream(), predictor.stream()
    odd = rows.iloc[1:3].assign(a=[0.5, 3e38])
    for piece in (rows.iloc[:1], rows.iloc[1:3], rows.iloc[3:]):
        with pytest.raises(
            ValueError, match=f"^the data given: the model's output for row 2 {SAID}"
        ):
            stream.feed(odd)
        fed = stream.feed(piece, proba=True)
        pd.testing.assert_frame_equal(fed, expected.feed(piece, proba=True))


def test_a_window_that_has_no_answer_is_called_by_its_time(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    frame = pd.DataFrame({"t": np.arange(80), "load": np.sin(np.arange(80) / 4)})
    frame["wind"] = np.cos(np.arange(80) / 3)
    frame.to_csv(path, index=False)
    task = tasks.load(f"forecast:file={path},target=load,time=t,window=6")
    predictor = predictor_of(task)
    rows = frame.astype(str)
    rows.loc[20, "wind"] = "1e37"
    for ask in (predictor.predict, predictor.stream().feed):
        with pytest.raises(ValueError, match=rf"output for '20' {SAID} \(6 such outputs\)"):
            ask(rows)


def test_which_outputs_have_an_answer() -> None:
    nan, inf = float("nan"), float("inf")
    outputs = torch.tensor([[0.0, 1.0], [nan, 1.0], [inf, 1.0], [-inf, 1.0], [-inf, -inf]])
    for kind, lost in (
        ("classes", [False, True, True, False, True]),
        ("labels", [False, True, False, False, False]),
        ("numbers", [False, True, True, True, True]),
    ):
        names = ("c",) if kind == "classes" else ("a", "b")
        more: dict[str, Any] = {"classes": ("a", "b")} if kind == "classes" else {}
        said = Outputs(kind=kind, per="sequence", names=names, **more)
        assert said.lost(outputs).tolist() == lost, kind


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ([], "series: there is no series; valid: one or more"),
        ([np.zeros((3, 1)), np.zeros(3)], r"series 2 has shape (3,); valid: (steps, channels)"),
        ([np.zeros((0, 1))], "series 1 has shape (0, 1); valid: (steps, channels), 1 step or more"),
        ([np.zeros((3, 1)), np.zeros((3, 2))], "series 2 has 2 channels, in training 1"),
        ([np.array([[1.0], [np.inf]])], "series 1, step 2 holds inf in channel 1; valid: numbers"),
        (
            [np.array([[1e300]])],
            "series 1, step 1 holds 1e+300 in channel 1; valid: numbers",
        ),
        ([np.array([["a"]])], "series 1 is no array of numbers (steps, channels)"),
        ([[["1_000"], ["2"]]], "series 1 is no array of numbers (steps, channels)"),
        ([[[1.0], [2.0, 3.0]]], "series 1 is no array of numbers (steps, channels)"),
        ([np.array([[np.datetime64("2024")]], dtype=object)], "series 1 holds times; valid: num"),
        ([np.array([[1j]])], "series 1 holds complex numbers; valid: real ones"),
    ],
)
def test_series_made_by_hand_are_looked_through(
    values: list[Any], said: str, tmp_path: Path
) -> None:
    predictor = predictor_of(tasks.load(EXAMPLES["series"](tmp_path), tmp_path), "gru")
    with pytest.raises(ValueError, match=re.escape(said)):
        predictor.predict(Series(values, []))
    if values:
        of_stream = said.replace("series 1", "the data given").replace("series 2", "the data given")
        with pytest.raises(ValueError, match=re.escape(of_stream)):
            predictor.stream().feed(values[-1])
    array = Series([np.array([[1.0], [2.0]])], [])
    tensor = torch.tensor([[1.0], [2.0]], requires_grad=True)
    for one in ([[1], [2.0]], [[Decimal(1)], [True + 1]], tensor, tensor.to(torch.bfloat16)):
        same = Series([one], [])  # type: ignore[list-item]
        pd.testing.assert_frame_equal(predictor.predict(same), predictor.predict(array))


def test_of_arrays_only_those_that_are_needed_are_looked_at(tmp_path: Path) -> None:
    predictor = predictor_of(tasks.load(EXAMPLES["arrays"](tmp_path), tmp_path), "gru")
    x = np.ones((2, 4, predictor.preprocessing.features))  # type: ignore[attr-defined]
    answers = predictor.predict(x)
    unused = {
        "days": np.array(["2024-01-31"], dtype="M8[D]"),
        "y": np.ma.masked_array([1, 2], mask=[0, 1]),
        "more": np.array([{}, None], dtype=object),
    }
    pd.testing.assert_frame_equal(predictor.predict({"x": x, **unused}), answers)
    np.savez(tmp_path / "more.npz", x=x, days=unused["days"], more=unused["more"])
    pd.testing.assert_frame_equal(predictor.predict(tmp_path / "more.npz"), answers)
    graph = torch.tensor(x, requires_grad=True)
    for same in (graph, [*graph], {"x": x.tolist(), "lengths": [4, 4]}):
        pd.testing.assert_frame_equal(predictor.predict(same), answers)
    for odd, said in (
        ({"x": x, "lengths": unused["y"]}, "lengths has masked values"),
        ({"x": x.astype("M8[s]")}, "x holds times; valid: numbers"),
        ({"days": x}, "array 'x' is missing; there are days"),
        (x.astype(str), "x has type <U32, valid: real numbers"),
        ([x[0].tolist(), x[0, 1:].tolist()], "sequences of unequal length; valid: {'x': all, one"),
    ):
        with pytest.raises(ValueError, match=f"^the data given: {said}"):
            predictor.predict(odd)
    with pytest.raises(ValueError, match=r"^a\.npz: y has masked values"):
        predictor.preprocessing.targets({"x": x, **unused}, predictor.preprocessing.inputs(x))
    width = x.shape[2]
    with pytest.raises(ValueError, match=r"^the data given: steps of unequal width; valid: "):
        predictor.stream().feed([[1.0] * width, [1.0] * (width + 1)])


def test_an_unknown_symbol_is_said_by_a_stream_too(tmp_path: Path) -> None:
    stream = predictor_of(tasks.load(EXAMPLES["text"](tmp_path), tmp_path), "gru").stream()
    said = r"^the data given: character 'Q', first at 2, is not in the vocabulary and read as <unk>"
    with pytest.warns(UserWarning, match=said) as caught:
        stream.feed("aQb")
    assert caught[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        stream.feed("abc")
    with pytest.raises(ValueError, match=r"^the data given: a NoneType; valid: a text"):
        stream.feed(None)
