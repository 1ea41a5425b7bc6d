"""A table of trained candidates: what each of them scored, after every epoch."""

from __future__ import annotations

import functools
import math
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self, cast

from optuna.trial import FixedTrial, Trial

from ..ledger.trials.enqueued import outside
from ..ledger.typed import short
from ..pareto import Direction
from ..space import Candidate, SearchSpace
from ..space.nearest import Nearest
from ..training import COSTS
from ..tuning.resolving.amounts import integer, is_whole, several
from .rows import Rows

_SHIPPED = Path(__file__).parent / "data"
_SUFFIX = ".parquet"


class TrainedCandidates:
    """Candidates of one search space, each trained on one task with several seeds.

    Attributes:
        name: what the table is called.
        task: canonical specification of the task.
        space: the search space that the candidates are of.
        metrics: of the task, the primary one first → "maximize" or "minimize".
        epochs: the budget that each was trained for.
        seeds: those that each was trained with.
        candidates: those that the table holds, in the order in which they were trained.
        head: what else is known of how it was made: versions, machine, hash of the data, date.
    """

    def __init__(self, name: str, rows: Rows, held: int | None = None) -> None:
        self.name = name
        self.rows = rows
        self.head = rows.head
        self.task: str = rows.head["task"]
        self.space = SearchSpace.from_dict(rows.head["space"], where=f"table {name!r}")
        self.metrics: dict[str, str] = rows.head["metrics"]
        self.epochs: int = rows.head["epochs"]
        self.seeds = rows.seeds
        self.candidates = []
        for key, plain in list(rows.candidates.items())[:held]:
            candidate = Candidate.from_dict(plain, where=f"{rows.path}: candidate {key}")
            if candidate.key != key:
                raise ValueError(
                    f"{rows.path}: candidate {key} is another one; valid: key {candidate.key}"
                )
            self.candidates.append(candidate)
        self._keys = {candidate.key for candidate in self.candidates}

    def __repr__(self) -> str:
        held = f"{len(self.candidates)} of {self.space.size} candidates × {len(self.seeds)} seeds"
        return f"{type(self).__name__}({self.name!r}: {held}, {self.epochs} epochs on {self.task})"

    def __len__(self) -> int:
        return len(self.candidates) * len(self.seeds)

    @staticmethod
    def names() -> tuple[str, ...]:
        """Return the names of the shipped tables, sorted."""
        return tuple(sorted(path.stem for path in _SHIPPED.glob(f"*{_SUFFIX}")))

    @classmethod
    def load(cls, name_or_path: str | Path) -> Self:
        """Return a shipped table by name, or that of any Parquet file by path.

        Raises:
            ValueError: the name is unknown, or the file holds no table.
            FileNotFoundError: there is no such file.
        """
        text = str(name_or_path)
        if text in cls.names():
            return cls(text, Rows(_SHIPPED / f"{text}{_SUFFIX}"))
        path = Path(name_or_path)
        if path.suffix != _SUFFIX:
            valid = ", ".join(cls.names())
            raise ValueError(f"unknown table {text!r}; valid: {valid}, or a {_SUFFIX} file")
        if not path.is_file():
            raise FileNotFoundError(f"{path}: no such file; valid: a table as a {_SUFFIX} file")
        return cls(path.stem, Rows(path))

    def first(self, count: int) -> Self:
        """Return the table with no more than its first candidates, which it held when smaller.

        Raises:
            ValueError: these are none.
        """
        return type(self)(self.name, self.rows, integer("count", count, 1))

    def query(
        self, candidate: Candidate, epoch: int | None = None, seed: int = 0
    ) -> dict[str, float]:
        """Return where a candidate stood after an epoch, by the names of `Training.epoch`.

        Beside these, ``seconds`` are processor seconds from the start of its training, and what
        begins with ``train_`` and a metric's name is that metric on the training split. The test
        split is not among them; see `test`.

        Args:
            candidate: one that the table holds; for another one see `nearest`.
            epoch: from 1 on; None: the last one.
            seed: one of `seeds`.

        Raises:
            ValueError: the table does not hold that.
        """
        row = self._row(candidate, seed)
        epoch = self.rows.epochs(row) if epoch is None else epoch
        on_train = self.rows.at("train", row, epoch)
        return {
            **{f"train_{name}": value for name, value in on_train.items() if name != "loss"},
            **self.rows.at("validation", row, epoch),
            "seconds": self.rows.seconds(row)[epoch - 1],
        }

    def test(self, candidate: Candidate, seed: int = 0) -> dict[str, float]:
        """Return the scores on the test split after the last epoch.

        No search may see them; they are for judging searches that have ended. NaN where the
        training diverged.

        Raises:
            ValueError: the table does not hold the candidate or the seed.
        """
        return self.rows.test(self._row(candidate, seed))

    def holds(self, candidate: Candidate) -> bool:
        """Whether the table has a candidate itself, and not only a near one.

        Raises:
            ValueError: it is no candidate.
        """
        if not isinstance(candidate, Candidate):
            valid = "a Candidate, such as one of Table.candidates"
            raise ValueError(f"candidate = {short(candidate)}; valid: {valid}")
        return candidate.key in self._keys

    def nearest(self, candidate: Candidate) -> Candidate:
        """Return the held candidate that stands for one of the space; see `nearest.Nearest`.

        Raises:
            ValueError: the candidate is not of the table's space.
        """
        if not self.holds(candidate) and candidate not in self.space:
            raise ValueError(f"candidate {candidate.key} is not in the space of table {self.name}")
        return self.stand_in(candidate)

    def stand_in(self, candidate: Candidate) -> Candidate:
        """Return `nearest` of a candidate that the space itself has suggested."""
        return self._nearest.of(candidate)

    def nearest_to(self, values: Mapping[str, Any]) -> Candidate:
        """Return the held candidate that stands for hyperparameters by dotted name.

        Those that the chosen cell and rule do not have are not looked at.

        Raises:
            ValueError: one is missing, or the space does not hold its value.
        """
        with warnings.catch_warnings():
            # Optuna takes a value that is out of range all the same; here that is an error.
            warnings.simplefilter("ignore")
            candidate = self.space.suggest(FixedTrial(dict(values)))
        return self._stand_in_for(values, candidate)

    def chosen_by(self, trial: Trial) -> Candidate:
        """Return the held candidate that stands for what an Optuna trial chooses.

        Raises:
            ValueError: the space does not hold a value that somebody has enqueued.
        """
        candidate = self.space.suggest(trial)
        return self._stand_in_for(trial.params, candidate)

    def _stand_in_for(self, asked: Mapping[str, Any], candidate: Candidate) -> Candidate:
        for name in outside(self.space, asked, candidate)[:1]:
            domain = self.space.domains.get(name)
            valid = candidate.flat()[name] if domain is None else domain.plain()
            raise ValueError(f"{name} = {short(asked[name])}; valid in table {self.name}: {valid}")
        return self.stand_in(candidate)

    def directions(self, objectives: Sequence[str] | None) -> dict[str, Direction]:
        """Return objectives with their directions; None: the primary metric alone.

        Raises:
            ValueError: there is none, one is named twice, or it is not known.
        """
        known = {**self.metrics, **dict.fromkeys(COSTS, "minimize")}
        names = [next(iter(known))] if objectives is None else several("objectives", objectives)
        if not names or len(set(names)) < len(names):
            raise ValueError(f"objectives = {list(names)}; valid: each once, of {', '.join(known)}")
        for name in names:
            if name not in known:
                raise ValueError(f"unknown objective {name!r}; valid: {', '.join(known)}")
        return {name: cast(Direction, known[name]) for name in names}

    @property
    def ranges(self) -> dict[str, tuple[float, float]]:
        """Metric → the lowest and the highest value that any candidate had after any epoch.

        Of the costs it is known that they are never negative, as in a real search.
        """
        held = {name: self.rows.range("validation", name) for name in self.metrics}
        return held | dict.fromkeys(COSTS, (0.0, math.inf))

    def known_seed(self, seed: int) -> int:
        """Return a seed that the candidates were trained with.

        Raises:
            ValueError: it is none of them.
        """
        if not is_whole(seed) or seed not in self.seeds:
            valid = ", ".join(map(str, self.seeds))
            raise ValueError(f"seed = {seed!r}; valid in table {self.name}: {valid}")
        return seed

    @functools.cached_property
    def in_grid_order(self) -> tuple[Candidate, ...]:
        """The candidates in the order of the grid of their space."""
        every = self.space.grid(self.space.size or 1)
        return tuple(candidate for candidate in every if self.holds(candidate))

    @functools.cached_property
    def _nearest(self) -> Nearest:
        return Nearest(self.space, self.candidates)

    def _row(self, candidate: Candidate, seed: int) -> int:
        self.known_seed(seed)
        if not self.holds(candidate):
            raise ValueError(
                f"candidate {candidate.key} is not in table {self.name}; "
                "the held one nearest to it: Table.nearest(candidate)"
            )
        return self.rows.index[candidate.key, seed]
