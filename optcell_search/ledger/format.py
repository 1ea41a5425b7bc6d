"""How a run is stored: the files of its folder, and the attributes of its study.

Whoever writes or reads a run takes these names from here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..pareto import Direction
from .trials.attributes import check_epoch, check_record, whole_number

# Of what is written now. Runs of 0.1 carry format 1, too; what was added since has defaults.
FORMAT = 2
READABLE = (1, 2)

REQUEST_FILE = "run.toml"
DATABASE = "study.db"
REPORT = "report.html"
# What is known of the task without its data; runs made before 0.2 have none.
TASK_FILE = "task.json"
# Therein: what answering without any input has on the validation split, and in the mean over folds.
CHANCE, IN_FOLDS = "chance", "chance_in_folds"
JOURNAL = "journal://"

# Attributes of the study.
REQUEST, RUN_ID = "request", "run_id"
# What the request was before it was last amended.
REQUEST_BEFORE = "request_before"
# Seconds of searching so far, stops left out; and why the search ended, empty where it did not.
SEARCHED, ENDED = "searched_seconds", "ended"
# Of a search in populations: slots that held a trial, over its epochs, and slots there were.
OCCUPANCY = "occupancy"
_FINALIZED = "finalized:"
# In what is stored about a finalized trial, the record of the network it is compared with.
BASELINE = "baseline"
# Likewise, what kinds of mistakes it makes on the test split: confusion of classes, or residuals.
DIAGNOSIS = "diagnosis"
# Likewise, the records of trainings with or without a refit, or for so many epochs, that were asked
# for before those that are told.
OTHERS = "others"
# Whether it was trained on training and validation data together; whether the user said for how
# many epochs; the record of its seeds as one, with their answers averaged; and the groups of seeds
# that were trained side by side.
REFIT, GIVEN, ENSEMBLE, TOGETHER = "refit", "given", "ensemble", "together"
# What people say of the run, and with ":7" behind it of trial 7.
NOTE, TAGS = "note", "tags"

# With "7" behind it: trial 7 is to end, pruned, after its current epoch.
PRUNE = "prune:"
# With "7" behind it: rule → key of the candidate that was read off trial 7, a mixture of rules.
READ_OFF = "read_off:"
# New limits that the search at work is to go by, until it has taken them up.
EXTEND = "extend"

# Attributes of a trial.
EPOCH_PREFIX = "epoch:"
METRICS, SPREAD, GRADIENTS, REASON, DETAIL = "metrics", "spread", "gradients", "reason", "detail"
# Each objective by fold.
FOLDS = "folds"
# What a trained mixture of rules tells of each of them.
MIXTURE = "mixture"
# What a trial ends with, and what one with the same candidate and seeds takes over.
RESULTS = (METRICS, SPREAD, FOLDS, GRADIENTS, MIXTURE, REASON, DETAIL)
DUPLICATE_OF = "duplicate_of"


def epoch_key(epoch: int) -> str:
    """Return the trial attribute that holds the metrics of an epoch.

    As texts these sort as epochs do up to 9,999 alone.
    """
    return f"{EPOCH_PREFIX}{epoch:04d}"


def epochs_in(attributes: Mapping[str, Any]) -> dict[int, Mapping[str, float]]:
    """Return epoch → metrics, in order, of a trial with these user attributes.

    Raises:
        ValueError: they are nothing that a search writes.
    """
    found = {}
    for key, metrics in attributes.items():
        if key.startswith(EPOCH_PREFIX):
            check_epoch(key, metrics)
            found[whole_number(key.removeprefix(EPOCH_PREFIX), "epoch")] = metrics
    return dict(sorted(found.items()))


def without_epochs(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Return a trial's user attributes but for the epochs."""
    return {key: value for key, value in attributes.items() if not key.startswith(EPOCH_PREFIX)}


def finalized_key(number: int) -> str:
    """Return the study attribute that holds what `finalize` found out about a trial."""
    return f"{_FINALIZED}{number}"


def finalized_in(attributes: Mapping[str, Any]) -> dict[int, Mapping[str, Any]]:
    """Return number → record of every finalized trial of a study with these user attributes.

    Raises:
        ValueError: they are nothing that `finalize` writes.
    """
    found = {}
    for key, record in attributes.items():
        if key.startswith(_FINALIZED):
            _check_whole(key, record)
            for other in record.get(OTHERS, ()):
                _check_whole(f"{key}: {OTHERS}", other)
            found[whole_number(key.removeprefix(_FINALIZED), "finalized")] = record
    return found


def check_finalized(attributes: Mapping[str, Any], trials: int, where: str) -> None:
    """Raise a ValueError where `finalize` told of another trial than the first so many."""
    for key in attributes:
        if key.startswith(_FINALIZED):
            number = whole_number(key.removeprefix(_FINALIZED), f"{where}: finalized")
            if number >= trials:
                raise ValueError(f"{where}: {key} is of no trial; the study is damaged")


def _check_whole(key: str, record: Mapping[str, Any]) -> None:
    check_record(key, record)
    for part in (BASELINE, ENSEMBLE):
        if part in record:
            check_record(f"{key}: {part}", record[part])


def directions_in(entries: Iterable[Mapping[str, Any]]) -> dict[str, Direction]:
    """Return objective → direction from a request's list of them, the most important first."""
    return {entry["name"]: entry["direction"] for entry in entries}
