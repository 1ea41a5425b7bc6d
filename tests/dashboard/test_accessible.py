"""axe's checks of accessibility, on the file and on the live page.

axe-core comes in a package of Python, which is a dependency of the tests alone.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from browsing import PATIENCE, VIEWS, browser, look_at, needs_browser
from ledgers import TWO
from reports import filled, report

__all__ = ["browser", "report"]

package = pytest.importorskip(
    "axe_playwright_python", reason="axe-playwright-python is not installed"
)
AXE = Path(package.__path__[0]) / "axe.min.js"
pytestmark = needs_browser
RUN = """async () => (await axe.run(document, {resultTypes: ["violations"]})).violations.flatMap(
    found => found.nodes.map(node => `${found.id}: ${node.html.slice(0, 200)}`))"""


def violations(browser: Any, url: str, width: int, scheme: str, views: tuple[str, ...]) -> Any:
    # The page lets in no script but its own; for axe the browser lets go of that.
    context = browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme=scheme, bypass_csp=True
    )
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    page.goto(url)
    page.wait_for_selector("#front-chart .plot-container")
    page.evaluate("optcell.pick(6); optcell.choose(new Set([4, 6, 9]), 'test')")
    for view in views:
        look_at(page, view)
    page.add_script_tag(path=AXE)
    found = page.evaluate(RUN)
    context.close()
    return found


@pytest.mark.parametrize(
    ("width", "scheme"), [(1280, "light"), pytest.param(390, "dark", marks=pytest.mark.slow)]
)
def test_the_file_has_no_violation(browser: Any, report: str, width: int, scheme: str) -> None:
    assert violations(browser, report, width, scheme, (*VIEWS, "diagnosis")) == []


def test_the_live_page_has_no_violation(browser: Any, tmp_path: Path) -> None:
    pytest.importorskip("dash", reason="dash is not installed")
    from optcell_search.dashboard.app.serve import Dashboard

    (tmp_path / "run").mkdir()
    filled(TWO, f"sqlite:///{tmp_path / 'run' / 'study.db'}")
    dashboard = Dashboard([tmp_path / "run"])
    found = violations(browser, dashboard.url, 1280, "dark", (*VIEWS, "steer"))
    dashboard.close()
    assert found == []
