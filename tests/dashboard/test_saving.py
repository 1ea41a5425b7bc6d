"""Charts and tables that leave the page, in a real browser: files and paper."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import pytest
from browsing import SCREENSHOTS, browser, look_at, needs_browser, watched
from reports import report

__all__ = ["browser", "report"]
pytestmark = needs_browser

CHARTS = ("front", "growth", "parallel", "standings", "rule-0", "curves", "timeline")


def saved(page: Any, chart: str, kind: str) -> bytes:
    with page.expect_download() as waiting:
        page.locator(f"#{chart}-says + select.save").select_option(kind)
    assert waiting.value.suggested_filename.endswith(f".{kind}")
    return Path(waiting.value.path()).read_bytes()


def rows(data: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(data.decode("utf-8"))))


@pytest.mark.parametrize("scheme", [pytest.param("light", marks=pytest.mark.slow), "dark"])
def test_a_chart_is_saved_for_paper_whatever_the_screen(
    browser: Any, report: str, scheme: str
) -> None:
    with watched(browser, report, scheme=scheme) as page:
        page.wait_for_selector("#front-chart .scatterlayer path")
        drawing = saved(page, "front-chart", "svg").decode("utf-8")
        assert 'width="720"' in drawing
        assert "validation accuracy" in drawing
        assert "rgb(27, 31, 36)" in drawing, "ink of the light page"
        assert "rgb(230, 233, 237)" not in drawing, "ink of the dark page"
        picture = saved(page, "front-chart", "png")
        assert picture[:8] == b"\x89PNG\r\n\x1a\n"
        assert int.from_bytes(picture[16:20]) == 3 * 720


def test_the_data_of_every_chart_can_be_saved(browser: Any, report: str) -> None:
    with watched(browser, report) as page:
        for view in ("growth", "many", "standings", "rules", "training", "timeline", "front"):
            look_at(page, view)
        found = {c: rows(saved(page, c if c[-1] == "0" else f"{c}-chart", "csv")) for c in CHARTS}
        front = [row for row in found["front"] if row["trial"]]
        assert len(front) == 54
        for row in front[:5]:
            value = f"optcell.current().value({row['trial']}, "
            assert float(row["validation accuracy"]) == page.evaluate(f"{value}'accuracy')")
            assert float(row["parameters"]) == page.evaluate(f"{value}'parameters')")
            assert row["series"] == page.evaluate(f"{value}'rule')")
        assert len(found["parallel"]) == 54
        assert {"epoch", "validation accuracy"} <= set(found["curves"][0])
        assert all(found[chart] for chart in CHARTS)


def test_a_formula_is_kept_from_a_spreadsheet_and_a_score_is_left_as_it_is(
    browser: Any, report: str
) -> None:
    scores = ["-0.123", "-0.123 ± 0.01", "-0.123 (-0.2 to -0.1)", "-1e-5 ± 2e-6"]
    with watched(browser, report) as page:
        page.wait_for_selector("#front-chart .scatterlayer path")
        text = page.evaluate(
            "cells => optcell.asCsv([cells])", [*scores, "=1+1", "-cmd|' /C x'!A0"]
        )
    assert next(csv.reader(io.StringIO(text))) == [*scores, "'=1+1", "'-cmd|' /C x'!A0"]


def test_tables_are_saved_as_latex_and_markdown(browser: Any, report: str) -> None:
    with watched(browser, report) as page:
        look_at(page, "trials")
        page.fill("#filter", "heavy_ball")
        page.wait_for_selector("#clear")

        def table(kind: str) -> str:
            with page.expect_download() as waiting:
                page.select_option('[aria-label="Save the table of trials"]', kind)
            return Path(waiting.value.path()).read_text(encoding="utf-8")

        latex, markdown = table("tex"), table("md")
        assert latex.count("\\\\\n") == 1 + 12
        assert "heavy\\_ball" in latex
        assert "\\toprule" in latex
        lines = markdown.splitlines()
        assert len(lines) == 2 + 12
        assert set(lines[1]) <= set("|-:")
        assert all(line.count("|") == lines[0].count("|") for line in lines)


def test_printing_draws_everything_and_fits_the_paper(browser: Any, report: str) -> None:
    SCREENSHOTS.mkdir(exist_ok=True)
    with watched(browser, report, scheme="dark") as page:
        page.wait_for_selector("#front-chart .scatterlayer path")
        assert page.locator("#provenance.drawn").count() == 0, "not scrolled to yet"
        paper = page.pdf(format="A4")
        assert paper[:4] == b"%PDF"
        (SCREENSHOTS / "page.pdf").write_bytes(paper)
        page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
        page.wait_for_timeout(500)
        assert page.locator("main > section:not(.drawn):not([hidden])").count() == 0
        assert page.locator(".figure:not(:has(.plot-container))").count() == 0
        assert page.locator("#table tbody tr").count() == 61
        # A chart that nobody has asked for leaves no heading on the paper.
        assert page.locator("#pairs").is_hidden()
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == (
            "rgb(255, 255, 255)"
        )
        wide = page.evaluate(
            """[...document.querySelectorAll("table, .figure, pre, p")].filter(
                one => one.getBoundingClientRect().width > 700
            ).map(one => one.outerHTML.slice(0, 90))"""
        )
        page.screenshot(path=SCREENSHOTS / "paper.png", full_page=True)
        assert wide == []
        page.evaluate("window.dispatchEvent(new Event('afterprint'))")
        page.wait_for_timeout(300)
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == (
            "rgb(20, 23, 28)"
        )
        assert page.locator("#table tbody tr").count() == 25
