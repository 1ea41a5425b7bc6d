"""Changing what a run may use, and where its data lie: in its study first, then in ``run.toml``.

The study is what counts. A process that dies in between leaves a ``run.toml`` that is older, and
who next opens the ledger to write puts that right.
"""

from __future__ import annotations

import dataclasses
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import optuna

from .format import REQUEST, REQUEST_BEFORE, REQUEST_FILE
from .ledger import Ledger
from .request import Request

# Fields of a request that may change once the run has begun; data may move to another place.
AMENDABLE = ("num_trials", "time_limit", "patience", "until", "task", "data_dir")


def amend(ledger: Ledger, folder: Path, changes: Mapping[str, Any]) -> None:
    """Change fields of a run's request; the ledger's request is the new one afterwards.

    Args:
        ledger: of the run, locked.
        folder: of the run.
        changes: field of `AMENDABLE` → value, checked.
    """
    assert changes.keys() <= set(AMENDABLE)
    request = dataclasses.replace(ledger.request, **changes)
    ledger.note(REQUEST_BEFORE, ledger.request.without_passwords.to_dict())
    ledger.note(REQUEST, request.without_passwords.to_dict())
    _rewrite(request, folder)
    ledger.request = request


def settled(request: Request, study: optuna.Study, folder: Path) -> Request:
    """Return what the study holds where ``run.toml`` is what it held before it was amended.

    Then whoever amended it did not come to the file, which is written anew. Any other file is
    returned as it is: what was edited in it is somebody else's to refuse.
    """
    before = study.user_attrs.get(REQUEST_BEFORE)
    where = f"the study of {folder}"
    if before is None:
        return request
    known = Request.from_dict(before, where).without_passwords
    if known != request.without_passwords:
        return request
    amended = Request.from_dict(study.user_attrs[REQUEST], where)
    changed = dataclasses.replace(request, **{n: getattr(amended, n) for n in AMENDABLE})
    if changed != request:
        _rewrite(changed, folder)
    return changed


def _rewrite(request: Request, folder: Path) -> None:
    with tempfile.TemporaryDirectory(prefix=".", dir=folder) as draft:
        request.write(Path(draft))
        os.replace(Path(draft) / REQUEST_FILE, folder / REQUEST_FILE)
