from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import pytest
from optuna.samplers import RandomSampler
from rich.console import Console
from runs import a_request

from optcell_search.ledger.ledger import Ledger
from optcell_search.ledger.opening import make_ledger
from optcell_search.ledger.trials.ending import Beside
from optcell_search.ledger.trials.reasons import cut
from optcell_search.results import frame, objectives, ranking
from optcell_search.tuning.search import view as view_module
from optcell_search.tuning.search.progress import Progress, best, front
from optcell_search.tuning.search.view import View
from optcell_search.wording import duration


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
    assert f"task {ledger.request.task}, for 10 s" in text
    assert "done 3 of 6; 1 running, 1 pruned, 1 failed" in text
    assert "best accuracy 0.625 (trial 0, " in text
    assert "; 1 on the front" in text


def test_what_was_cut_has_not_ended(ledger: Ledger) -> None:
    running = ledger.ask(ledger.request.search_space, RandomSampler(seed=7))
    assert running is not None
    over = Beside(early=cut("the time is used up"))
    ledger.prune(running.number, {"accuracy": 0.5}, over)
    assert "done 3 of 6" in shown(View(), ledger, 10.0)


def test_the_time_left_counts_only_what_this_process_did(ledger: Ledger) -> None:
    view = View()
    assert "time left" not in shown(view, ledger, 10.0)
    row = ledger.ask(ledger.request.search_space, RandomSampler(seed=9))
    ledger.complete(row.number, {"accuracy": 0.25})
    # One row in twenty seconds; two are left, one of them running.
    assert "time left about 40 s" in shown(view, ledger, 20.0)


def test_without_a_terminal_each_trial_that_ends_is_a_line(
    ledger: Ledger, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", logger="optcell_search")
    stream = io.StringIO()
    with View(Console(file=stream)) as view:
        view.update(ledger)
        assert caplog.messages == [], "what was there before is nothing new"
        row = ledger.ask(ledger.request.search_space, RandomSampler(seed=9))
        ledger.complete(row.number, {"accuracy": 0.75})
        view.update(ledger)
        assert caplog.messages == [], "a line a second is enough"
        view.end(ledger)
        (line,) = caplog.messages
        assert line.startswith("trial 4 complete: accuracy 0.75; 4 of 6 done; best accuracy 0.75 (")
        assert line.endswith(" left")
        view.end(ledger)
        assert len(caplog.messages) == 1
    assert stream.getvalue() == ""


def test_several_that_end_at_once_share_a_line(
    ledger: Ledger, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", logger="optcell_search")
    view = View(Console(file=io.StringIO()))
    view.tell(ledger)
    rows = [ledger.ask(ledger.request.search_space, RandomSampler(seed=i)) for i in (7, 8)]
    ledger.prune(rows[0].number, {"accuracy": 0.5})
    ledger.fail(rows[1].number, "too slow")
    view.tell(ledger)
    (line,) = caplog.messages
    assert line.startswith("trial 5 failed: too slow (and 1 more); 5 of 6 done; best accuracy")


def test_a_minute_of_silence_is_broken(
    ledger: Ledger, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level("INFO", logger="optcell_search")
    view = View(Console(file=io.StringIO()))
    view.tell(ledger)
    monkeypatch.setattr("optcell_search.tuning.search.view._SECONDS_OF_SILENCE", 0.0)
    view.tell(ledger)
    (line,) = caplog.messages
    assert line.startswith("3 of 6 done; 1 running; best accuracy 0.625 (trial 0, ")


def test_the_best_is_ranked_as_results_are(tiny: str, tmp_path: Path) -> None:
    request = a_request(tiny, num_trials=6, constraints=["accuracy<=0.7"])
    ledger = make_ledger(request, tmp_path)
    rows = [ledger.ask(request.search_space, RandomSampler(seed=i)) for i in range(4)]
    for row, accuracy in zip(rows, (0.5, 0.6, 0.9, 0.6), strict=True):
        ledger.complete(row.number, {"accuracy": accuracy})
    chosen = best(ledger)
    assert chosen is not None
    assert (chosen.values, front(ledger)) == ([0.6], 2)
    table = frame(ledger.study)
    assert chosen.number == ranking.best(table, objectives(ledger.study))["number"]
    assert front(ledger) == len(ranking.pareto(table, objectives(ledger.study)))


def test_it_draws_on_a_terminal(ledger: Ledger) -> None:
    stream = io.StringIO()
    with View(Console(file=stream, force_terminal=True)) as view:
        view.update(ledger)
    assert stream.getvalue().index("starting the search") < stream.getvalue().index("3 of 6")


def test_what_looks_like_markup_in_a_name_is_shown_as_it_is(ledger: Ledger) -> None:
    ledger.request = replace(ledger.request, task="[/a] b[red].csv")
    assert "task [/a] b[red].csv, for" in shown(View(), ledger, 10.0)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.4, "0 s"), (59.6, "1 min 0 s"), (200, "3 min 20 s"), (7500, "2 h 5 min")],
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_in_a_notebook_a_bar_goes_along(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[tuple[float | None, str]] = []

    class Bar:
        due = True

        def __init__(self, display: object) -> None:
            assert display == "a notebook"

        def update(self, share: float | None, words: str) -> None:
            shown.append((share, words))

    monkeypatch.setattr(view_module, "notebook", lambda: "a notebook")
    monkeypatch.setattr(view_module, "Bar", Bar)
    with View(Console(file=io.StringIO())) as view:
        view.update(ledger)
        row = ledger.ask(ledger.request.search_space, RandomSampler(seed=9))
        ledger.complete(row.number, {"accuracy": 0.75})
        view.end(ledger)
    (before, words), (after, later) = shown
    assert (before, after) == (3 / 6, 4 / 6)
    assert words.startswith("3 of 6 done; 1 running; best accuracy 0.625 (trial 0, ")
    assert later.startswith("4 of 6 done; 1 running; best accuracy 0.75 (trial 4, ")


def test_of_two_budgets_the_one_that_is_used_most_is_the_bars(ledger: Ledger) -> None:
    ledger.request = replace(ledger.request, time_limit=100.0)
    ledger.note("searched_seconds", 90.0)
    assert Progress().share(ledger) == 0.9
    ledger.request = replace(ledger.request, time_limit=0.0, num_trials=0)
    assert Progress().share(ledger) is None
