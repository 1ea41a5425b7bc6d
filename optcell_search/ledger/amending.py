"""Changing what a run may use: in its study first, and then in its ``run.toml``.

The study is what counts. A process that dies in between leaves a ``run.toml`` that is older, and
who next opens the ledger to write puts that right.
"""

from __future__ import annotations

import dataclasses
import os
import tempfile
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import optuna

from .format import REQUEST, REQUEST_FILE
from .ledger import Ledger
from .request import Request

# Fields of a request that may change once the run has begun.
AMENDABLE = ("num_trials", "time_limit", "patience", "until")


def amend(ledger: Ledger, folder: Path, changes: Mapping[str, Any]) -> None:
    """Change fields of a run's request; the ledger's request is the new one afterwards.

    Args:
        ledger: of the run, locked.
        folder: of the run.
        changes: field of `AMENDABLE` → value, checked.
    """
    assert changes.keys() <= set(AMENDABLE)
    request = dataclasses.replace(ledger.request, **changes)
    ledger.note(REQUEST, request.to_dict())
    _rewrite(request, folder)
    ledger.request = request


def settled(request: Request, study: optuna.Study, folder: Path) -> Request:
    """Return the request of ``run.toml`` with what may change as the study has it.

    Where the two differ the file is written anew, with a warning: it was edited, or whoever
    amended the run did not come to it.
    """
    asked = Request.from_dict(study.user_attrs[REQUEST], f"the study of {folder}")
    values = {name: getattr(asked, name) for name in AMENDABLE}
    changed = dataclasses.replace(request, **values)
    if changed != request:
        _rewrite(changed, folder)
        different = [name for name in AMENDABLE if getattr(request, name) != values[name]]
        warnings.warn(
            f"{folder / REQUEST_FILE}: {', '.join(different)} put back to what the study holds; "
            "`resume` has options to change it",
            stacklevel=2,
        )
    return changed


def _rewrite(request: Request, folder: Path) -> None:
    with tempfile.TemporaryDirectory(prefix=".", dir=folder) as draft:
        request.write(Path(draft))
        os.replace(Path(draft) / REQUEST_FILE, folder / REQUEST_FILE)
