"""A search is steered from the live page: in a real browser, with the commands that it shows."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path
from typing import Any

import pytest
from browsing import SCREENSHOTS, browser, look_at, needs_browser, watched
from optuna.samplers import RandomSampler
from optuna.trial import TrialState
from runs import a_request, tiny

pytest.importorskip("dash", reason="dash is not installed")

from optcell_search.dashboard.app.serve import Dashboard
from optcell_search.ledger import folder as folders
from optcell_search.ledger.opening import open_ledger
from optcell_search.ledger.reading import load

__all__ = ["browser", "tiny"]
pytestmark = needs_browser


@pytest.fixture
def at_work(tiny: str, tmp_path: Path) -> Path:
    """A run folder as a search makes it, with a complete trial and one that runs."""
    request = a_request(tiny, num_trials=4, objectives=["accuracy", "parameters"])
    folders.make(tmp_path / "at work", request)
    with contextlib.closing(open_ledger(request, tmp_path / "at work")) as ledger:
        for seed in range(2):
            assert ledger.ask(request.search_space, RandomSampler(seed=seed)) is not None
        metrics = {"accuracy": 0.5, "parameters": 9.0, "loss": 0.5}
        ledger.report(0, 1, metrics)
        ledger.complete(0, metrics)
        ledger.report(1, 1, metrics)
    return tmp_path / "at work"


def late(route: Any) -> None:
    """Let a request wait before the server hears of it."""
    time.sleep(1.5)
    route.continue_()


def test_a_search_is_steered_from_the_page_by_commands_that_are_shown(
    browser: Any, at_work: Path
) -> None:
    dashboard = Dashboard([at_work])
    with watched(browser, dashboard.url) as page:
        page.wait_for_selector("#another-start:not([disabled])")
        page.evaluate("optcell.pick(1)")
        page.wait_for_selector("#prune-start:not([disabled])")
        look_at(page, "steer")
        shown = page.locator("#prune-command").inner_text().splitlines()
        assert shown == [
            f"optcell-search prune '{at_work}' 1", f"optcell-search resume '{at_work}' --skip=1"
        ]  # fmt: skip
        page.fill("#resume-trials", "40")
        page.fill("#resume-time", "1h30m")
        page.wait_for_function(
            "document.getElementById('resume-command').innerText.endsWith('=1h30m')"
        )
        more = "--trials=40 --time=1h30m"
        assert page.locator("#resume-command").inner_text().endswith(f"'{at_work}' {more}")
        page.locator("#steer").screenshot(path=SCREENSHOTS / "steering.png")
        # As where a search has all processors: answers that take longer than the page's patience.
        page.route("**/work.json", late)
        page.click("#prune-start")
        page.wait_for_selector('#says[data-state="done"]')
        assert "ends, pruned, after its current epoch" in page.locator("#says").inner_text()
        assert load(at_work).user_attrs["prune:1"] is True
        page.evaluate("optcell.pick(0)")
        page.wait_for_selector("#prune-start[disabled]")
        page.fill("#another-name", "training.lr")
        page.fill("#another-value", "0.005")
        command = f"optcell-search enqueue '{at_work}' 0 training.lr=0.005"
        page.wait_for_function(
            "text => document.getElementById('another-command').innerText === text", arg=command
        )
        page.click("#another-start")
        page.wait_for_selector('#says:has-text("It waits in the queue")')
        assert command in page.locator("#says").inner_text()
        page.fill("#another-value", "5000")
        page.click("#another-start")
        page.wait_for_selector('#says[data-state="failed"]')
        assert "is out of range" in page.locator("#says").inner_text()
    dashboard.close()
    trials = load(at_work).trials
    assert [trial.state for trial in trials[2:]] == [TrialState.WAITING]
    assert trials[2].system_attrs["fixed_params"]["training.lr"] == 0.005


HOLD = """
    const ask = window.fetch;
    window.fetch = async (path, options) => {
        const answer = await ask(path, options);
        if (path === "work.json" && !window.give) await new Promise((done) => (window.give = done));
        return answer;
    };
"""


def test_an_answer_that_is_late_does_not_stand_where_a_newer_one_was(
    browser: Any, at_work: Path
) -> None:
    dashboard = Dashboard([at_work])
    with watched(browser, dashboard.url) as page:
        page.wait_for_selector("#another-start:not([disabled])")
        page.evaluate(f"() => {{ {HOLD} }}")
        page.fill("#another-value", "")
        page.click("#another-start")
        page.wait_for_function("Boolean(window.give)")
        page.fill("#another-value", "0.005")
        page.click("#another-start")
        page.wait_for_selector('#says:has-text("It waits in the queue")')
        page.evaluate("window.give()")
        page.wait_for_timeout(500)
        assert "It waits in the queue" in page.locator("#says").inner_text()
    dashboard.close()


def test_a_search_at_work_is_extended_and_paused_one_at_rest_is_resumed(
    browser: Any, at_work: Path
) -> None:
    dashboard = Dashboard([at_work])
    words = "text => document.getElementById('resume-start')?.innerText === text"
    with watched(browser, dashboard.url) as page:
        with folders.locked(at_work):
            page.wait_for_function(words, arg="Extend the search")
            page.wait_for_selector("#stop:not([disabled])")
            assert "It is not running" not in page.locator("#progress").inner_text()
            page.fill("#resume-trials", "9")
            command = f"optcell-search extend '{at_work}' --trials=9"
            page.wait_for_function(
                "text => document.getElementById('resume-command').innerText === text", arg=command
            )
        page.wait_for_function(words, arg="Resume the search")
        page.wait_for_selector("#stop[disabled]")
        page.wait_for_selector(f"#progress:has-text(\"resume '{at_work}'\")")
    dashboard.close()


@pytest.mark.parametrize("width", [390, 1280])
def test_the_controls_fit_the_page(browser: Any, at_work: Path, width: int) -> None:
    dashboard = Dashboard([at_work])
    with watched(browser, dashboard.url, width=width, scheme="dark") as page:
        page.wait_for_selector("#another-start:not([disabled])")
        look_at(page, "steer")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        page.locator("#steer").screenshot(path=SCREENSHOTS / f"steering-{width}.png")
    dashboard.close()
