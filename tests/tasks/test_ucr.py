"""UCR and UEA sets: the reader, the splits, what is refused."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from task_examples import complaint_of

from optcell_search import tasks
from optcell_search.raw.reading.ts import read_ts
from optcell_search.space import SearchSpace
from optcell_search.training import train

AEON = importlib.util.find_spec("aeon")
needs_aeon = pytest.mark.skipif(AEON is None, reason="the sets are in the package aeon")

HEAD = "@problemName Toy\n@timeStamps false\n@classLabel true a b\n@data\n"
GOOD = HEAD + "".join(
    f"{k}.0,{k}.5,1:0,0.25,{k}:{'ab'[k % 2]}\n" if k % 3 else f"{k},2:0,-1e-1:{'ab'[k % 2]}\n"
    for k in range(20)
)


def write(folder: Path, train: str = GOOD, test: str = GOOD) -> Path:
    (folder / "Toy").mkdir()
    (folder / "Toy" / "Toy_TRAIN.ts").write_text(train)
    (folder / "Toy" / "Toy_TEST.ts").write_text(test)
    return folder


def shipped(name: str, part: str) -> Path:
    assert AEON is not None
    assert AEON.origin is not None
    return Path(AEON.origin).parent / "datasets" / "data" / name / f"{name}_{part}.ts"


@needs_aeon
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", ["JapaneseVowels", "BasicMotions", "ItalyPowerDemand"])
def test_series_are_those_that_aeon_reads(name: str) -> None:
    from aeon.datasets import load_from_ts_file

    theirs, labels = load_from_ts_file(str(shipped(name, "TRAIN")))
    ours = read_ts(shipped(name, "TRAIN"))
    assert [label.lower() for label in ours.labels] == list(labels)
    for got, expected in zip(ours.values, theirs, strict=True):
        np.testing.assert_allclose(got.T, expected, rtol=1e-12)


@needs_aeon
@pytest.mark.parametrize(
    ("name", "classes", "channels", "sizes"),
    [
        ("JapaneseVowels", 9, 12, (216, 54, 370)),
        ("ItalyPowerDemand", 2, 1, (53, 14, 1029)),
        ("GunPoint", 2, 1, (40, 10, 150)),
        ("ArrowHead", 3, 1, (30, 6, 175)),
    ],
)
def test_sets_in_the_wheel(
    name: str, classes: int, channels: int, sizes: tuple[int, int, int], tmp_path: Path
) -> None:
    task = tasks.load(f"ucr:name={name}", tmp_path)
    assert (task.output_size, task.input_size) == (classes, channels)
    assert (len(task.train), len(task.validation), len(task.unseal())) == sizes
    assert (task.train.lengths is not None) == (name == "JapaneseVowels")
    assert set(task.validation.targets.tolist()) == set(range(classes))


def test_channels_are_standardised_by_the_training_series_alone(tmp_path: Path) -> None:
    task = tasks.load("ucr:name=Toy", write(tmp_path))
    assert task.spec == "ucr:name=Toy"
    split = task.train
    assert split.lengths is not None
    there = torch.arange(3) < split.lengths[:, None]
    steps = split.inputs[there]
    torch.testing.assert_close(steps.mean(0), torch.zeros(2), atol=1e-5, rtol=0)
    torch.testing.assert_close(steps.std(0, unbiased=False), torch.ones(2), atol=1e-5, rtol=0)
    assert (split.inputs[~there] == 0).all()
    assert set(task.unseal().lengths.tolist()) == {2, 3}


def test_the_only_series_of_a_class_is_trained_on(tmp_path: Path) -> None:
    rare = GOOD.replace("true a b", "true a b c") + "7,8:9,9:c\n"
    task = tasks.load("ucr:name=Toy", write(tmp_path, train=rare))
    assert task.classes == ("a", "b", "c")
    assert torch.bincount(task.train.targets).tolist() == [8, 8, 1]
    assert torch.bincount(task.validation.targets).tolist() == [2, 2]


def test_a_file_with_the_mark_of_its_encoding_is_read(tmp_path: Path) -> None:
    plain = tasks.load("ucr:name=Toy", write(tmp_path)).fingerprint
    (tmp_path / "Toy" / "Toy_TRAIN.ts").write_text("\ufeff" + GOOD, encoding="utf-8")
    assert tasks.load("ucr:name=Toy", tmp_path).fingerprint == plain


@pytest.mark.parametrize("part", ["TRAIN", "TEST"])
@needs_aeon
def test_half_a_set_is_not_completed_by_one_of_the_same_name(part: str, tmp_path: Path) -> None:
    (tmp_path / "GunPoint").mkdir()
    there = GOOD.replace("true a b", "true 1 2").replace(":a", ":1").replace(":b", ":2")
    (tmp_path / "GunPoint" / f"GunPoint_{part}.ts").write_text(there)
    with pytest.raises(FileNotFoundError, match=r"GunPoint_(TRAIN|TEST)\.ts not found in \S+; get"):
        tasks.load("ucr:name=GunPoint", tmp_path).unseal()


def test_unequal_lengths_train(tmp_path: Path) -> None:
    candidate = SearchSpace.load("smoke").sample(seed=0)
    task = tasks.load("ucr:name=Toy", write(tmp_path))
    assert 0 <= next(train(candidate, task, epochs=1, seed=0))["accuracy"] <= 1


def test_a_set_that_is_not_there_says_how_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"Nowhere_TRAIN\.ts .*timeseriesclassification"):
        tasks.load("ucr:name=Nowhere", tmp_path)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (HEAD + "?,?:a\n", "line 5: missing values only"),
        (HEAD + "1,2:c\n", "line 5: class 'c', valid: a, b"),
        (HEAD + "1,2\n", "line 5: no class"),
        (HEAD + "1,x:a\n", "line 5: 'x' is no number"),
        (HEAD + "1,2:1,2,3:a\n", "line 5: channels of different"),
        (HEAD + "1,2:1,2:a\n1,2:a\n", "line 6: 1 channels, 2 in the case before"),
        (HEAD + "1,inf:a\n", "line 5: 'inf' is no number"),
        (HEAD + "1,1_000:a\n", "line 5: '1_000' is no number"),
        (HEAD.replace("true a b", "true") + "1,2:a\n1,2:?\n", "line 6: no class at the end"),
        (HEAD.replace("true a b", "true") + "1,2:a\n1,2:\n", "line 6: no class at the end"),
        (HEAD + "1,1e39:a\n", "line 5: a value that is infinite or beyond float32"),
        (HEAD + "1:a\n2:a\n", "training file has one class only, a"),
        (HEAD + "1:a\n2:b\n", "one series of each class: none can be set aside"),
        (HEAD, "no cases"),
        (
            HEAD.replace("@classLabel true a b\n", "") + "1:a\n",
            "line 4: 'a' is no number.*no @classLabel",
        ),
        (HEAD.replace("Stamps false", "Stamps true") + "1:a\n", "line 5: '1' are not pairs"),
        ("hello\n", "line 1: 'hello' is neither"),
    ],
)
def test_a_damaged_file_is_refused_with_line_and_reason(
    text: str, complaint: str, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=complaint):
        tasks.load("ucr:name=Toy", write(tmp_path, train=text))


def test_a_test_file_that_does_not_fit_is_refused(tmp_path: Path) -> None:
    other = GOOD.replace("true a b", "true a b c").replace(":b\n", ":c\n")
    task = tasks.load("ucr:name=Toy", write(tmp_path, test=other))
    with pytest.raises(ValueError, match="class that the training file lacks: c"):
        task.unseal()


@given(st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.ts"
        path.write_text(HEAD + text, encoding="utf-8", errors="replace")
        if complaint_of(lambda: read_ts(path)) is None:
            read = read_ts(path)
            assert len(read.values) == len(read.labels) > 0


def test_missing_values_are_masked_and_the_missing_end_is_the_end(tmp_path: Path) -> None:
    gappy = GOOD.replace("1.0,1.5,1:", "1.0,?,1:").replace(
        "2.0,2.5,1:0,0.25,2", "2.0,2.5,?:0,0.25,?"
    )
    task = tasks.load("ucr:name=Toy", write(tmp_path, train=gappy))
    assert task.input_size == 3
    every = torch.cat([task.train.inputs, task.validation.inputs])
    assert int(every[..., 2].sum()) == 1
    assert int((every[every[..., 2] == 1][:, 0] == 0).sum()) == 1
    series = read_ts(tmp_path / "Toy" / "Toy_TRAIN.ts").values
    assert [len(series[k]) for k in (0, 1, 2, 4)] == [2, 3, 2, 3]
    with pytest.raises(ValueError, match=r"series \d+ has missing values; valid: missing=forward"):
        tasks.load("ucr:name=Toy,missing=refuse", tmp_path)


def test_times_before_values_are_read_where_they_are_even(tmp_path: Path) -> None:
    head = HEAD.replace("Stamps false", "Stamps true")
    stamped = head + "".join(
        f"(2020-01-0{1},{k}),(2020-01-02,{k}.5):(2020-01-01,{k}),(2020-01-02,?):{'ab'[k % 2]}\n"
        for k in range(12)
    )
    task = tasks.load("ucr:name=Toy,missing=forward", write(tmp_path, train=stamped))
    assert task.input_size == 2
    for uneven in ("(0,1),(1,2),(5,3)", "(3,1),(2,2),(1,3)", "(1,1),(1,2),(1,3)"):
        (tmp_path / "Toy" / "Toy_TRAIN.ts").write_text(f"{head}{uneven}:a\n")
        with pytest.raises(ValueError, match="line 5: times are not equally far apart, each later"):
            tasks.load("ucr:name=Toy", tmp_path)
    (tmp_path / "Toy" / "Toy_TRAIN.ts").write_text(head + "(0,1),(1,2):(0,1),(2,2):a\n")
    with pytest.raises(ValueError, match="line 5: channels of different times"):
        tasks.load("ucr:name=Toy", tmp_path)


def test_a_set_of_the_regression_archive_is_predicted_in_its_unit(tmp_path: Path) -> None:
    head = HEAD.replace("@classLabel true a b", "@targetLabel true")
    rows = head + "".join(f"{k},{k + 1},{k + 2}:{20_000 + k}\n" for k in range(20))
    task = tasks.load("ucr:name=Toy", write(tmp_path, train=rows, test=rows))
    assert (task.output_size, task.classes) == (1, ())
    assert task.metrics["rmse"] == "minimize"
    assert 20_000 <= float(task.unseal().targets.min()) < 20_020
    outputs = torch.zeros(len(task.train), 1)
    assert task.score(outputs, task.train.targets, {})["loss"] == pytest.approx(1, rel=1e-4)
