"""A real browser for the tests of the dashboard, and what is watched while it is at work."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
needs_browser = pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine")
SCREENSHOTS = Path(__file__).parents[1] / "screenshots"
# In milliseconds; a busy machine draws slowly.
PATIENCE = 60_000
VIEWS = (
    "head", "front", "pairs", "growth", "many", "standings", "rules", "importance", "cell",
    "training", "timeline", "tested", "trials", "provenance",
)  # fmt: skip


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as running:
        launched = running.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"]
        )
        yield launched
        launched.close()


@contextmanager
def watched(browser: Any, url: str, *, width: int = 1280, scheme: str = "light") -> Iterator[Any]:
    """Open a page; in the end nothing may have complained, nor asked another machine."""
    context = browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme=scheme, accept_downloads=True
    )
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    said: list[str] = []
    asked: list[str] = []
    page.on("console", lambda m: said.append(m.text) if m.type == "error" else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(url)
    yield page
    own = ("file:", "data:", "blob:", "http://127.0.0.1:")
    context.close()
    assert said == []
    assert [address for address in asked if not address.startswith(own)] == []


def look_at(page: Any, name: str) -> None:
    """Scroll a view into sight, so that it is drawn."""
    page.locator(f"#{name}").scroll_into_view_if_needed()
    page.evaluate(f"document.getElementById('{name}').scrollIntoView()")
    page.wait_for_timeout(150)
    page.wait_for_function("optcell.views.every(view => !view.seen || !view.stale)")


def points(page: Any, chart: str) -> list[int]:
    """Return the numbers of the trials that a chart shows as chosen, or all where none is."""
    return sorted(
        page.evaluate(
            """chart => [...new Set(document.getElementById(chart).data.flatMap(trace => {
                const trials = (trace.customdata || []).filter(one => typeof one === "number");
                return trace.selectedpoints ? trace.selectedpoints.map(i => trials[i]) : trials;
            }))].filter(trial => trial !== undefined)""",
            chart,
        )
    )


def drag(page: Any, chart: str, start: tuple[float, float], end: tuple[float, float]) -> None:
    """Drag over a chart; places are shares of its inside, from the top left."""
    look_at(page, chart)
    inside = page.locator(f"#{chart} .nsewdrag").first.bounding_box()
    at = [
        (inside["x"] + x * inside["width"], inside["y"] + y * inside["height"])
        for x, y in (start, end)
    ]
    page.mouse.move(*at[0])
    page.mouse.down()
    page.mouse.move((at[0][0] + at[1][0]) / 2, (at[0][1] + at[1][1]) / 2)
    page.mouse.move(*at[1])
    page.mouse.up()
