"""Ctrl-C and SIGTERM while Ray has the process: they come afterwards, and are not lost."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator

import pytest

from optcell_search.tuning.cluster import signals


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
    # Searches of tests before this one may have left Tune's here.
    signal.signal(signal.SIGUSR1, signal.SIG_DFL)
    before = signal.getsignal(signal.SIGINT)
    with signals.kept():
        signal.signal(signal.SIGINT, lambda *_: None)
        signal.signal(signal.SIGUSR1, lambda *_: None)
    assert signal.getsignal(signal.SIGINT) == before
    assert signal.getsignal(signal.SIGUSR1) == signal.SIG_DFL
