"""From what is asked of a simulated search to its run folder."""

from __future__ import annotations

import shutil
import tempfile
import warnings
import weakref
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from ..ledger import folder as folders
from ..ledger.constraints import Constraint
from ..ledger.copying import write_into
from ..ledger.request import Request
from ..training import COSTS
from ..tuning import Run
from ..tuning.resolving import amounts
from ..tuning.resolving.first_candidates import with_plain
from ..tuning.resolving.naming import name_of_run
from ..tuning.resolving.reach import check_reachable
from ..tuning.resolving.resolve import SAMPLERS, SCHEDULERS, choose_scheduler, one_of
from .held import HeldSpace
from .simulation import simulated
from .trained import TrainedCandidates


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What a simulated search is asked for; see `Table.simulate`."""

    sampler: str = "tpe"
    scheduler: str = "auto"
    workers: int = 1
    trials: int = 100
    seed: int = 0
    objectives: Sequence[str] | None = None
    constraints: Sequence[str] = ()
    repeats: int = 1
    plain: bool = True


def simulate(table: TrainedCandidates, asked: Asked, out: str | Path | None) -> Run:
    """Search a table and write the run folder; see `Table.simulate`."""
    request = request_of(table, asked)
    if out is not None:
        folders.check_target(Path(out))
    # Its name is one of its own; it is made, whole, when the search has ended.
    directory = Path(tempfile.gettempdir()) / request.run_id if out is None else Path(out)
    if asked.trials > request.num_trials:
        warnings.warn(
            f"trials = {asked.trials}; table {table.name!r} holds {request.num_trials} candidates, "
            "and none is tried twice: so many are tried",
            stacklevel=3,
        )
    with simulated(table, request, directory) as ledger:
        folders.make(directory, request, fill=lambda made: write_into(made, ledger))
    run = Run(directory, request)
    if out is None:
        weakref.finalize(run, shutil.rmtree, directory, ignore_errors=True)
    return run


def request_of(table: TrainedCandidates, asked: Asked) -> Request:
    """Return the request of a real search that a simulated one is like.

    Raises:
        ValueError: something cannot be done; one line says what and why.
    """
    one_of("sampler", asked.sampler, SAMPLERS)
    one_of("scheduler", asked.scheduler, SCHEDULERS)
    trials = amounts.integer("trials", asked.trials, 1)
    workers = amounts.integer("workers", asked.workers, 1, 10**5)
    seed = amounts.integer("seed", asked.seed, 0, 2**63 - 1)
    repeats = amounts.integer("repeats", asked.repeats, 1, len(table.seeds))
    directions = table.directions(asked.objectives)
    known = (*table.metrics, *COSTS)
    texts = amounts.several("constraints", asked.constraints)
    bounds = [Constraint.parse(text, valid=known) for text in texts]
    check_reachable(bounds, table.ranges, "constraints", f" in table {table.name!r}")
    held = HeldSpace(table)
    return Request(
        run_id=name_of_run(f"{table.space.name}-{table.name}", "simulated"),
        space=table.space.to_dict(),
        task=table.task,
        data_dir="",
        data_fingerprint=table.head["fingerprint"],
        objectives=directions,
        num_trials=min(trials, len(table.candidates)),
        chance=tuple(
            text
            for text in table.head.get("chance", ())
            if Constraint.stored(text).metric in directions
        ),
        first=with_plain((), held) if asked.plain and asked.sampler != "grid" else (),
        epochs=table.epochs,
        epochs_rule=f"that of table {table.name!r}",
        seed=seed,
        repeats=repeats,
        sampler=asked.sampler,
        scheduler=choose_scheduler(asked.scheduler, tuple(directions)),
        deterministic=False,
        constraints=texts,
        workers=workers,
        threads=1,
        gpus_per_trial=0.0,
        gpus_measured=False,
        device="cpu",
        address="",
        study="",
        callbacks=(),
        storage="",
        checkpoint_bytes=0,
        table=table.name,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        versions=dict(table.head["versions"]),
        machine=dict(table.head["machine"]),
    )
