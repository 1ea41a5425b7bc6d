"""What a run folder holds: read off a small one that is made here as a search makes it.

The attributes listed are those that the ledger really writes; each has its meaning below, and an
attribute without one, or a meaning without an attribute, breaks the build.
"""

from __future__ import annotations

import dataclasses
import inspect
import json
import re
from typing import Any

import small_run
import tomli_w
from tables import code, document, table

from optcell_search.ledger.format import FORMAT, READABLE
from optcell_search.ledger.request import Request

HEAD = """
# Run folder and ledger

A run folder explains itself, and this page is made from one.
"""

FILES = {
    "run.toml": "The request with everything resolved: the space, seeds, versions, a hash of the "
    "data.",
    "task.json": "What an export needs to know of the task in place of its data: sizes, metrics, "
    "and how raw data become tensors and outputs answers.",
    "study.db": "The ledger: an Optuna study in SQLite. With `--study URL` it lies elsewhere.",
    "checkpoints/": "Weights of the Pareto set, of what can resume, and in `finalized/` of each "
    "seed that `finalize` trained, under `--checkpoint-gib`. With `--storage` they lie elsewhere.",
    "report.html": "The dashboard as one file, written when a run, a resume or `finalize` ends.",
    "ray/": "Ray Tune's own state and the lock of the folder. Nothing is read from it once the "
    "search has ended.",
}
STUDY = {
    "run_id": "Name of the run, and of its study.",
    "request": "What `run.toml` holds, so that a study at a URL explains itself, too.",
    "request_before": "The request before it was last amended by `resume`.",
    "searched_seconds": "Seconds of searching so far, the time it was stopped left out.",
    "ended": "Why the search ended, where a limit or a used-up space did it, not the trials.",
    "finalized:N": "What `finalize` found out about trial N: `seeds`, and over them, in their "
    "order, `validation` and `test` as lists by metric; `failed` by seed; `epochs`; `baseline`, "
    "the same of the network it is compared with, where there is one; `refit`, where it was "
    "trained on training and validation data together; `ensemble`, the scores of the seeds "
    "`members` as one; `others`, such records of trainings for other epochs, or with a refit where "
    "there is none now, that were asked for before; `together`, the groups of seeds that were "
    "trained side by side; "
    "`diagnosis`, what kinds of mistakes the seeds make on the test split, and "
    "`diagnoses`, the same of each: a confusion matrix, with the few sequences that are told most "
    "wrong in `worst`, thinned to a hundred steps, or pairs of true and predicted values.",
}
PEOPLE = """
Where workers hold several trials (`--population K`), `occupancy` has the slots that held one,
summed over the workers' epochs, and the slots that there were. After `--warm-start mixture`,
`read_off:N` has, by rule, the key of the candidate that was read off trial N.

People add to these: `note` and `tags` of the run, `note:N` and `tags:N` of trial N, and by
`optcell-search prune` `prune:N`, on which trial N ends after its current epoch, and by
`optcell-search extend` `extend`, new limits that the search at work takes up.
"""
TRIAL = {
    "candidate": "The candidate as nested plain data; `Candidate.from_dict` takes it.",
    "key": "The candidate's key: the same candidate has the same key on every machine.",
    "seed": "The seed it is trained with, which follows from run seed, key and repeat.",
    "repeat": "0; kept for what reads older ledgers.",
    "seeds": "With `--repeats` or `--folds`, the seeds of all trainings.",
    "worker": "Host and process that trained it.",
    "epoch:NNNN": "The metrics of that epoch.",
    "metrics": "The metrics that it ended with; over folds and repeats, their means, and as "
    "`population` how many of these took their steps at once, at most. Of a trial that is one "
    "training, `population` says with how many trials it took its steps, itself included. Who "
    "takes none, as its patience is used up, counts for nobody.",
    "spread": "With `--repeats` or `--folds`, the standard deviation of each metric over them.",
    "folds": "With `--folds`, each objective by fold, the mean over repeats.",
    "gradients": "Distance from the last step, as a text → norm of the loss's gradient there.",
    "gpus": "The share of a GPU that it turned out to need.",
    "duplicate_of": "Number of the trial of the same candidate and seed whose result it has.",
    "reason": "Why it failed, in words to group by: `diverged`, `out of memory`, `error: …`. "
    "One that ended with the search and not by itself has `cut: the time is used up` and the like: "
    "a resume trains its candidate anew. One that somebody pruned has `pruned by hand`; one that a "
    "scheduler stopped has none.",
    "detail": "What else is known of a failure, such as a traceback.",
}
STATES = """
Every trial ends `COMPLETE` with finite objectives, `PRUNED` with its last intermediate values, or
`FAIL` with a reason. One that was `RUNNING` when its driver died goes back to `WAITING` when the
run is resumed. Optuna's own fields hold the rest: the objectives (`values`), the drawn
hyperparameters (`params`, by dotted names), the violations of constraints, start and end.

A trial whose rule is a mixture has in `mixture` what it tells of each rule: the validation `loss`
of the whole, `without` a rule and with it `alone`, its `weights`, and the `values` of what can be
learned.

The study is Optuna's, so `optuna-dashboard sqlite:///runs/first/study.db` shows it as it is, and
`optcell_search.results` reads it into tables of pandas.
"""


def page() -> str:
    """Return the page."""
    request, study, trials = small_run.made()
    rows = [(code(name), _type(field), about(name)) for name, field in _fields().items()]
    return document(
        HEAD,
        table(("file", "content"), [(code(name), text) for name, text in FILES.items()]),
        "## `run.toml` { #run-toml }",
        f"Its `format` is {FORMAT}; formats {' and '.join(map(str, READABLE))} are read, so that a "
        "folder that an older version wrote opens, shows, resumes and exports. One that a newer "
        "version wrote is refused.",
        table(("key", "type", ""), rows),
        "An example, of a search that was asked for with its defaults; the space is left out:",
        f"```text\n{_example(request)}\n```",
        "## The study { #study }",
        "User attributes of the study:",
        _explained(STUDY, study),
        PEOPLE,
        "## The trials { #trials }",
        STATES,
        "User attributes of a trial:",
        _explained(TRIAL, trials),
    )


def _explained(meanings: dict[str, str], written: dict[str, Any]) -> str:
    found = {_kind(name): value for name, value in written.items()}
    assert found.keys() == meanings.keys(), sorted(found.keys() ^ meanings.keys())
    rows = [(code(name), meaning, _short(found[name])) for name, meaning in meanings.items()]
    return table(("attribute", "", "for example"), rows)


def _kind(name: str) -> str:
    """Return an attribute's name with letters for its numbers."""
    return re.sub(r"^(epoch:)\d+$", r"\1NNNN", re.sub(r"^(finalized:)\d+$", r"\1N", name))


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return code(text) if len(text) <= 60 else code(text[:57] + "…")


def _fields() -> dict[str, dataclasses.Field[Any]]:
    return {field.name: field for field in dataclasses.fields(Request)}


def _type(field: dataclasses.Field[Any]) -> str:
    return code(field.type)


def about(name: str) -> str:
    """Return what `Request` says of an attribute; an AssertionError where it says nothing."""
    section = (inspect.getdoc(Request) or "").partition("Attributes:")[2]
    entries = re.findall(r"^    ([\w, ]+): (.+(?:\n {8}.+)*)", section, re.MULTILINE)
    texts = {each: text for names, text in entries for each in names.split(", ")}
    assert name in texts, f"Request does not say what {name} is"
    return texts[name][:1].upper() + texts[name][1:]


def _example(request: Request) -> str:
    content = request.to_dict()
    # What is of this machine and of this moment is of no use in an example.
    content |= {"run_id": "smoke-digits-0123456789ab", "data_dir": "", "space": {}}
    content |= {"created": "2026-11-28T12:00:00+00:00", "data_fingerprint": "5eed…"}
    content["versions"] = dict.fromkeys(content["versions"], "…")
    content["machine"] = dict.fromkeys(content["machine"], "…")
    return tomli_w.dumps(content).rstrip()
