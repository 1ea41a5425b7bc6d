"""Sequences of a group, such as a patient, stay together in parts and folds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from optcell_search import tasks
from optcell_search.tasks import LoadedTask
from optcell_search.tasks.folds import automatic_folds, fold, refusal
from optcell_search.tasks.splitting import grouped, most_folds, split_by_groups
from optcell_search.tuning.resolving.limits import folds_of


def visits(folder: Path, patients: int = 12, per_patient: int = 5) -> Path:
    """Three rows a visit; the feature is the patient's number, the target drawn by visit."""
    rows = [
        {
            "visit": f"{patient}-{visit}",
            "patient": f"p{patient}",
            "x": patient + 0.5,
            "y": ["well", "ill"][(patient + visit) % 2],
        }
        for visit in range(per_patient)
        for patient in range(patients)
        for _ in range(3)
    ]
    pd.DataFrame(rows).to_csv(folder / "visits.csv", index=False)
    return folder / "visits.csv"


def load(path: Path, options: str = "group=patient") -> LoadedTask:
    return tasks.load(f"{path}:sequence=visit,target=y,{options}")


def patients_in(split: tasks.Split) -> set[float]:
    return set(split.inputs[:, 0, 0].tolist())


def test_no_patient_is_in_two_parts_or_a_feature(tmp_path: Path) -> None:
    task = load(visits(tmp_path))
    assert task.input_size == 1
    parts = [patients_in(split) for split in (task.train, task.validation, task.unseal())]
    assert sum(map(len, parts)) == len(set.union(*parts)) == 12
    assert [len(part) for part in parts] == [7, 2, 3]
    for split in (task.train, task.validation, task.test):
        assert len(split) == 5 * len(patients_in(split))
    # Without the option visits of one patient are on both sides.
    loose = load(visits(tmp_path), "exclude=patient")
    assert patients_in(loose.train) & patients_in(loose.validation)


def test_no_patient_is_in_two_folds(tmp_path: Path) -> None:
    task = load(visits(tmp_path))
    assert automatic_folds(task) == 5
    dealt = [fold(task, number, 5, seed=3) for number in range(5)]
    validated = [patients_in(one.validation) for one in dealt]
    assert sum(map(len, validated)) == len(set.union(*validated)) == 9
    for one in dealt:
        assert not patients_in(one.train) & patients_in(one.validation)


def test_groups_belong_to_the_fingerprint(tmp_path: Path) -> None:
    path = visits(tmp_path)
    other = pd.read_csv(path)
    other["patient"] = other["patient"].replace({"p0": "p1"})
    before = load(path).fingerprint
    other.to_csv(path, index=False)
    assert load(path).fingerprint != before


def test_few_groups_are_split_and_not_folded(tmp_path: Path) -> None:
    task = load(visits(tmp_path, patients=4))
    assert refusal(task, 5) == "3 groups are too few"
    assert automatic_folds(task) == 1
    with pytest.raises(ValueError, match="too few groups to split: 2, needed are at least 3"):
        load(visits(tmp_path, patients=2))


def test_classes_of_few_are_split_and_not_folded(tmp_path: Path) -> None:
    """Where no class has as many sequences as there are folds none can be in proportion."""
    path = visits(tmp_path, per_patient=1)
    frame = pd.read_csv(path)
    number = frame["patient"].str[1:].astype(int)
    frame.assign(y="k" + (number % 3).astype(str)).to_csv(path, index=False)
    task = load(path, "group=patient")
    for split in (task.train, task.validation, task.unseal()):
        assert len(set(split.targets.tolist())) == 3
    most = int(torch.bincount(torch.cat([task.train.targets, task.validation.targets])).max())
    assert refusal(task, 5) == f"no class has more than {most} sequences, which are too few"
    assert automatic_folds(task) == 1
    assert [len(fold(task, k, most, 0).validation) > 0 for k in range(most)] == [True] * most
    with pytest.raises(ValueError, match=rf"folds = 5, .* are too few; valid: 1 to {most}$"):
        folds_of(5, task)
    # One sequence of each class: it cannot be in three parts.
    frame.assign(y="k" + frame["patient"]).to_csv(path, index=False)
    with pytest.raises(ValueError, match=r"visits\.csv: class 'kp0' is missing in the .* part"):
        load(path)


@pytest.mark.parametrize(
    ("column", "changes", "said"),
    [
        ("patient", {4: "other"}, r"column 'patient': sequence '1-0' belongs to 'p1' in row 4 and"),
        ("patient", {7: None}, r"column 'patient': empty in row 8"),
        ("y", dict.fromkeys(range(3), "rare"), "class 'rare' is missing in the validation part"),
    ],
)
def test_what_cannot_be_grouped_is_said(
    tmp_path: Path, column: str, changes: dict[int, object], said: str
) -> None:
    path = visits(tmp_path)
    frame = pd.read_csv(path)
    for row, value in changes.items():
        frame.loc[row, column] = value
    frame.to_csv(path, index=False)
    with pytest.raises(ValueError, match=said):
        load(path)


@pytest.mark.parametrize(
    ("option", "said"),
    [("group=doctor", "no column 'doctor' for group"), ("group=y", "must be different columns")],
)
def test_a_group_is_a_column_of_its_own(tmp_path: Path, option: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        load(visits(tmp_path), option)


@given(
    drawn=st.lists(st.tuples(st.integers(0, 20), st.integers(0, 3)), min_size=3, max_size=60),
    folds=st.integers(2, 6),
    seed=st.integers(0, 2**40),
)
def test_as_many_folds_as_there_may_be_are_dealt(
    drawn: list[tuple[int, int]], folds: int, seed: int
) -> None:
    groups, labels = (np.array(each) for each in zip(*drawn, strict=True))
    folds = min(folds, most_folds(groups, labels))
    if folds > 1:
        assert set(grouped(groups, labels, folds, seed)) == set(range(folds))


@given(
    groups=st.lists(st.integers(0, 20), min_size=3, max_size=60).filter(lambda g: len(set(g)) > 2),
    folds=st.integers(2, 3),
    seed=st.integers(0, 2**40),
)
def test_whatever_the_groups_each_is_in_one_place(groups: list[int], folds: int, seed: int) -> None:
    of = np.array(groups)
    none = np.zeros(len(of), dtype=np.int64)
    dealt = grouped(of, none, folds, seed)
    assert set(dealt) == set(range(folds))
    assert all(len(set(dealt[of == group])) == 1 for group in set(groups))
    parts = split_by_groups(of, none, where="here")
    assert sorted(np.concatenate(parts)) == list(range(len(of)))
    inside = [set(of[part]) for part in parts]
    assert all(inside)
    assert sum(map(len, inside)) == len(set(groups))
