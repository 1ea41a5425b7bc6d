"""A user's own table, one row a step, from CSV, Parquet, Feather or an Excel sheet."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, cast

import numpy as np
import torch
from torch import Tensor

from optcell_search.hyperparameters import choice
from optcell_search.raw import Inputs, Outputs, TablePreprocessing, fitting
from optcell_search.raw.kinds.tables import Layout, targets_of
from optcell_search.raw.outputs import Per
from optcell_search.raw.ragged import Ragged, Stored, flat, part
from optcell_search.raw.reading import columns, times
from optcell_search.raw.reading.files import SUFFIXES
from optcell_search.raw.reading.gaps import Gaps
from optcell_search.tasks.base import Data, Split
from optcell_search.tasks.own.dividing import divide
from optcell_search.tasks.own.finding import find
from optcell_search.tasks.own.groups import groups_of
from optcell_search.tasks.own.options import OwnData, TableOptions, names_in, there
from optcell_search.tasks.own.repeats import per_of
from optcell_search.tasks.own.targets import (
    check_labels,
    decide,
    described,
    goal_of,
    refuse_doubt,
    refuse_many,
    refuse_mixture,
    scaled,
    without_mark,
)
from optcell_search.tasks.splitting import TEST_SHARE, VALIDATION_SHARE, Index

if TYPE_CHECKING:
    import pandas as pd

_PARTS = ("train", "validation", "test")


@dataclass(frozen=True)
class _Read:
    """A table that has been read, and what became of it."""

    frame: pd.DataFrame
    preprocessing: TablePreprocessing
    inputs: Inputs
    places: Ragged
    targets: Stored
    drivers: Tensor | None
    parts: dict[str, Index]
    groups: Index | None

    def split(self, name: str) -> Split:
        """Return a part of the sequences."""
        drivers = {}
        if self.drivers is not None:
            names = self.preprocessing.features.names
            drivers = dict(zip(names, self.drivers.unbind(-1), strict=True))
        groups = None if self.groups is None else torch.from_numpy(self.groups)
        whole = Split(self.inputs.values, self.targets, self.inputs.lengths, drivers, groups)
        return whole.part(torch.from_numpy(self.parts[name]))


@dataclass(frozen=True, kw_only=True)
class Table(TableOptions, OwnData):
    """A table with a row for each step and a column that says which sequence the row belongs to.

    As ``PATH.csv:sequence=COLUMN,target=COLUMN``; a value with a comma stands in quotes. The file
    is CSV with any separator, Parquet, Feather, or a sheet of Excel. Every column that is none
    of `sequence`, `time`, `target` and `group` is a feature: numbers as they are
    (``scale=standard`` brings them to mean 0 and deviation 1), texts of few kinds one-hot, those of
    more than 20 kinds, if `categories` names them, embedded. Empty cells, missing times and
    anything that can be understood in two ways are refused with the option that decides.

    A target that is the same in all rows of each sequence is one target per sequence; otherwise
    there is one per step. Whole numbers and texts are classes, other numbers are predicted: on the
    scale of the training part, in their own unit. Several columns of numbers are predicted
    together. Where there is a target per step, an empty cell, or -100 among classes, is a step
    without one. Sequences may have different lengths; where they have one length and numbers are
    predicted, the features are also what penalties judge by, by the names of their columns.

    Split by sequence: 20 % test, 16 % validation, classes in proportion. With `group`, all
    sequences of a group are in one part, and in one fold.

    Args:
        sequence: column whose value tells the sequences apart.
        time: column to sort the rows of a sequence by; empty: they are in order already.
        target: column to be predicted, or several, apart by commas.
        group: column of what sequences have in common that new ones will not, such as the patient
            or the machine; empty: each sequence stands for itself.
    """

    name: ClassVar[str] = "table"
    title: ClassVar[str] = "your own table: PATH.csv or PATH.parquet:sequence=COLUMN,target=COLUMN"
    suffixes: ClassVar[tuple[str, ...]] = SUFFIXES

    sequence: str = ""
    time: str = ""
    target: str = ""
    group: str = ""
    gaps: str = choice(
        "keep",
        options=("keep", "refuse", "forward", "interpolate"),
        doc="steps of time that a sequence lacks: not looked for, refused, or filled",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.sequence or not self.target:
            raise ValueError(
                f"{self.path}: a table needs the columns of sequence and target: "
                f"{self.path}:sequence=COLUMN,target=COLUMN"
            )
        special = [self.sequence, *names_in(self.target), *filter(None, (self.time, self.group))]
        if len(set(special)) < len(special):
            raise ValueError(
                f"{self.path}: sequence, time, target and group must be different columns"
            )

    def search_data(self, folder: Path) -> Data:
        """Read the table and take its training and validation sequences."""
        return self._data(self._read(folder))

    def all_data(self, folder: Path) -> tuple[Data, Split]:
        """Read the table once and take all its sequences."""
        read = self._read(folder)
        return self._data(read), read.split("test")

    def _data(self, read: _Read) -> Data:
        outputs = read.preprocessing.outputs
        return Data(
            train=read.split("train"),
            validation=read.split("validation"),
            goal=goal_of(outputs),
            readout="every" if outputs.per == "step" else "last",
            classes=outputs.classes,
            preprocessing=read.preprocessing,
        )

    def test_data(self, folder: Path) -> Split:
        """Read the table and take its test sequences."""
        return self._read(folder).split("test")

    def raw(self, folder: Path, part: str) -> pd.DataFrame:
        """Return the rows of a part's sequences, as they are written."""
        read = self._read(folder)
        rows = read.places.part(torch.from_numpy(read.parts[part])).values.numpy()
        return read.frame.iloc[np.sort(rows[rows >= 0])].reset_index(drop=True)

    def _read(self, folder: Path) -> _Read:
        path = find(self.path, folder)
        targets = names_in(self.target)
        times_of = [self.time] if self.time else []
        groups_in = [self.group] if self.group else []
        special = [self.sequence, *times_of, *targets, *groups_in]
        kept = [self.sequence, *groups_in, *(targets if self.kind == "classification" else [])]
        where, frame = str(path), self.table(path, special, kept)
        there(frame, [self.sequence], "sequence", where)
        there(frame, times_of, "time", where)
        there(frame, targets, "target", where)
        there(frame, groups_in, "group", where)
        chosen = fitting.chosen(
            frame, names_in(self.columns), names_in(self.exclude), special, where
        )
        layout = Layout(
            sequence=self.sequence,
            time=self.time,
            day_first=self.days(),
            gaps=cast(Gaps, self.gaps),
        )
        places, names, step = layout.find(frame, where)
        if self.time:
            settled = times.settled(frame[self.time], self.days())
            layout = dataclasses.replace(layout, step=step, day_first=settled)
        outputs = self._outputs(frame, places, names, targets, where)
        exact = targets_of(outputs, frame, places, names, where)
        check_labels(flat(exact), outputs, f"{where}: target column {self.target}")
        groups = None
        if self.group:
            place = f"{where}: column {self.group!r}"
            groups = groups_of(frame[self.group], places, names, place)
        index = divide(exact, outputs, (VALIDATION_SHARE, TEST_SHARE), where, groups)
        parts = dict(zip(_PARTS, index, strict=True))
        learned = torch.from_numpy(parts["train"])
        train = places.part(learned).values.numpy()
        features, found = fitting.fit_and_read(
            frame,
            chosen,
            train=np.sort(train[train >= 0]),
            missing=self.missing_cells(),
            scale=cast(fitting.Scale, self.scale),
            categories=names_in(self.categories),
            where=where,
        )
        made = TablePreprocessing(
            outputs=scaled(outputs, flat(part(exact, learned)), where),
            layout=layout,
            features=features,
            form=self.form(),
            # In an exported package the folder means nothing.
            where=path.name,
        )
        inputs = made.inputs(frame, found)
        laid = made.targets(frame, inputs)
        return _Read(
            frame, made, inputs, places, laid, _drivers(made, frame, inputs), parts, groups
        )

    def _outputs(
        self,
        frame: pd.DataFrame,
        places: Ragged,
        names: tuple[str, ...],
        targets: list[str],
        where: str,
    ) -> Outputs:
        place = f"{where}: target column {' and '.join(map(repr, targets))}"
        contents = [columns.content(frame[n], f"{where}: column {n!r}") for n in targets]
        held = [frame[name] for name in targets]
        kind = decide(self.kind, contents, place, held)
        if self.kind == "auto":
            refuse_doubt(held, place)
            if kind == "classes":
                refuse_mixture(held[0], place)
        per = cast(Per, self.per)
        if self.per != "step":
            per = per_of(held, kind, places, names, self.per, place)
        classes: list[str] = []
        if kind == "classes":
            found = {text for text in columns.texts(frame[targets[0]]) if text is not None}
            classes = columns.in_order(without_mark(found, per, place))
            beside = columns.odd_text(held[0]) is not None
            if self.kind == "auto" and (beside or contents[0] == "whole numbers"):
                known = int(held[0].notna().sum()) if per == "step" else len(names)
                kinds = f"whole numbers{' and texts' if beside else ''}"
                refuse_many(len(classes), known, place, kinds)
        return described(kind, per, targets, classes, place)


def _drivers(made: TablePreprocessing, frame: pd.DataFrame, inputs: Inputs) -> Tensor | None:
    """Return the features in their own unit, as penalties judge by them; None where they cannot."""
    features = made.features
    if made.outputs.kind != "numbers" or inputs.lengths is not None:
        return None
    if features.levels or features.masked:
        return None
    if set(features.scale) <= {1.0} and set(features.offset) <= {0.0} and not features.constant:
        return flat(inputs.values)
    width = len(features.names)
    plain = dataclasses.replace(features, offset=(0.0,) * width, scale=(1.0,) * width, constant=())
    # Of one length, so not without padding.
    return flat(dataclasses.replace(made, features=plain).inputs(frame).values)
