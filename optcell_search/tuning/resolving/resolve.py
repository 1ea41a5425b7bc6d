"""From what a user asks for to a request with everything checked and resolved."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, cast

from optcell_search import tasks, training
from optcell_search.results import Direction
from optcell_search.space import AUTO, SearchSpace, adapted, check_fit
from optcell_search.stages import stage
from optcell_search.tasks import LoadedTask
from optcell_search.tasks.folds import fold

from ...ledger.request import LOCAL, Request
from ...ledger.storage.passwords import refuse_mistyped
from ...ledger.storage.storage import absolute_url
from ..search.callbacks import check as check_callbacks
from . import amounts, limits, pilot, step_memory
from .chance import bounds_of_chance
from .first_candidates import a_first_result, mixtures_of, read_first, with_plain
from .machine import available_cores, this_machine, versions
from .naming import name_of_run
from .presets import thoroughness
from .slots import automatic_slots, slots_of

SAMPLERS = ("tpe", "gp", "nsga2", "random", "grid")
DEVICES = ("auto", "cpu", "cuda")
SCHEDULERS = ("auto", "asha", "mo-asha", "none")
GIBIBYTE = 2**30
_MOST_GIB, _MOST_GPUS = 2.0**30, 1024
_GIB = f"0 or more, {_MOST_GIB:g} or less"
_GPUS = f"0, a share such as 0.25, whole GPUs from 1 to {_MOST_GPUS}, or auto"


def resolve(
    space: str | Path | dict[str, Any] | SearchSpace,
    task: str | LoadedTask,
    *,
    num_trials: int | None = None,
    time: str | float | None = None,
    trial_time: str | float | None = None,
    patience: int = 0,
    until: Sequence[str] = (),
    first: str | Path | None = None,
    warm_start: str | None = None,
    objectives: Sequence[str] | None = None,
    constraints: Sequence[str] = (),
    sampler: str = "tpe",
    scheduler: str = "auto",
    seed: int = 0,
    preset: str | None = None,
    repeats: int | None = None,
    folds: int | Literal["auto"] | None = None,
    population: int | Literal["auto"] = "auto",
    deterministic: bool = False,
    epochs: int | Literal["auto"] | None = None,
    workers: int | None = None,
    threads: int | None = None,
    gpus_per_trial: float | Literal["auto"] = 0.0,
    device: str = "auto",
    callbacks: Sequence[str] = (),
    address: str | None = None,
    study: str | None = None,
    storage: str | Path | None = None,
    data_dir: str | Path | None = None,
    checkpoint_gib: float = 2.0,
) -> Request:
    """Check a request and fill in what it leaves open. Arguments as `search` takes them.

    Args:
        task: as `search` takes it, or loaded already.

    Raises:
        ValueError, FileNotFoundError: something cannot be done; one line says what and why.
    """
    if num_trials is None and time is None:
        raise ValueError("neither a number of trials nor a time is given; valid: one or both")
    num_trials = amounts.optional("num_trials", num_trials, 1)
    epochs = epochs if epochs == "auto" else amounts.optional("epochs", epochs, 1)
    patience = amounts.integer("patience", patience, 0)
    repeats = amounts.optional("repeats", repeats, 1, limits.MOST_REPEATS)
    workers = amounts.optional("workers", workers, 1, 10**5)
    threads = amounts.optional("threads", threads, 1, 1024)
    seed = amounts.integer("seed", seed, 0, 2**63 - 1)
    how = thoroughness(preset, folds, epochs, repeats)
    time_limit = 0.0 if time is None else amounts.seconds_of("time", time)
    longest = 0.0 if trial_time is None else amounts.seconds_of("trial_time", trial_time)
    said = (
        None if gpus_per_trial == "auto" else amounts.real("gpus_per_trial", gpus_per_trial, _GPUS)
    )
    measured = said is None
    # Until it is measured, which takes a cluster, a candidate is given a whole one.
    gpus_per_trial = 1.0 if said is None else said
    whole = gpus_per_trial <= _MOST_GPUS and gpus_per_trial % 1 == 0
    if not (0 <= gpus_per_trial < 1 or (whole and gpus_per_trial > 0)):
        raise ValueError(f"gpus_per_trial = {gpus_per_trial:g}; valid: {_GPUS}")
    checkpoint_gib = amounts.real("checkpoint_gib", checkpoint_gib, _GIB)
    if not 0 <= checkpoint_gib <= _MOST_GIB:
        raise ValueError(f"checkpoint_gib = {checkpoint_gib}; valid: {_GIB}")
    check_callbacks(callbacks)
    one_of("sampler", sampler, SAMPLERS)
    one_of("scheduler", scheduler, SCHEDULERS)
    loaded = _load_space(space)
    with stage("reading the data"):
        data = tasks.load(task, data_dir, whole=True) if isinstance(task, str) else task
    # Read and let go: what is wrong with the test data is better known now than after the search.
    if data.task.has_test:
        data.unseal()
    known = training.objectives(data)
    directions = _directions(known, objectives)
    # Read here so that a mistyped constraint is found before anything is started.
    bounds = limits.bounds_of("constraints", constraints, data)
    goals = limits.goals_of(until, data, deterministic=deterministic)
    judged_by = [*directions, *(bound.metric for bound in (*bounds, *goals))]
    count = limits.folds_of(how.folds, data, seed, judged_by)
    # What a candidate will see: the last fold of a forecast trains on the most.
    seen = data if count == 1 else fold(data, count - 1, count, seed)
    if loaded == SearchSpace.load(AUTO):
        loaded = adapted(loaded, training.sizes_of(seen, objectives or ()))
    check_fit(loaded, data)
    training.check_training(loaded, data)
    pretraining = loaded.domains["training.pretrain_epochs"].plain() != 0
    data.require(loaded.penalties, pretraining=pretraining)
    tried_first = () if first is None else read_first(first, loaded)
    if num_trials is not None and num_trials < len(tried_first):
        raise ValueError(f"num_trials = {num_trials}; {first} names {len(tried_first)} candidates")
    mixtures = () if warm_start is None else mixtures_of(warm_start, loaded, num_trials, sampler)
    asked_trials = limits.trials_of(num_trials or 0, loaded, sampler, (*mixtures, *tried_first))
    cores = available_cores()
    workers = workers if workers is not None else min(cores, asked_trials or cores)
    threads = threads if threads is not None else max(1, cores // workers)
    planned, epochs_rule = limits.epochs_of(how.epochs, loaded, seen, how.share, count)
    if deterministic:
        limits.refuse_clocks([*directions, *(bound.metric for bound in bounds)])
        if longest:
            raise ValueError("trial_time goes by a clock; valid in a deterministic search: none")
    budget, planned_folds = planned, count
    # On a GPU or a cluster an epoch takes another time; what is deterministic goes by no clock.
    elsewhere = gpus_per_trial or (address and address != LOCAL)
    step_memory.warn(loaded, seen, workers, here=not elsewhere)
    if time_limit and how.epochs == "auto" and not (deterministic or elsewhere):
        plan = pilot.Plan(planned, count, fixed_folds=how.folds != "auto")
        at_once = min(workers, max(1.0, cores / threads))  # what is beyond the cores shares them
        room = time_limit * at_once / pilot.candidates(asked_trials, count, len(mixtures))
        budget, count, cut = pilot.fit(plan, loaded, seen, threads, room / how.repeats)
        epochs_rule += cut
    if sampler != "grid":
        quick = loaded.name == AUTO and time_limit and not deterministic
        tried_first += a_first_result(loaded, budget) if quick else ()
        tried_first = with_plain(tried_first, loaded)
    side_by_side = limits.population_of(population, judged_by)
    amount = {"trainings": count * how.repeats, "trials": asked_trials, "workers": workers}
    if side_by_side:
        slots = slots_of(side_by_side, **amount)
    else:
        # Limits in time are for one candidate a worker, and a generation waits for its slowest.
        alone = elsewhere or time_limit or longest or deterministic
        slots = 1 if alone else automatic_slots(loaded, seen, **amount)
    return Request(
        run_id=name_of_run(loaded.name, data.name),
        space=loaded.to_dict(),
        task=data.spec,
        data_dir=str(data.folder.absolute()),
        data_fingerprint=data.fingerprint,
        objectives=directions,
        num_trials=asked_trials,
        time_limit=time_limit,
        trial_time=longest,
        patience=patience,
        until=tuple(map(str, goals)),
        chance=bounds_of_chance(data, directions, count, seed),
        first=tried_first,
        warm_start=mixtures,
        epochs=budget,
        epochs_rule=epochs_rule,
        uncut_epochs=planned if budget < planned else 0,
        seed=seed,
        repeats=how.repeats,
        folds=count,
        uncut_folds=planned_folds if count < planned_folds else 0,
        population=side_by_side,
        slots=slots,
        ensemble=how.ensemble,
        sampler=sampler,
        scheduler=choose_scheduler(scheduler, tuple(directions)),
        # A truth value may be NumPy's, which run.toml does not hold.
        deterministic=bool(deterministic),
        constraints=tuple(constraints),
        workers=workers,
        threads=threads,
        gpus_per_trial=gpus_per_trial,
        gpus_measured=measured,
        device=choose_device(device, gpus_per_trial, measured=measured),
        callbacks=tuple(callbacks),
        address=address if address and address != LOCAL else "",
        study=absolute_url(study or ""),
        storage=_storage(storage),
        checkpoint_bytes=int(checkpoint_gib * GIBIBYTE),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        versions=versions(),
        machine=this_machine(),
    )


def one_of(name: str, value: str, valid: Sequence[str]) -> None:
    """Raise a ValueError unless `value` is one of `valid`."""
    if value not in valid:
        raise ValueError(f"unknown {name} {value!r}; valid: {', '.join(valid)}")


def _load_space(space: str | Path | dict[str, Any] | SearchSpace) -> SearchSpace:
    if isinstance(space, SearchSpace):
        return space
    if isinstance(space, dict):
        return SearchSpace.from_dict(space, where="space")
    return SearchSpace.load(space)


def _directions(known: dict[str, str], names: Sequence[str] | None) -> dict[str, Direction]:
    if names is None:
        names = [next(iter(known))]
    if isinstance(names, str) or not names:
        raise ValueError(f"objectives = {names!r}; valid: one or more of {', '.join(known)}")
    if len(set(names)) < len(names):
        raise ValueError(f"objectives = {', '.join(names)}: one is named twice")
    for name in names:
        one_of("objective", name, tuple(known))
    return {name: cast(Direction, known[name]) for name in names}


def choose_scheduler(asked: str, objectives: Sequence[str]) -> str:
    """Return what ``auto`` stands for, or what was asked for if it can be used.

    Nothing is stopped where training changes no objective. ASHA serves one objective.

    Raises:
        ValueError: the scheduler cannot be used here.
    """
    learned = any(name not in training.COSTS for name in objectives)
    asha = learned and len(objectives) == 1
    usable = ["auto", *["asha"] * asha, *["mo-asha"] * learned, "none"]
    if asked == "auto":
        return usable[1]
    if asked in usable:
        return asked
    valid = f"valid here: {', '.join(usable)}"
    if not learned:
        raise ValueError(
            f"scheduler = {asked} needs an objective that training changes; "
            f"{', '.join(objectives)} do not; {valid}"
        )
    raise ValueError(f"scheduler = {asked} needs exactly one objective; {valid}")


def _storage(storage: str | Path | None) -> str:
    """Make a path absolute, for a worker may run in another folder; a URI stays as it is."""
    text = str(storage or "")
    refuse_mistyped("storage", text)
    return text if not text or "://" in text else str(Path(text).absolute())


def choose_device(asked: str, gpus: float, *, measured: bool) -> str:
    """Return what ``auto`` stands for, or the device asked for.

    Raises:
        ValueError: it is unknown, or Ray would keep it from the workers.
    """
    one_of("device", asked, DEVICES)
    if asked == "cuda" and not gpus:
        raise ValueError(
            "device = cuda, but gpus_per_trial = 0; valid: a share such as 0.25, 1 ..., or auto"
        )
    if asked == "cpu" and measured:
        raise ValueError(
            "gpus_per_trial = auto measures memory on a GPU, but device = cpu; valid here: a number"
        )
    return ("cuda" if gpus else "cpu") if asked == "auto" else asked
