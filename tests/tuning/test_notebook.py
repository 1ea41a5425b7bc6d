"""Bars in a notebook, of a search and of finalizing; and its lines through logging."""

from __future__ import annotations

import io
import sys
import time
from types import ModuleType, SimpleNamespace

import pytest
from rich.console import Console

from optcell_search import notebook as module
from optcell_search.ledger.trials.scores import Score
from optcell_search.notebook import Bar, notebook
from optcell_search.tuning.finalizing.view import FinalizeView
from optcell_search.tuning.worker.final_training import Outcome, Work


class Shown:
    """What a notebook shows, as IPython's `display` is asked for it."""

    def __init__(self) -> None:
        self.states: list[dict[str, str]] = []
        self.shown = 0

    def display(self, data: dict[str, str], *, raw: bool, display_id: bool) -> Shown:
        assert raw
        assert display_id
        self.shown += 1
        self.states.append(data)
        return self

    def update(self, data: dict[str, str], *, raw: bool) -> None:
        assert raw
        self.states.append(data)


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> Shown:
    """A notebook, as far as it is asked for anything."""
    found, ipython, display = Shown(), ModuleType("IPython"), ModuleType("IPython.display")
    ipython.get_ipython = lambda: SimpleNamespace(kernel=object())  # type: ignore[attr-defined]
    display.display = found.display  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    monkeypatch.setitem(sys.modules, "IPython.display", display)
    return found


def work(number: int, seed: int) -> Work:
    return Work(SimpleNamespace(number=number, seeds=(seed,)), baseline=False)  # type: ignore[arg-type]


def quiet() -> Console:
    return Console(file=io.StringIO())


def test_where_there_is_no_notebook_there_is_no_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "IPython", raising=False)
    assert notebook() is None
    terminal = ModuleType("IPython")
    terminal.get_ipython = lambda: SimpleNamespace(kernel=None)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "IPython", terminal)
    assert notebook() is None, "the shell of a terminal"


def test_one_bar_is_rewritten_and_its_words_are_no_html(shown: Shown) -> None:
    bar = Bar(notebook())
    assert bar.due
    bar.update(None, "0 done")
    assert not bar.due
    bar.update(0.25, "best <b> (trial 1)")
    bar.update(1.5, "done")
    assert shown.shown == 1
    assert "value" not in shown.states[0]["text/html"]
    assert 'value="0.2500"' in shown.states[1]["text/html"]
    assert "best &lt;b&gt;" in shown.states[1]["text/html"]
    assert shown.states[1]["text/plain"] == "best <b> (trial 1)"
    assert 'value="1.0000"' in shown.states[2]["text/html"]


def test_finalizing_is_a_bar_in_a_notebook(shown: Shown) -> None:
    with FinalizeView(2, "accuracy", quiet()) as view:
        view.took(work(7, 11), 11, Outcome(Score({"accuracy": 0.5}, {"accuracy": 0.25})))
        view.took(work(7, 12), 12, Outcome(Score({}, {}, "diverged")))
    first, last = shown.states
    assert first["text/plain"].startswith("1 of 2 trainings done; about ")
    assert last["text/plain"] == "2 of 2 trainings done"


def test_finalizing_is_lines_at_most_one_a_second_elsewhere(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level("INFO", logger="optcell_search")
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    stream = io.StringIO()
    good = Outcome(Score({"accuracy": 0.5}, {"accuracy": 0.25}))
    with FinalizeView(4, "accuracy", Console(file=stream)) as view:
        now[0] = 2.0
        view.took(work(7, 11), 11, good)
        view.took(work(7, 12), 12, good)
        view.waits()
        assert len(caplog.messages) == 1, "a line a second is enough"
        now[0] = 10.0
        view.took(work(8, 11), 11, Outcome(Score({}, {}, "diverged")))
        now[0] = 69.0
        view.waits()
        now[0] = 71.0
        view.waits()
        view.took(work(8, 12), 12, good)
    assert stream.getvalue() == ""
    assert caplog.messages == [
        "trial 7, seed 11: validation accuracy 0.5, test accuracy 0.25; 1 of 4 trainings done; "
        "about 6 s left",
        "trial 8, seed 11 failed: diverged (and 1 more); 3 of 4 trainings done; about 3 s left",
        "3 of 4 trainings done; about 24 s left",
        "trial 8, seed 12: validation accuracy 0.5, test accuracy 0.25; 4 of 4 trainings done",
    ]


def test_finalizing_is_a_bar_on_a_terminal_and_no_line(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", logger="optcell_search")
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=True, width=80)
    with FinalizeView(1, "accuracy", console) as view:
        view.took(work(7, 11), 11, Outcome(Score({}, {"accuracy": 0.25})))
    assert "training again" in stream.getvalue()
    assert caplog.messages == []


def test_the_module_is_looked_for_where_the_user_has_imported_it() -> None:
    assert "IPython" not in vars(module), "nobody has to install it"
