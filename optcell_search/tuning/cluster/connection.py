"""A Ray cluster to run on: one that is there, or one of our own for as long as it takes."""

from __future__ import annotations

import contextlib
import logging
import os
import re
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import ray
from ray import exceptions
from ray._private import ray_logging

from optcell_search.stages import stage

from ...ledger.request import Request
from ..store.file_systems import Location
from . import (
    heartbeat,
    import_paths,
    own_processes,
    preflight,
    runtime_environment,
    signals,
    starting,
)
from .data_transfer import Source

# Candidates and results are a few kilobytes; data reaches the workers by its path.
_OBJECT_STORE_BYTES = 128 * 2**20

_SECONDS_BETWEEN_LOOKS = 0.5
_SECONDS_BETWEEN_LINES = 60.0
_PATIENCE = 3.0
_TOLD = ("stdout_deduplicator", "stderr_deduplicator")

_SETTINGS = {
    # Tune's own CSV, JSON and TensorBoard files: the ledger says all they say.
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    # A failed candidate reports no metrics.
    "TUNE_DISABLE_STRICT_METRIC_CHECKING": "1",
    "TUNE_PRINT_ALL_TRIAL_ERRORS": "0",
    # Its newer output prints a heading even when asked to print nothing.
    "RAY_AIR_NEW_OUTPUT": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_USAGE_STATS_ENABLED": "0",
}
# While it looks for a cluster that does not answer Ray writes a line a second. Not set for a
# cluster of our own, whose logs it would thin out.
_SILENCE = {"RAY_BACKEND_LOG_LEVEL": "fatal"}


@contextlib.contextmanager
def connected(request: Request, location: Location, source: Source) -> Iterator[None]:
    """Be connected to Ray: what the caller is connected to, else the request's address, else ours.

    Args:
        request: of the run.
        location: where its checkpoints go.
        source: where its data comes from; it is sent to nodes that do not see it.

    Raises:
        ValueError: this system cannot run searches, there is no cluster at the address, it lacks
            what a trial needs, or a worker of it cannot do what the search asks.
    """
    preflight.check_system()
    preflight.check_storage(location)
    preflight.check_room(location, request.checkpoint_bytes)
    more = _SILENCE if request.address else heartbeat.PATIENCE | starting.token()
    with _environment(_SETTINGS | more), _quiet(), _unseen(request.has_password):
        ours = not ray.is_initialized()
        # What this process had before is not ended with what is started here.
        earlier = own_processes.of_our_node()
        started: list[own_processes.Process] = []
        try:
            if ours:
                if request.address:
                    starting.require_answer(request.address)
                doing = f"reaching {request.address}" if request.address else "starting Ray"
                with (
                    stage(doing),
                    signals.uninterrupted(),
                    starting.settings(alone=not request.address),
                ):
                    _connect(request)
            _check_resources(request)
            if request.address or not ours:
                # Our own workers are on this machine and see what we see.
                with stage("asking the workers of the cluster"):
                    preflight.check_nodes(request, location, source)
                    wait_for_resources(request)
            if ours and not request.address:
                started += _since(earlier)
            with heartbeat.watched(started):
                yield
        finally:
            if ours:
                with stage("ending Ray"), signals.uninterrupted():
                    _shut_down({*started, *_since(earlier)})


def _since(earlier: Sequence[own_processes.Process]) -> list[own_processes.Process]:
    return [process for process in own_processes.of_our_node() if process not in earlier]


def _shut_down(started: Iterable[own_processes.Process]) -> None:
    ray.shutdown()
    for process in started:
        process.kill()


def _connect(request: Request) -> None:
    if request.address:
        _join(request)
    else:
        _start(request)


def _start(request: Request) -> None:
    try:
        ray.init(
            # Without "local" Ray joins whatever cluster someone else started on this machine.
            address="local",
            _temp_dir=starting.temporary_folder(),
            num_cpus=request.workers,
            num_gpus=None if request.gpus_per_trial else 0,
            job_config=import_paths.job_config(),
            include_dashboard=False,
            log_to_driver=False,
            logging_level=logging.CRITICAL,
            object_store_memory=_OBJECT_STORE_BYTES,
        )
    except Exception as error:
        # Ray has no class of its own for a node that does not come up in time.
        first = (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
        raise ValueError(
            f"no Ray could be started on this machine: {first}; it may be too busy, or lack memory "
            "or room below the folder for temporary files; try again, or use a running cluster "
            "with --address"
        ) from error


def _join(request: Request) -> None:
    try:
        with runtime_environment.runtime_environment() as environment:
            ray.init(
                address=request.address,
                log_to_driver=False,
                logging_level=logging.CRITICAL,
                runtime_env=environment,
            )
    except (ConnectionError, RuntimeError, exceptions.RayError) as error:
        first = str(error).strip().splitlines()[0]
        raise ValueError(
            f"address {request.address}: no Ray cluster answers, or it asks for another token than "
            f"that in RAY_AUTH_TOKEN or ~/.ray/auth_token: {first}"
        ) from error


def _check_resources(request: Request) -> None:
    available = ray.cluster_resources()  # type: ignore[no-untyped-call]
    gpus = available.get("GPU", 0.0)
    if request.gpus_measured and not gpus:
        raise ValueError(
            "gpus_per_trial = auto, but the cluster has no GPU to measure on; valid here: 0, which "
            "trains on the CPU"
        )
    if request.gpus_per_trial > gpus:
        raise ValueError(
            f"gpus_per_trial = {request.gpus_per_trial:g}, but the cluster has {gpus:g} GPUs and "
            f"{available.get('CPU', 0.0):g} CPUs"
        )


def wait_for_resources(request: Request) -> None:
    """Wait until one candidate can be trained, and say so while it takes."""
    asked = {"CPU": 1.0, "GPU": request.gpus_per_trial}
    # What a run before has just let go of is counted as free a moment later.
    told = time.monotonic() + _PATIENCE - _SECONDS_BETWEEN_LINES
    while True:
        free: dict[str, Any] = ray.available_resources()  # type: ignore[no-untyped-call]
        if all(free.get(name, 0.0) >= amount for name, amount in asked.items()):
            return
        if time.monotonic() - told >= _SECONDS_BETWEEN_LINES:
            told = time.monotonic()
            there: dict[str, Any] = ray.cluster_resources()  # type: ignore[no-untyped-call]
            print(
                f"waiting for the cluster: a candidate asks for {_in_words(asked)}; there are "
                f"{_in_words(there)}, of which {_in_words(free)} are free",
                file=sys.stderr,
                flush=True,
            )
        time.sleep(_SECONDS_BETWEEN_LOOKS)


def _in_words(resources: dict[str, Any]) -> str:
    return f"{resources.get('CPU', 0.0):g} CPUs and {resources.get('GPU', 0.0):g} GPUs"


@contextlib.contextmanager
def _environment(settings: dict[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in settings}
    os.environ.update(settings)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@contextlib.contextmanager
def _unseen(secret: bool) -> Iterator[None]:
    """Keep files made meanwhile from other users, where there is something secret.

    Tune writes what workers are told, where checkpoints go with a password included, below the
    folder for temporary files as well.
    """
    before = os.umask(0o077) if secret else None
    try:
        yield
    finally:
        if before is not None:
            os.umask(before)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Silence Ray's log: what went wrong stands in the ledger, each trial with its reason."""
    logger = logging.getLogger("ray")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    # What nodes tell every driver goes past that: of one that died, pages of its own log.
    known: list[Any] = [getattr(ray_logging, name, None) for name in _TOLD]
    told = [each for each in known if hasattr(each, "skip_re")]
    before = [each.skip_re for each in told]
    for each in told:
        each.skip_re = re.compile("")
    try:
        yield
    finally:
        logger.setLevel(level)
        for each, skipped in zip(told, before, strict=True):
            each.skip_re = skipped
