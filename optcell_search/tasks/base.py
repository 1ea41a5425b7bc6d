"""What a task is: options, and from them data in three splits with a goal.

A `Task` is a plug-in: a small frozen dataclass of options with a registered name, which knows how
to read its data into a `Data` of splits. What the rest of the package sees is `LoadedTask`.
"""

from __future__ import annotations

import abc
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, ClassVar, Literal

from optcell_search.hyperparameters import Hyperparameters
from optcell_search.raw import Preprocessing
from optcell_search.tasks.goals import Goal
from optcell_search.tasks.split import Batch, Split

__all__ = ["Batch", "Data", "Readout", "Split", "Task", "quoted"]

Readout = Literal["last", "every"]
QUOTE, COMMA, COLON = '"', ",", ":"


def quoted(text: str, special: str = QUOTE + COMMA) -> str:
    """Return a value as a spec has it: in quotes, doubled within, where it has special signs."""
    if not any(sign in text for sign in special):
        return text
    return QUOTE + text.replace(QUOTE, 2 * QUOTE) + QUOTE


@dataclass(frozen=True, kw_only=True)
class Data:
    """What a task gives the search: two splits, and what is to be done with them.

    Args:
        train, validation: the splits.
        goal: loss and metrics.
        readout: ``"last"`` for one answer per sequence, ``"every"`` for one per step.
        classes: names of the classes in the order of their numbers; empty for regression.
        frame: channels, height and width, where the features of a step are an image in reading
            order, channel by channel.
        pretraining: what a candidate with ``training.pretrain_epochs`` begins with, such as the
            output of a process model; inputs and targets as in `train`. None: there is nothing.
        symbols: whether the one feature of a step is the number of a symbol, of as many as the
            goal has outputs: the model then embeds it.
        chunk: 0, or: sequences are so long that they are taken in pieces of so many steps, the
            state carried on from piece to piece and gradients cut between them. Only where every
            step is read out.
        preprocessing: how raw data became the inputs and how outputs become answers. None: the
            data are made or come with a package, and inputs are given as they are.
        chance: metric → what answering without any input gives on the validation split, where
            neither the goal's own `constant` nor the splits' `last_season` is what to compare
            with. It is not known of folds.
    """

    train: Split
    validation: Split
    goal: Goal
    readout: Readout
    classes: tuple[str, ...] = ()
    frame: tuple[int, int, int] | None = None
    pretraining: Split | None = None
    symbols: bool = False
    chunk: int = 0
    preprocessing: Preprocessing | None = None
    chance: Mapping[str, float] = field(default_factory=dict)


class Task(Hyperparameters, abc.ABC):
    """Base of the task plug-ins: a frozen, keyword-only dataclass of options.

    Give a subclass `name`, `title` and the two methods, put it into a file of this room (or offer
    it as an entry point of group ``optcell_search.tasks``), and it is a task. Options declared by
    `integer`, `real` and `choice` are checked; an option that is a plain field takes any text.

    A task that reads the user's own files names their `suffixes` and has a field ``path``; it is
    chosen by the suffix of a path instead of by its name.
    """

    title: ClassVar[str]
    suffixes: ClassVar[tuple[str, ...]] = ()
    # What users write for a field: every plug-in has a `name` of its own already.
    aliases: ClassVar[Mapping[str, str]] = {}

    @abc.abstractmethod
    def search_data(self, folder: Path) -> Data:
        """Read what the search may see, the same on every call.

        Args:
            folder: the user's data folder; it may not exist.

        Raises:
            FileNotFoundError: which file is missing, where it was looked for, how to get it.
            ValueError: the data cannot be used; the message says where and why.
        """

    @abc.abstractmethod
    def test_data(self, folder: Path) -> Split:
        """Read the test split; called once the search is over. Raises what `search_data` does."""

    def all_data(self, folder: Path) -> tuple[Data, Split]:
        """Return what `search_data` and `test_data` do, where reading once will do for both."""
        return self.search_data(folder), self.test_data(folder)

    @property
    def has_test(self) -> bool:
        """Whether there is a test split; without one nothing can be finalized."""
        return True

    def raw(self, folder: Path, part: str) -> Any:
        """Return a part of the data as it is before any preprocessing; None: there is no such form.

        Args:
            folder: the user's data folder.
            part: ``"train"``, ``"validation"`` or ``"test"``.
        """
        return None

    def files(self, folder: Path) -> list[Path]:
        """Return which files of the data folder are read, to be sent to where they are not.

        By default all there are. Not asked where options name the files.
        """
        return sorted(path for path in folder.rglob("*") if path.is_file())

    @property
    def spec(self) -> str:
        """The canonical text that `tasks.load` turns into this task again."""
        written = {field: alias for alias, field in self.aliases.items()}
        options = ",".join(
            f"{written.get(field.name, field.name)}={quoted(str(getattr(self, field.name)))}"
            for field in fields(self)
            if field.name != "path" and getattr(self, field.name) != field.default
        )
        path = str(getattr(self, "path", ""))
        head = quoted(path, special=QUOTE + COLON) if path else self.name
        return f"{head}:{options}" if options else head
