"""What a user may write for a task."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from task_examples import complaint_of

from optcell_search import tasks
from optcell_search.raw import memory
from optcell_search.tasks.splitting import stratified


@pytest.mark.parametrize(
    ("spec", "canonical"),
    [
        ("digits", "digits"),
        ("digits:steps=rows", "digits"),
        ("digits:steps=pixels", "digits:steps=pixels"),
        ("mnist:permuted=3,steps=pixels", "mnist:steps=pixels,permuted=3"),
        ("copying:lag=20", "copying:lag=20"),
    ],
)
def test_spec_is_canonical(spec: str, canonical: str) -> None:
    task = tasks.parse(spec)
    assert task.spec == canonical
    assert tasks.parse(canonical) == task


@pytest.mark.parametrize(
    ("spec", "complaint"),
    [
        ("digit", "did you mean 'digits'"),
        ("", "valid: "),
        ("digits:", "valid: NAME:option=value"),
        ("digits:steps", "'steps' is not an option"),
        ("digits:steps=", "'steps=' is not an option"),
        ("digits:steps=rows,steps=rows", "given twice"),
        ("digits:step=rows", "unknown option 'step'; valid: steps"),
        ("digits:steps=columns", "digits.steps = 'columns'.*'rows', 'pixels'"),
        ("copying:lag=0", "copying.lag = 0"),
        ("copying:lag=many", "copying.lag = 'many' is not an integer"),
        ("adding:length=1", "adding.length = 1"),
        ("npz", "give its path"),
        ("data.docx", r"unknown kind; valid: \.txt, \.npz, \.csv, "),
        ("folder/data", "unknown kind"),
        ("data.npz:path=other.npz", "unknown option 'path'; valid: kind"),
        ("data.csv", "sequence=COLUMN,target=COLUMN"),
    ],
)
def test_mistakes_are_one_clear_line(spec: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint) as caught:
        tasks.parse(spec)
    assert "\n" not in str(caught.value)


@given(st.text(max_size=30) | st.from_regex(r"(digits|a\.csv):[a-z]{1,6}=[a-z0-9,=:]{0,9}"))
def test_any_text_is_a_task_or_a_value_error(spec: str) -> None:
    assert complaint_of(lambda: tasks.parse(spec)) != ""


def test_data_folder_comes_from_argument_environment_or_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("OPTCELL_DATA", raising=False)
    assert tasks.load("digits").folder == Path("data")
    monkeypatch.setenv("OPTCELL_DATA", "elsewhere")
    assert tasks.load("digits").folder == Path("elsewhere")
    assert tasks.load("digits", "given").folder == Path("given")


def test_a_file_is_found_in_the_data_folder_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "inside").mkdir()
    np.savez(tmp_path / "inside" / "a.npz", x=np.ones((12, 3, 1)), y=np.arange(12) % 2)
    monkeypatch.chdir(tmp_path)
    task = tasks.load("a.npz", "inside")
    assert task.spec == str(tmp_path / "inside" / "a.npz")
    # The canonical text works from anywhere.
    monkeypatch.chdir("/")
    assert tasks.load(task.spec).fingerprint == task.fingerprint
    with pytest.raises(FileNotFoundError, match=r"b\.npz.*looked for .* and "):
        tasks.load("b.npz", tmp_path)


@given(
    counts=st.lists(st.integers(3, 60), min_size=1, max_size=5),
    shares=st.sampled_from([(0.2,), (0.16, 0.2)]),
)
def test_stratified_split_is_a_partition_in_proportion(
    counts: list[int], shares: tuple[float, ...]
) -> None:
    labels = np.repeat(np.arange(len(counts)), counts)
    np.random.RandomState(1).shuffle(labels)
    parts = stratified(labels, shares, where="here")
    assert np.array_equal(np.sort(np.concatenate(parts)), np.arange(len(labels)))
    for part, share in zip(parts[1:], shares, strict=True):
        for label, count in enumerate(counts):
            here = int((labels[part] == label).sum())
            assert here >= 1
            assert here == 1 or abs(here - share * count) <= 0.5
    again = stratified(labels, shares, where="here")
    assert all(np.array_equal(a, b) for a, b in zip(parts, again, strict=True))


def test_a_class_too_small_to_split() -> None:
    with pytest.raises(ValueError, match="here: too few examples of class number 1 to split: 2"):
        stratified(np.array([0, 0, 0, 1, 1]), (0.2, 0.2), where="here")


def test_moving_keeps_one_copy_on_the_same_device() -> None:
    task = tasks.load("digits")
    assert task.to("cpu") is task
    moved = task.to("meta")
    assert moved.train.inputs.device.type == "meta"
    assert moved.to(torch.device("meta")) is moved
    assert moved.fingerprint == task.fingerprint


@pytest.mark.parametrize(
    ("spec", "path", "options"),
    [
        ('"a:b.csv":sequence=id,target=y', "a:b.csv", {"sequence": "id", "target": "y"}),
        ('a.csv:sequence="x, y",target="1""2"', "a.csv", {"sequence": "x, y", "target": '1"2'}),
        ("C:\\a.csv:sequence=id,target=y", "C:\\a.csv", {"sequence": "id", "target": "y"}),
        ("a.csv:sequence=a:b,target=y", "a.csv", {"sequence": "a:b", "target": "y"}),
    ],
)
def test_special_signs_stand_in_quotes(spec: str, path: str, options: dict[str, str]) -> None:
    task = tasks.parse(spec)
    assert (task.path, {name: getattr(task, name) for name in options}) == (path, options)
    assert tasks.parse(task.spec) == task


@given(st.text(min_size=1, max_size=8), st.text(min_size=1, max_size=8))
def test_any_name_of_a_column_can_be_said(one: str, other: str) -> None:
    quoted = [text.replace('"', '""') for text in (one, other)]
    # Longer than the others can be, so that it is none of them.
    task = tasks.parse(f'a.csv:sequence="{quoted[0]}",time="{quoted[1]}x",target={"t" * 10}')
    assert (task.sequence, task.time) == (one, f"{other}x")
    assert tasks.parse(task.spec) == task


@pytest.mark.parametrize("spec", ["copying:lag=1000000", "adding:length=1000000"])
def test_what_does_not_fit_into_memory_is_refused(
    spec: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "available", lambda: 8 * 2**30)
    with pytest.raises(ValueError, match=rf"{spec}.* would take .* GiB .* 8\.0 GiB are free"):
        tasks.load(spec)


def _one_long_among(count: int, folder: Path) -> str:
    """Write `count` sequences of one row and one of `count` rows; return the task of them."""
    rows = [f"{k},{k % 2},{k % 7}" for k in range(count)] + ["long,0,1"] * count
    (folder / "a.csv").write_text("id,y,a\n" + "\n".join(rows))
    return f"{folder / 'a.csv'}:sequence=id,target=y"


def test_one_long_sequence_among_many_short_ones_is_not_padded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Padded to the longest they would take 9,003,000 steps, for the 6,000 that there are."""
    monkeypatch.setattr(memory, "available", lambda: 10**6)
    task = tasks.load(_one_long_among(3000, tmp_path))
    steps = [len(split.unpadded().values) for split in (task.train, task.validation, task.unseal())]
    assert isinstance(task.train.inputs, tasks.Ragged)
    assert sum(steps) == 6000


def test_padded_sequences_that_do_not_fit_into_memory_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "available", lambda: 10**5)
    with pytest.raises(ValueError, match=r"a\.csv: 301 sequences .* 'long' of 300 rows .* cut"):
        tasks.load(_one_long_among(300, tmp_path))
