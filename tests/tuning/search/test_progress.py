from __future__ import annotations

import io
from pathlib import Path

import pytest
from optuna.samplers import RandomSampler
from rich.console import Console
from runs import a_request

from optcell_search.ledger.ledger import Ledger
from optcell_search.ledger.opening import make_ledger
from optcell_search.tuning.search.progress import View, duration


@pytest.fixture
def ledger(tiny: str, tmp_path: Path) -> Ledger:
    request = a_request(tiny, num_trials=6)
    ledger = make_ledger(request, tmp_path)
    rows = [ledger.ask(request.search_space, RandomSampler(seed=i)) for i in range(4)]
    metrics = {"accuracy": 0.625}
    ledger.complete(rows[0].number, metrics)
    ledger.prune(rows[1].number, {"accuracy": 0.5})
    ledger.fail(rows[2].number, "diverged")
    return ledger


def shown(view: View, ledger: Ledger, elapsed: float) -> str:
    console = Console(file=io.StringIO(), width=120)
    console.print(view.render(ledger, elapsed))
    return " ".join(console.file.getvalue().split())  # type: ignore[attr-defined]


def test_it_tells_where_the_run_stands(ledger: Ledger) -> None:
    text = shown(View(), ledger, 10.0)
    assert "done 3 of 6 running 1 pruned 1 failed 1" in text
    assert "best accuracy 0.625" in text
    assert "front 1" in text


def test_the_time_left_counts_only_what_this_process_did(ledger: Ledger) -> None:
    view = View()
    assert "time left" not in shown(view, ledger, 10.0)
    row = ledger.ask(ledger.request.search_space, RandomSampler(seed=9))
    ledger.complete(row.number, {"accuracy": 0.25})
    # One row in twenty seconds; two are left, one of them running.
    assert "time left about 40 s" in shown(view, ledger, 20.0)


def test_it_is_quiet_where_there_is_no_terminal(ledger: Ledger) -> None:
    stream = io.StringIO()
    with View(Console(file=stream)) as view:
        view.update(ledger)
    assert stream.getvalue() == ""


def test_it_draws_on_a_terminal(ledger: Ledger) -> None:
    stream = io.StringIO()
    with View(Console(file=stream, force_terminal=True)) as view:
        view.update(ledger)
    assert "3 of 6" in stream.getvalue()


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.4, "0 s"), (59.6, "1 min 0 s"), (200, "3 min 20 s"), (7500, "2 h 5 min")],
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text
