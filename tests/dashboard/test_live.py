"""The live dashboard in a real browser: it follows a search, and takes a trial along."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from browsing import SCREENSHOTS, browser, look_at, needs_browser, points, watched
from ledgers import Ledger, candidate, in_folder
from optuna.trial import TrialState
from runs import SPACE, cluster, tiny

pytest.importorskip("dash", reason="dash is not installed")

from optcell_search.dashboard.app.serve import Dashboard

__all__ = ["browser", "cluster", "tiny"]
pytestmark = needs_browser

TWO = {"accuracy": "maximize", "parameters": "minimize"}


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    made = in_folder(tmp_path / "run", TWO)
    for i in range(8):
        of = candidate("gru", "heavy_ball", mu=i / 10, s=0.5)
        steps = [{"accuracy": 0.4, "loss": 0.9}, {"accuracy": 0.5 + i / 50, "loss": 0.5}]
        made.add([0.5 + i / 50, 100.0 + 10 * i], of=of, epochs=steps)
    return made


@pytest.fixture
def dashboard(ledger: Ledger, tmp_path: Path) -> Iterator[Dashboard]:
    started = Dashboard([tmp_path / "run"])
    yield started
    started.close()


def test_a_finished_trial_appears_without_losing_zoom_or_selection(
    browser: Any, dashboard: Dashboard, ledger: Ledger
) -> None:
    with watched(browser, dashboard.url) as page:
        page.wait_for_selector("#front-chart .scatterlayer path")
        page.wait_for_function("optcell.current()?.growth")
        page.evaluate("optcell.choose(new Set([2, 3]), 'test'); optcell.pick(2)")
        look_at(page, "front")
        page.locator("#front-chart").hover()
        page.locator('#front-chart .modebar-btn[data-title="Zoom in"]').click()
        page.wait_for_timeout(500)
        zoomed = page.evaluate("document.getElementById('front-chart').layout.yaxis.range")
        new = threading.Thread(target=ledger.add, args=([0.99, 50.0],))
        new.start()
        page.wait_for_function("optcell.current().front.includes(8)")
        new.join()
        page.wait_for_function(
            "document.getElementById('front-chart').data.some(t => (t.customdata||[]).includes(8))"
        )
        after = page.evaluate("document.getElementById('front-chart').layout.yaxis.range")
        assert after == zoomed
        assert page.evaluate("[...optcell.state.chosen]") == [2, 3]
        assert page.evaluate("optcell.state.picked") == 2
        assert points(page, "front-chart") == [2, 3]
        page.locator("#bar .follow input").uncheck()
        ledger.add([0.999, 40.0])
        page.wait_for_timeout(2500)
        assert not page.evaluate("optcell.current().front.includes(9)"), "it was told to wait"


def test_a_range_stays_with_its_axis_and_its_names_when_more_come(
    browser: Any, dashboard: Dashboard, ledger: Ledger
) -> None:
    ledger.add([0.9, 100.0], of=candidate("lstm", "nesterov"))
    keep = """ranges => {
        const axes = document.getElementById("parallel-chart").data[0].dimensions;
        const at = name => axes.findIndex(one => one.name === name);
        const set = ([name, range]) => [`dimensions[${at(name)}].constraintrange`, [range]];
        return Plotly.restyle("parallel-chart", Object.fromEntries(ranges.map(set)));
    }"""
    kept = """Object.fromEntries(document.getElementById("parallel-chart").data[0].dimensions
        .filter(one => one.constraintrange?.length)
        .map(one => [one.name, one.constraintrange]))"""
    names = """document.getElementById("parallel-chart").data[0].dimensions.map(one => one.name)"""
    with watched(browser, dashboard.url) as page:
        page.wait_for_function("optcell.current()?.growth && optcell.current().index.size === 9")
        look_at(page, "many")
        page.wait_for_selector("#parallel-chart .parcoords")
        before = page.evaluate(names)
        page.evaluate(keep, [["rule", [0.5, 1.5]], ["accuracy", [0.85, 0.95]]])
        page.wait_for_function("optcell.state.from === 'parallel-chart'")
        assert page.evaluate("[...optcell.state.chosen]") == [8]
        # A rule before the others by its name, and a setting that was the same for all.
        of = candidate("gru", "adam")
        ledger.add([0.4, 90.0], of={**of, "training": {**of["training"], "lr": 0.002}})
        page.wait_for_function(f"{names}.includes('training.lr')")
        assert len(page.evaluate(names)) > len(before)
        assert page.evaluate(kept) == {"rule": [[1.75, 2.25]], "accuracy": [[0.85, 0.95]]}


def test_what_following_takes_is_paid_off_by_a_pause(browser: Any, dashboard: Dashboard) -> None:
    with watched(browser, dashboard.url) as page:
        page.wait_for_function("optcell.current()?.growth")
        page.evaluate(
            """() => {
                window.asked = [];
                const real = window.fetch;
                window.fetch = async (path, ...more) => {
                    if (String(path).startsWith("news.json")) window.asked.push(performance.now());
                    return real(path, ...more);
                };
                optcell.state.spent = 0;
            }"""
        )
        # Nothing is new, and that costs next to nothing: a question a second or so.
        page.wait_for_function("window.asked.length >= 3")
        assert page.evaluate("optcell.state.spent") < 500
        # An update that took 400 ms is paid off in five seconds.
        page.evaluate("() => { optcell.state.spent = 400; window.asked = [performance.now()]; }")
        page.wait_for_function("window.asked.length >= 2")
        pause = page.evaluate("window.asked[1] - window.asked[0]")
        assert pause > 3900


def test_the_first_trial_of_an_empty_run_fills_the_views(browser: Any, tmp_path: Path) -> None:
    ledger = in_folder(tmp_path / "empty", TWO)
    dashboard = Dashboard([tmp_path / "empty"])
    with watched(browser, dashboard.url, width=390, scheme="dark") as page:
        page.wait_for_selector(".message")
        assert "No trial yet" in page.locator(".message").inner_text()
        ledger.add([0.5, 10.0])
        page.wait_for_selector("#front-chart .points path")
        look_at(page, "cell")
        assert "Trial 0" in page.locator("#cell-about").inner_text()
        page.wait_for_selector("#impulse-chart .scatterlayer path")
    dashboard.close()


def test_a_folder_that_is_made_anew_is_another_run(
    browser: Any, dashboard: Dashboard, tmp_path: Path
) -> None:
    with watched(browser, dashboard.url) as page:
        page.wait_for_function("optcell.current()?.growth && optcell.current().curves.size === 8")
        page.evaluate("optcell.choose(new Set([2, 3]), 'test'); optcell.pick(2)")
        (tmp_path / "run" / "study.db").unlink()
        in_folder(tmp_path / "run", TWO, run_id="second").add([0.7, 5.0])
        page.wait_for_function("optcell.current().name === 'second'")
        page.wait_for_function("optcell.current().curvesTotal === 0")
        shown = "[optcell.current().trials, optcell.state.picked, optcell.state.chosen]"
        assert page.evaluate(shown) == [[0], 0, None]


def test_a_name_that_cannot_be_is_refused_on_the_page(browser: Any, dashboard: Dashboard) -> None:
    with watched(browser, dashboard.url) as page:
        page.wait_for_selector("#export-start:not([disabled])")
        look_at(page, "take")
        page.fill("#export-name", "../out")
        page.click("#export-start")
        page.wait_for_selector('#says[data-state="failed"]')
        assert "cannot be a name" in page.locator("#says").inner_text()
        page.locator("#take").screenshot(path=SCREENSHOTS / "export-refused.png")


def test_only_a_complete_trial_is_offered_for_export(
    browser: Any, dashboard: Dashboard, ledger: Ledger
) -> None:
    stopped = ledger.add(state=TrialState.PRUNED, epochs=[{"accuracy": 0.1, "loss": 1.0}])
    with watched(browser, dashboard.url) as page:
        page.wait_for_selector("#export-start:not([disabled])")
        command = page.locator("#export-command")
        assert command.inner_text().startswith("optcell-search export ")
        page.evaluate(f"optcell.pick({stopped})")
        page.wait_for_selector("#export-start[disabled]")
        assert page.locator("#export-start").inner_text() == f"Trial {stopped} is not complete"
        assert command.inner_text() == ""


def test_a_note_written_on_the_page_stands_in_the_ledger_and_is_found(
    browser: Any, dashboard: Dashboard, ledger: Ledger
) -> None:
    with watched(browser, dashboard.url) as page:
        page.wait_for_selector("#front-chart .scatterlayer path")
        page.evaluate("optcell.pick(3)")
        look_at(page, "cell")
        page.fill('#cell-note [aria-label="Note on trial 3"]', "the one for the paper")
        page.fill('#cell-note [aria-label="Tags of trial 3, apart by commas"]', "paper, small")
        page.click("#cell-note button")
        page.wait_for_function("optcell.current().value(3, 'tags') === 'paper, small'")
        look_at(page, "trials")
        page.fill("#filter", "small")
        page.wait_for_selector("#clear")
        assert page.evaluate("[...optcell.state.chosen]") == [3]
        assert "the one for the paper" in page.locator("#table").inner_text()
    assert ledger.study.user_attrs["note:3"] == "the one for the paper"
    assert ledger.study.user_attrs["tags:3"] == ["paper", "small"]


def test_news_from_before_a_view_was_kept_do_not_take_it_away(
    browser: Any, dashboard: Dashboard
) -> None:
    with watched(browser, dashboard.url) as page:
        page.wait_for_selector("#front-chart .scatterlayer path")
        # Answers of the server that are under way while the view is kept.
        page.evaluate(
            """() => {
                const before = JSON.stringify({ content: { ...optcell.current(), views: {} } });
                const real = window.fetch;
                window.fetch = async (path, ...more) => {
                    if (!String(path).startsWith("news.json")) return real(path, ...more);
                    window.asked = true;
                    await new Promise((go) => (window.answer = go));
                    return new Response(before);
                };
            }"""
        )
        page.wait_for_function("window.asked")
        page.fill('[aria-label="Name of this view"]', "mine")
        page.get_by_role("button", name="Keep this view").click()
        page.wait_for_selector('select[aria-label="Open a view"]')
        page.evaluate("window.asked = false; window.answer()")
        page.wait_for_function("window.asked", timeout=20_000)
        assert page.locator('select[aria-label="Open a view"]').count() == 1


def test_a_view_is_kept_under_a_name_and_opened_again(
    browser: Any, dashboard: Dashboard, tmp_path: Path
) -> None:
    with watched(browser, dashboard.url) as page:
        page.wait_for_selector("#front-chart .scatterlayer path")
        page.evaluate("optcell.choose(new Set([2, 3]), 'test'); optcell.pick(2)")
        page.fill('[aria-label="Name of this view"]', "two of them")
        page.get_by_role("button", name="Keep this view").click()
        page.wait_for_selector('select[aria-label="Open a view"]')
        page.evaluate("optcell.choose(null); optcell.pick(5)")
        page.select_option('select[aria-label="Open a view"]', "two of them")
        page.wait_for_function("optcell.state.picked === 2")
        assert page.evaluate("[...optcell.state.chosen]") == [2, 3]
    assert (tmp_path / "run" / "views.json").is_file()
    with watched(browser, f"{dashboard.address}#pick=4") as page:
        page.wait_for_function("window.optcell && optcell.current() && optcell.state.picked === 4")
        assert page.locator("#steer").is_hidden(), "without the token it is only looked at"
        assert page.locator('[aria-label="Name of this view"]').count() == 0


@pytest.mark.slow
@pytest.mark.usefixtures("cluster")
def test_a_real_search_is_followed_and_its_winner_taken_along(
    browser: Any, tmp_path: Path, tiny: str
) -> None:
    from optcell_search import search

    run = tmp_path / "run"
    options: dict[str, Any] = {
        "epochs": 2, "objectives": ["accuracy", "parameters"], "scheduler": "none",
    }  # fmt: skip
    searching = threading.Thread(
        target=search, args=(SPACE, tiny, 6, run), kwargs={**options, "workers": 1}
    )
    searching.start()
    while not (run / "study.db").is_file():
        searching.join(0.1)
        assert searching.is_alive() or (run / "study.db").is_file()
    dashboard = Dashboard([run])
    with watched(browser, dashboard.url) as page:
        page.wait_for_function("optcell.current() && optcell.current().ranked.size >= 6")
        searching.join()
        look_at(page, "take")
        page.wait_for_selector("#export-start:not([disabled])")
        picked = page.evaluate("optcell.state.picked")
        page.wait_for_function(f"document.getElementById('export-name').value == 'trial_{picked}'")
        page.fill("#export-name", "winner")
        page.click("#export-start")
        page.wait_for_selector('#says[data-state="working"]')
        page.wait_for_selector('#says[data-state="done"]', timeout=300_000)
        assert "Checked" in page.locator("#says").inner_text()
        page.locator("#take").screenshot(path=SCREENSHOTS / "export-done.png")
    dashboard.close()
    program = (
        "import sys; sys.path.insert(0, sys.argv[1]); import torch, winner_cell\n"
        "print(winner_cell.load()(torch.zeros(2, 3, 2)).shape[0])"
    )
    package = run / "exports" / "winner"
    done = subprocess.run(
        [sys.executable, "-I", "-c", program, str(package)], capture_output=True, text=True
    )
    assert done.stdout == "2\n", done.stderr
