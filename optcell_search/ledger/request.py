"""What a search was asked to do, with every default resolved: the content of ``run.toml``."""

from __future__ import annotations

import dataclasses
import os
import typing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tomli_w

from optcell_search.space import SearchSpace
from optcell_search.space.files import parse

from ..pareto import Direction
from .format import FORMAT, READABLE, REQUEST_FILE, directions_in
from .storage.names import inner_name
from .storage.passwords import without_password
from .trials.attributes import check_objectives
from .typed import checker, in_words, short

# Ray's word for a cluster of our own on this machine, which is what no address means as well.
LOCAL = "local"
_MOST_NAMED = 5
_URLS = ("study", "storage", "address")
# Fields that TOML and JSON know as lists.
_TUPLES = {"constraints", "callbacks", "until", "chance", "first", "warm_start"}


@dataclass(frozen=True, kw_only=True)
class Request:
    """A search with everything resolved.

    Attributes:
        run_id: a name of its own for this run; also the name of its study.
        space: the search space as plain data, as `SearchSpace.to_dict` gives it.
        task: canonical task specification.
        data_dir: absolute folder in which the task's data lies.
        data_fingerprint: hash of the data that the search sees.
        objectives: name → "maximize" or "minimize", the most important one first.
        num_trials: trials the ledger is to hold; 0: as many as the other budgets allow.
        time_limit: seconds of searching, time spent stopped left out; 0: no limit.
        trial_time: seconds of training after which a trial FAILs; 0: no limit.
        patience: trials without a better front after which the search ends; 0: no limit.
        until: bounds such as ``"accuracy>=0.99"``; the search ends with a trial that keeps them.
        chance: bounds such as ``"accuracy<=0.145"`` that a candidate keeps while it has learned
            nothing; empty where that is not known.
        first: candidates to train before any other, as `Candidate.to_dict` gives them: those the
            user names, then the plain cells of the space (rule gd, s = 1).
        warm_start: mixtures of the space's rules, one a cell, that are trained even before; what is
            read off them comes after `first`. Empty: there is no such start.
        epochs: training budget of one candidate.
        epochs_rule: how that came about, in words; empty where it was asked for.
        uncut_epochs: what that would be without a limit in time, and what `finalize` takes where a
            schedule can be longer; 0: `epochs`.
        seed, repeats: of the run, and how many seeds each candidate is trained with.
        folds: into how many training and validation data are dealt, each candidate being trained in
            all of them; 1: the task's own split alone.
        uncut_folds: what that would be without a limit in time; 0: `folds`.
        population: how many trainings of a candidate, its folds, repeats and finalized seeds, are
            taken side by side at most; 1: one after the other; 0: as many as pays
            (`training.paying`).
        slots: how many trials a worker trains side by side, where each is one training; 1: one
            after the other.
        ensemble: whether `finalize` tests each candidate's seeds as one, too.
        sampler: "tpe", "gp", "nsga2", "random" or "grid".
        scheduler: "asha", "mo-asha" or "none".
        deterministic: suggest in generations of `at_once` candidates and tell in their order.
        constraints: such as ``"parameters<=50000"``.
        workers, threads: processes that train candidates, and torch threads of each.
        gpus_per_trial: Ray's share of a GPU for each.
        gpus_measured: whether that was measured, not asked for.
        device: the torch device candidates are trained on, "cpu" or "cuda".
        address: of a Ray cluster, empty for one of our own on this machine.
        study: URL of the ledger, empty for ``study.db`` in the run folder.
        callbacks: names of loggers that are told of everything, such as "mlflow".
        storage: path or URI for the checkpoints, empty for the run folder.
        checkpoint_bytes: room for all checkpoints.
        table: name of the table that the search was simulated on, where nothing was trained; empty:
            candidates are trained.
        created, versions, machine: when, with what and where the run was asked for.
    """

    run_id: str
    space: dict[str, Any]
    task: str
    data_dir: str
    data_fingerprint: str
    objectives: dict[str, Direction]
    num_trials: int
    time_limit: float = 0.0
    trial_time: float = 0.0
    patience: int = 0
    until: tuple[str, ...] = ()
    chance: tuple[str, ...] = ()
    first: tuple[dict[str, Any], ...] = ()
    warm_start: tuple[dict[str, Any], ...] = ()
    epochs: int
    epochs_rule: str = ""
    uncut_epochs: int = 0
    seed: int
    repeats: int
    folds: int = 1
    uncut_folds: int = 0
    population: int = 1
    slots: int = 1
    ensemble: bool = False
    sampler: str
    scheduler: str
    deterministic: bool
    constraints: tuple[str, ...]
    workers: int
    threads: int
    gpus_per_trial: float
    gpus_measured: bool
    device: str
    address: str
    study: str
    callbacks: tuple[str, ...]
    storage: str
    checkpoint_bytes: int
    table: str = ""
    created: str
    versions: dict[str, str]
    machine: dict[str, str | int]

    @property
    def trainings(self) -> int:
        """How often each candidate is trained: folds times repeats."""
        return self.folds * self.repeats

    @property
    def at_once(self) -> int:
        """How many candidates are in training at once."""
        return self.workers * self.slots

    @property
    def is_of_few(self) -> bool:
        """Whether the data are so few that they are in folds, or would be with more time."""
        return max(self.folds, self.uncut_folds) > 1

    @property
    def search_space(self) -> SearchSpace:
        """The search space as an object."""
        return SearchSpace.from_dict(self.space, where=REQUEST_FILE, written=True)

    @property
    def has_password(self) -> bool:
        """Whether there is a password in a URL that it names."""
        return self.without_passwords != self

    @property
    def without_passwords(self) -> Request:
        """The request as others may see it, for everybody who reads the study does."""
        urls: dict[str, Any] = {name: without_password(getattr(self, name)) for name in _URLS}
        return dataclasses.replace(self, **urls)

    def to_dict(self) -> dict[str, Any]:
        """Return plain data, as it stands in ``run.toml`` and in the study."""
        data = dataclasses.asdict(self)
        for name in _TUPLES:
            data[name] = list(data[name])
        data["objectives"] = [
            {"name": name, "direction": direction} for name, direction in self.objectives.items()
        ]
        return {"format": FORMAT, **data}

    @classmethod
    def from_dict(cls, data: dict[str, Any], where: str) -> Request:
        """Read what `to_dict` wrote.

        Raises:
            ValueError: a newer version wrote it, or a key is missing or unknown.
        """
        content = dict(data)
        written = content.pop("format", min(READABLE))
        if written not in READABLE:
            raise ValueError(
                f"{where}: format {written!r} was written by another version of optcell-search; "
                f"this one reads formats {', '.join(map(str, READABLE))}"
            )
        fields = dataclasses.fields(cls)
        # A field that came later has a default, so that runs from before can be read.
        needed = {field.name for field in fields if field.default is dataclasses.MISSING}
        wrong = (needed - content.keys()) | (content.keys() - {field.name for field in fields})
        if wrong:
            names = ", ".join(short(name) for name in sorted(wrong)[:_MOST_NAMED])
            raise ValueError(f"{where}: missing or unknown keys: {names}")
        hints = typing.get_type_hints(cls) | {"objectives": list[dict[str, str]]}
        for name, value in content.items():
            if not checker(hints[name])(value):
                valid = in_words(hints[name])
                raise ValueError(f"{where}: {name} = {short(value)}; valid: {valid}")
        # It becomes part of the names of files.
        if "/" in inner_name(content["run_id"], f"{where}: run_id"):
            raise ValueError(f"{where}: run_id = {short(content['run_id'])}; valid: a plain name")
        for name in _TUPLES & content.keys():
            content[name] = tuple(content[name])
        check_objectives(content["objectives"], where)
        content["objectives"] = directions_in(content["objectives"])
        return cls(**content)

    def write(self, folder: Path) -> None:
        """Write ``run.toml`` into `folder`, for its owner alone where it holds a password."""
        path = folder / REQUEST_FILE
        opener = _private if self.has_password else None
        with open(path, "x", encoding="utf-8", opener=opener) as stream:
            stream.write(tomli_w.dumps(self.to_dict()))

    @classmethod
    def read(cls, folder: Path) -> Request:
        """Read the ``run.toml`` of a run folder.

        Raises:
            FileNotFoundError: the folder holds no run.
            ValueError: the file is damaged, or a newer version wrote it.
        """
        path = folder / REQUEST_FILE
        if not path.is_file():
            raise FileNotFoundError(f"{folder}: no run here, {REQUEST_FILE} is missing")
        return cls.from_dict(parse(path.read_bytes(), str(path)), str(path))


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, mode=0o600)
