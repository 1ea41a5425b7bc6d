"""The page as a place to work, in a real browser: its address, filters, charts of one's own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from browsing import browser, drag, look_at, needs_browser, points, watched
from ledgers import TWO, Ledger, candidate
from reports import report

from optcell_search.dashboard import write_report

__all__ = ["browser", "report"]
pytestmark = needs_browser

SETTLED = 400


def address(page: Any) -> str:
    page.wait_for_timeout(SETTLED)
    return str(page.evaluate("location.hash"))


def looked_at(page: Any) -> dict[str, Any]:
    """What a reload has to bring back."""
    found: dict[str, Any] = page.evaluate(
        """() => ({
            picked: optcell.state.picked,
            chosen: optcell.state.chosen ? [...optcell.state.chosen].sort((a, b) => a - b) : null,
            filter: document.getElementById("filter").value,
            axes: ["x", "y"].map(side => {
                const axis = document.getElementById("front-chart").layout[`${side}axis`];
                return [axis.title.text, axis.type];
            }),
            tools: [...document.querySelectorAll("#front-tools select")].map(box => box.value),
            charts: [...document.querySelectorAll("#pairs .figure")].map(one => one.ariaLabel),
            sorted: document.querySelector("#table [aria-sort]").innerText,
        })"""
    )
    return found


def test_reload_share_and_back_bring_back_what_was_looked_at(browser: Any, report: str) -> None:
    with watched(browser, report) as page:
        page.wait_for_selector("#front-chart .scatterlayer path")
        assert address(page) == "", "what is as it comes leaves the address alone"
        page.evaluate("optcell.pick(6)")
        assert address(page) == "#pick=6"
        tools = "#front-tools label:nth-of-type({}) :is(select, input)"
        page.select_option(tools.format(1), "training.lr")
        page.locator(tools.format(2)).click()
        page.select_option('#front-tools label:has-text("colour") select', "cell")
        page.select_option('#front-tools label:has-text("size") select', "loss")
        look_at(page, "pairs")
        page.click("#add-chart")
        page.select_option("#pair-0 label:nth-of-type(1) select", "epochs")
        look_at(page, "trials")
        page.locator("#table thead button", has_text="accuracy").click()
        page.fill("#filter", "rnn accuracy > 0.8")
        page.wait_for_selector("#clear")
        look_at(page, "pairs")
        look_at(page, "front")
        kept = address(page)
        before = looked_at(page)
        assert before["picked"] == 6
        assert before["charts"] == ["validation accuracy against epochs"]
        assert before["chosen"]
        page.reload()
        page.wait_for_selector("#front-chart .scatterlayer path")
        for view in ("pairs", "trials", "front"):
            look_at(page, view)
        assert looked_at(page) == before
        assert address(page) == kept
        page.evaluate("optcell.pick(9)")
        page.wait_for_function("location.hash.includes('pick=9')")
        page.go_back()
        page.wait_for_function("optcell.state.picked === 6")
        assert address(page) == kept
    with watched(browser, report + kept) as page:
        page.wait_for_selector("#front-chart .scatterlayer path")
        for view in ("pairs", "trials", "front"):
            look_at(page, view)
        assert looked_at(page) == before, "somebody else sees the same"


def test_an_address_that_says_nonsense_is_harmless(browser: Any, report: str) -> None:
    nonsense = (
        "#pick=999&chosen=a-b,7-3,4&x=no&y=~&z=*&charts=a~b,c,~&rules=x&filter=no>1"
        "&sort=&run=9&colour=no&columns=no&growth=no&metric=no"
    )
    with watched(browser, report + nonsense) as page:
        page.wait_for_selector("#front-chart .scatterlayer path")
        for view in ("pairs", "growth", "rules", "training", "trials"):
            look_at(page, view)
        assert page.evaluate("optcell.state.picked") is not None
        assert "There is no column “no”" in page.locator("#filter-says").inner_text()


def test_clear_takes_the_box_away_and_an_empty_box_can_be_undone(browser: Any, report: str) -> None:
    boxes = "document.getElementById('front-chart').layout.selections?.length || 0"
    with watched(browser, report) as page:
        page.wait_for_selector("#front-chart .scatterlayer path")
        drag(page, "front-chart", (0.02, 0.02), (0.5, 0.35))
        page.wait_for_selector("#clear")
        assert page.evaluate(boxes) == 1
        page.click("#clear")
        page.wait_for_selector("#clear", state="detached")
        assert page.evaluate(boxes) == 0
        everything = points(page, "front-chart")
        drag(page, "front-chart", (0.02, 0.95), (0.04, 0.99))
        page.wait_for_timeout(SETTLED)
        assert page.evaluate(boxes) == 0
        assert page.evaluate("optcell.state.chosen") is None
        assert points(page, "front-chart") == everything


@pytest.fixture(scope="module")
def trials(browser: Any, report: str) -> Iterator[Any]:
    """The page at its table of trials: filters follow one another there as they do for a user."""
    with watched(browser, report) as page:
        look_at(page, "trials")
        yield page


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("acuracy > 0.9", "There is no column “acuracy”; there is"),
        (
            "accuracy > high",
            "“high” is no number, and accuracy > needs one, such as 0.01 or 12,000.",
        ),
        ("accuracy >", "has nothing to compare with"),
        ("> 0.9", "has no column before its sign"),
        ("cell < 3", "cell holds words, which have no order; use = or !=."),
        ("accuracy > 2", "No trial passes this filter."),
    ],
)
def test_a_wrong_filter_says_why(trials: Any, text: str, says: str) -> None:
    trials.fill("#filter", text)
    trials.wait_for_function("document.getElementById('filter-says').textContent")
    assert says in trials.locator("#filter-says").inner_text()
    trials.locator("#filter").press("Escape")
    trials.fill("#filter", "")
    trials.wait_for_function("!document.getElementById('filter-says').textContent")


@pytest.mark.parametrize(
    ("text", "passes"),
    [
        ("accuracy>0.85", "accuracy > 0.85"),
        ("accuracy  >=  0.85 rnn", "accuracy >= 0.85 && cell === 'rnn'"),
        ("train_loss", "false"),
        ("rule = adam", "rule === 'adam'"),
        ("rule != adam", "rule !== 'adam'"),
        ("parameters < 1,000", "parameters < 1000"),
    ],
)
def test_a_filter_with_spaces_selects(trials: Any, text: str, passes: str) -> None:
    trials.fill("#filter", text)
    trials.wait_for_timeout(SETTLED)
    expected = trials.evaluate(
        f"""optcell.current().trials.filter(t => {{
            const of = name => optcell.current().value(t, name);
            const [accuracy, cell, rule, parameters] =
                ["accuracy", "cell", "rule", "parameters"].map(of);
            const holds = name => name !== null;
            return ({passes}) && (!/accuracy/.test({passes!r}) || holds(accuracy))
                && (!/parameters/.test({passes!r}) || holds(parameters));
        }})"""
    )
    chosen = trials.evaluate("optcell.state.chosen ? [...optcell.state.chosen] : []")
    assert sorted(chosen) == sorted(expected)
    assert trials.locator("#shown").inner_text().startswith(f"{len(expected)} of 61")


def test_the_title_is_the_tasks_name_and_numbers_are_as_people_write_them(
    browser: Any, tmp_path: Path
) -> None:
    ledger = Ledger(TWO, task="/home/me/data/energy use.csv:target=load")
    ledger.add([0.91234, 18950.0], of=candidate())
    ledger.add([0.8, 534.5], of=candidate("gru"))
    path = write_report(ledger.study, tmp_path / "numbers.html")
    with watched(browser, path.as_uri()) as page:
        page.wait_for_selector("#front-chart .scatterlayer path")
        assert page.locator("h1").inner_text() == "Which cell for energy use?"
        assert page.title().startswith("energy use · ")
        assert "18,950 parameters" in page.locator(".picks").inner_text().replace("\n", " ")
        ticks = page.evaluate("document.getElementById('front-chart').layout.xaxis.ticktext")
        assert "10,000" in ticks
        words = page.locator("#front-tools").inner_text()
        assert all(f"{axis} axis" in words for axis in "xyz")
        assert not {"across", "deep", "up"} & set(words.split())


def test_points_look_as_any_column_says(browser: Any, report: str) -> None:
    marks = """document.getElementById("front-chart").data
        .filter(trace => trace.customdata && trace.customdata.length)
        .flatMap(trace => trace.customdata.map((trial, i) => [
            trial, ...["color", "symbol", "size"].map(name =>
                [trace.marker[name]].flat().length > 1 ? trace.marker[name][i]
                    : [trace.marker[name]].flat()[0])]))"""
    with watched(browser, report) as page:
        page.wait_for_selector("#front-chart .scatterlayer path")
        page.select_option('#front-tools label:has-text("colour") select', "accuracy")
        page.select_option('#front-tools label:has-text("symbol") select', "cell")
        page.select_option('#front-tools label:has-text("size") select', "parameters")
        found = {trial: look for trial, *look in page.evaluate(marks)}
        value = "(trial => name => optcell.current().value(trial, name))"
        assert len(found) == 54
        for trial in (0, 1, 2, 3):
            accuracy = page.evaluate(f"{value}({trial})('accuracy')")
            assert found[trial][0] == pytest.approx(accuracy)
        symbols = {trial % 3: found[trial][1] for trial in (0, 1, 2)}
        assert len(set(symbols.values())) == 3
        assert all(look[1] == symbols[trial % 3] for trial, look in found.items())
        by_size = sorted(found, key=lambda trial: found[trial][2])
        amounts = [page.evaluate(f"{value}({trial})('parameters')") for trial in by_size]
        assert amounts == sorted(amounts)


def test_a_chart_is_one_stop_of_the_keyboard_and_its_arrows_walk_the_front(
    browser: Any, report: str
) -> None:
    with watched(browser, report) as page:
        page.wait_for_selector("#front-chart .scatterlayer path")
        page.locator("#front-chart").focus()
        first = page.evaluate("optcell.state.picked")
        page.keyboard.press("ArrowRight")
        assert page.evaluate("optcell.state.picked") != first
        page.keyboard.press("ArrowLeft")
        assert page.evaluate("optcell.state.picked") == first
        inside = page.locator('#front-chart :is(a, button, [tabindex="0"]):not([tabindex="-1"])')
        assert inside.count() == 0
        assert page.locator('.modebar-btn[data-title^="Share"]').count() == 0
