"""Runs Ray Tune until the ledger lacks nothing."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ray import exceptions, tune
from ray.tune.error import TuneError

from ...ledger.format import ENDED, SEARCHED
from ...ledger.ledger import Ledger
from ...ledger.storage.storage import STORAGE_ERRORS, said
from ...ledger.trials.reasons import OUT_OF_MEMORY, WORKER_DIED, RunBrokenError
from ..cluster import heartbeat, signals
from ..worker.trainable import CandidateTrainable
from .callbacks import make as make_callbacks
from .guarded_callbacks import Guarded, LoggerError
from .populations.hosting import Hosting
from .schedulers import make_scheduler
from .searcher import LedgerSearch
from .view import View

TUNE_FOLDER = "ray"
# One more try is what a lost worker is worth: a node may have gone, but a candidate that kills its
# process does so again.
_RETRIES = 1
_SECONDS_BETWEEN_LOOKS = 5.0


class EarlyFailureError(RuntimeError):
    """All candidates so far failed in the same way, as the message says."""


Extend = Callable[[Mapping[str, Any]], None]


def drive(
    ledger: Ledger, folder: Path, view: View, extend: Extend, callbacks: Sequence[tune.Callback]
) -> None:
    """Train what the ledger lacks.

    Every call is a Tune run of its own: Tune's `restore` would bring back a pickled searcher that
    lags behind the ledger.

    Args:
        ledger: the ledger of the run.
        folder: the run folder.
        view: is told after every step.
        extend: changes the limits of the ledger's request as somebody asks for meanwhile.
        callbacks: are told as well, besides those that the request names.

    Raises:
        RunBrokenError: Ray, the disk or the database gave out, or a callback cannot be set up.
        EarlyFailureError: all candidates failed in the same way. A resume tries as many more.
        KeyboardInterrupt: the user stopped the run; the ledger can be resumed.
    """
    ledger.requeue()
    ledger.note(ENDED, "")
    searcher = LedgerSearch(ledger, folder)
    try:
        named = make_callbacks(ledger.request.callbacks, ledger.request.run_id)
        guarded = [Guarded(callback) for callback in (*named, *callbacks)]
        observers = [_Observer(searcher, ledger, view, extend), *guarded]
        if ledger.request.slots > 1:
            with signals.first_noted() as interrupted:
                Hosting(ledger, folder / TUNE_FOLDER, searcher, observers, interrupted).run()
        else:
            with signals.kept():
                _run_tune(ledger, folder, searcher, observers)
        view.end(ledger)
    except STORAGE_ERRORS as error:
        raise RunBrokenError(said(error)) from error
    except (TuneError, exceptions.RayError, ValueError, LoggerError) as error:
        last = (str(error).strip().splitlines() or [type(error).__name__])[-1]
        raise RunBrokenError(last) from error
    finally:
        with contextlib.suppress(*STORAGE_ERRORS):
            ledger.note(SEARCHED, searcher.budget.spent)
    if searcher.broken:
        raise RunBrokenError(searcher.broken)
    if searcher.hopeless and ledger.unfinished:
        raise EarlyFailureError(searcher.hopeless)
    if not searcher.finished:
        # Tune ends quietly at the first Ctrl-C.
        ledger.requeue()
        raise KeyboardInterrupt
    if searcher.over:
        # What was to be trained once more waits for a resume with a larger budget.
        ledger.requeue()
    ledger.note(ENDED, searcher.ended)
    searcher.sweep()


def _run_tune(
    ledger: Ledger, folder: Path, searcher: LedgerSearch, callbacks: Sequence[tune.Callback]
) -> None:
    request = ledger.request
    # Not tune.Tuner, which pickles the searcher, and with it an open database, before it starts.
    tune.run(
        CandidateTrainable,
        name="tune",
        storage_path=str((folder / TUNE_FOLDER).absolute()),
        search_alg=searcher,
        scheduler=make_scheduler(request, ledger.trials()),
        num_samples=-1,
        max_concurrent_trials=request.workers,
        reuse_actors=True,
        max_failures=_RETRIES,
        stop=_Stopper(searcher),
        checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False),
        raise_on_failed_trial=False,
        # What loggers call a trial.
        trial_name_creator=lambda trial: f"trial_{trial.config['job'].number}",
        callbacks=callbacks,
        verbose=0,
    )


class _Stopper(tune.Stopper):
    """Ends trials where a budget is used up, and the run when no trial can go on."""

    def __init__(self, searcher: LedgerSearch) -> None:
        self._searcher = searcher

    def __call__(self, trial_id: str, result: dict[str, Any]) -> bool:
        """Whether a trial is to end with this result."""
        return self._searcher.stops(result["report"])

    def stop_all(self) -> bool:
        """Whether to stop everything."""
        return bool(self._searcher.broken)


class _Observer(tune.Callback):
    """Tells the searcher of what is lost and what is wished, and the view of everything."""

    def __init__(self, searcher: LedgerSearch, ledger: Ledger, view: View, extend: Extend) -> None:
        self._searcher = searcher
        self._extend = extend
        self._ledger = ledger
        self._view = view
        self._looked = time.monotonic()

    def on_trial_error(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        """Take in that a trial's worker died, and of what."""
        self._searcher.lost(trial.trial_id, _reason(trial))

    def on_step_end(self, iteration: int, trials: list[Any], **info: Any) -> None:
        """Show where the run stands, and see whether it can go on, and how far."""
        if asked := self._searcher.wishes.extension():
            self._extend(asked)
            self._searcher.budget.extend(self._ledger.request)
        self._view.update(self._ledger)
        if time.monotonic() - self._looked >= _SECONDS_BETWEEN_LOOKS:
            self._looked = time.monotonic()
            self._ledger.note(SEARCHED, self._searcher.budget.spent)
            if not heartbeat.nodes():
                # Tune would wait for another one without end.
                self._searcher.broken = heartbeat.NO_NODE


def _reason(trial: Any) -> str:
    # The error as text: what lies in a folder is never unpickled.
    path = trial.error_file
    if path is None or not Path(path).is_file():
        return WORKER_DIED
    text = Path(path).read_text(encoding="utf-8", errors="replace")
    return OUT_OF_MEMORY if exceptions.OutOfMemoryError.__name__ in text else WORKER_DIED
