"""Ctrl-C and SIGTERM while Ray has the process: they come afterwards, and are not lost."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import ray
from ray._private import ray_constants
from runs import a_request

from optcell_search.tuning.cluster import connection, signals, starting
from optcell_search.tuning.cluster.data_transfer import Source
from optcell_search.tuning.store import checkpoints


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)
    before = {number: signal.getsignal(number) for number in numbers}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_during_the_start_comes_afterwards_whoever_takes_them_over(
    number: signal.Signals,
) -> None:
    """Ray sets a handler of its own for SIGTERM while it starts."""
    before = signal.getsignal(number)
    after = []

    def start() -> None:
        with signals.uninterrupted():
            signal.signal(number, lambda *_: sys.exit(15))
            signal.raise_signal(number)
            after.append("went on")

    with pytest.raises(KeyboardInterrupt):
        start()
    assert after == ["went on"]
    assert signal.getsignal(number) == before


def test_who_stops_a_start_that_fails_hears_of_the_stop() -> None:
    def start() -> None:
        with signals.uninterrupted():
            signal.raise_signal(signal.SIGINT)
            raise RuntimeError("the node did not come up")

    with pytest.raises(KeyboardInterrupt):
        start()


def test_what_is_ignored_stays_ignored() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with signals.uninterrupted():
        signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) == signal.SIG_IGN


def test_a_handler_that_tune_leaves_behind_goes() -> None:
    before = signal.getsignal(signal.SIGINT)
    with signals.kept():
        signal.signal(signal.SIGINT, lambda *_: None)
        signal.signal(signal.SIGUSR1, lambda *_: None)
    assert signal.getsignal(signal.SIGINT) == before
    assert signal.getsignal(signal.SIGUSR1) == signal.SIG_DFL


@pytest.mark.parametrize("alone", [True, False])
def test_rays_own_settings_hold_for_its_start_alone(alone: bool) -> None:
    names = ("RAY_DISABLE_FAILURE_SIGNAL_HANDLER", "ENABLE_RAY_CLUSTER")
    before = [getattr(ray_constants, name) for name in names]
    with starting.settings(alone=alone):
        # With the handler in place SIGTERM ends this process in the C++ code, with its stack.
        during = [getattr(ray_constants, name) for name in names]
    assert during == [True, False if alone else before[1]]
    assert [getattr(ray_constants, name) for name in names] == before


def test_a_ray_that_does_not_come_up_is_one_line(
    tiny: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def late(**_: object) -> None:
        raise Exception("The current node timed out during startup.\nThis could happen because")

    request = a_request(tiny)
    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    monkeypatch.setattr(ray, "init", late)
    monkeypatch.setattr(ray, "shutdown", lambda: None)
    location, source = checkpoints.location_of(request, tmp_path), Source.of(request, tmp_path)
    with (
        pytest.raises(ValueError, match="no Ray could be started on this machine: The c") as caught,
        connection.connected(request, location, source),
    ):
        pass
    assert "\n" not in str(caught.value)
