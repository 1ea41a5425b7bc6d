"""The report in a real browser: it works without network, and says so on its console."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from ledgers import Ledger, candidate
from optuna.trial import TrialState

from optcell_search.dashboard import write_report

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine")

SCREENSHOTS = Path(__file__).parents[1] / "screenshots"
NASTY = "<img src=x onerror=document.title='hacked'>"


@pytest.fixture(scope="module")
def browser() -> Iterator[object]:
    with playwright.sync_playwright() as running:
        launched = running.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"]
        )
        yield launched
        launched.close()


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    ledger = Ledger({"accuracy": "maximize", "parameters": "minimize"})
    rules = ("gd", "heavy_ball", "nesterov", "adam", "rmsprop")
    for i in range(40):
        rule, cell = rules[i % 5], ("rnn", "gru", "lstm")[i % 3]
        of = candidate(cell, rule, s=0.05 * (1 + i), **({"mu": i / 50} if i % 5 == 1 else {}))
        final = 0.7 + 0.29 * (i * 7 % 40) / 40
        steps = [{"accuracy": final * e / 4, "loss": 1 - final * e / 4} for e in (1, 2, 3, 4)]
        ledger.add([final, 100.0 * (1 + i * 13 % 37)], of=of, epochs=steps)
    ledger.add(state=TrialState.FAIL, reason=NASTY, of=candidate(NASTY, "gd"))
    return write_report(ledger.study, tmp_path_factory.mktemp("report") / "report.html")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_the_page_works_alone_at_every_width(
    browser: playwright.Browser, report: Path, width: int, scheme: str
) -> None:
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page = context.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(report.as_uri())
    page.wait_for_selector("#pareto-0 .scatterlayer path")
    assert page.locator(".figure svg.main-svg").count() > 0
    assert page.locator(".figure:has(.plot-container)").count() == page.locator(".figure").count()
    assert not page.evaluate("document.documentElement.scrollWidth > innerWidth"), "it overflows"
    SCREENSHOTS.mkdir(exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"report-{width}-{scheme}.png", full_page=True)
    assert page.title() == "digits · optimizer_cells-digits-0123456789ab"
    assert said == []
    assert [url for url in asked if not url.startswith(("file:", "data:", "blob:"))] == []
    context.close()


def test_the_table_sorts_filters_and_downloads(browser: playwright.Browser, report: Path) -> None:
    context = browser.new_context(accept_downloads=True)
    page = context.new_page()
    page.goto(report.as_uri())
    rows = page.locator("#table tbody tr")
    assert rows.count() == 25
    page.click("#more")
    assert rows.count() == 41
    page.get_by_role("button", name="accuracy").click()
    page.get_by_role("button", name="accuracy").click()
    head = page.locator("#table th", has_text="accuracy")
    assert head.get_attribute("aria-sort") == "descending"
    shown = rows.locator("td:nth-child(5)").all_text_contents()
    numbers = [float(text) for text in shown if text]
    assert numbers == sorted(numbers, reverse=True)
    assert shown[-1] == "", "what is missing stands last"
    page.fill("#filter", "adam gru")
    assert 0 < rows.count() < 41
    assert all("adam" in text and "gru" in text for text in rows.all_text_contents())
    with page.expect_download() as download:
        page.click("#csv")
    lines = Path(download.value.path()).read_text(encoding="utf-8").splitlines()
    assert lines[0].startswith("trial,state,rule,cell,accuracy,parameters")
    assert len(lines) == 1 + rows.count()
    page.fill("#filter", "onerror")
    assert rows.first.locator("td").nth(3).text_content() == NASTY
    context.close()


def test_pointing_at_a_trial_shows_its_cell(browser: playwright.Browser, report: Path) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto(report.as_uri())
    page.wait_for_selector("#pareto-0 .scatterlayer path")
    page.locator("#pareto-0").scroll_into_view_if_needed()
    page.locator("#pareto-0 .scatterlayer .trace .points path").last.hover(force=True)
    text = page.locator("#pareto-0 .hoverlayer .hovertext").text_content()
    assert text is not None
    assert "trial" in text
    assert "×" in text
    page.close()
