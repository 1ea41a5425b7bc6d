"""A Ray cluster to run on: one that is there, or one of our own for as long as it takes."""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Iterator

import ray

from .request import Request

# Candidates and results are a few kilobytes; data reaches the workers by its path.
_OBJECT_STORE_BYTES = 128 * 2**20

_ENVIRONMENT = {
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


@contextlib.contextmanager
def connected(request: Request) -> Iterator[None]:
    """Be connected to Ray: what the caller is connected to, else the request's address, else ours.

    Raises:
        ValueError: there is no cluster at the address, or it lacks what a trial needs.
    """
    with _environment(), _quiet():
        ours = not ray.is_initialized()
        if ours:
            _connect(request)
        try:
            _check_resources(request)
            yield
        finally:
            if ours:
                ray.shutdown()


def _connect(request: Request) -> None:
    if not request.address:
        ray.init(
            # Without "local" Ray joins whatever cluster someone else started on this machine.
            address="local",
            num_cpus=request.workers,
            num_gpus=None if request.gpus_per_trial else 0,
            include_dashboard=False,
            log_to_driver=False,
            logging_level=logging.CRITICAL,
            object_store_memory=_OBJECT_STORE_BYTES,
        )
        return
    try:
        ray.init(address=request.address, log_to_driver=False, logging_level=logging.CRITICAL)
    except (ConnectionError, RuntimeError) as error:
        first = str(error).strip().splitlines()[0]
        raise ValueError(f"address {request.address}: no Ray cluster answers: {first}") from error


def _check_resources(request: Request) -> None:
    available = ray.cluster_resources()  # type: ignore[no-untyped-call]
    gpus = available.get("GPU", 0.0)
    if request.gpus_per_trial > gpus:
        raise ValueError(
            f"gpus_per_trial = {request.gpus_per_trial:g}, but the cluster has {gpus:g} GPUs and "
            f"{available.get('CPU', 0.0):g} CPUs"
        )


@contextlib.contextmanager
def _environment() -> Iterator[None]:
    before = {name: os.environ.get(name) for name in _ENVIRONMENT}
    os.environ.update(_ENVIRONMENT)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Silence Ray's log: what went wrong stands in the ledger, each row with its reason."""
    logger = logging.getLogger("ray")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(level)
