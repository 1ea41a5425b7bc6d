"""The one file in a real browser, at work: one selection in every view, copies, the table."""

from __future__ import annotations

import csv
import tomllib
from pathlib import Path
from typing import Any

import pytest
from browsing import browser, drag, look_at, needs_browser, points, watched
from ledgers import TWO, Ledger, candidate
from optuna.trial import FrozenTrial, create_trial
from reports import NASTY, RULES, report

from optcell_search.dashboard import write_report
from optcell_search.space import Candidate, SearchSpace

__all__ = ["browser", "report"]
pytestmark = needs_browser


def test_a_box_on_the_front_selects_in_every_view(browser: Any, report: str) -> None:
    with watched(browser, report) as page:
        page.wait_for_selector("#front-chart .scatterlayer path")
        drag(page, "front-chart", (0.02, 0.02), (0.5, 0.35))
        page.wait_for_selector("#clear")
        chosen = set(page.evaluate("[...optcell.state.chosen]"))
        assert 0 < len(chosen) < 54
        assert set(points(page, "front-chart")) == chosen
        look_at(page, "rules")
        assert {n for i in range(5) for n in points(page, f"rule-{i}")} == chosen
        look_at(page, "trials")
        shown = page.locator("#shown").inner_text()
        assert shown == f"{len(chosen)} of 61 trials, selected"
        look_at(page, "training")
        assert (
            f"the {len(chosen)} selected trial" in page.locator("#curves-chart-says").inner_text()
        )
        page.keyboard.press("Escape")
        page.wait_for_selector("#clear", state="detached")
        look_at(page, "trials")
        assert page.locator("#shown").inner_text() == "61 of 61 trials"


def test_a_click_picks_and_the_cell_follows(browser: Any, report: str) -> None:
    with watched(browser, report) as page:
        page.wait_for_selector("#front-chart .scatterlayer path")
        look_at(page, "trials")
        page.locator('#table button[title="Pick trial 6"]').click()
        look_at(page, "cell")
        assert "Trial 6" in page.locator("#cell-about").inner_text()
        assert page.locator(".diagram").get_attribute("aria-label").startswith("x, weights, z")
        impulse = page.evaluate("document.getElementById('impulse-chart').data[1].y.slice(0, 3)")
        # Trial 6: heavy ball with mu = 42/64 and s = 0.35.
        assert impulse == pytest.approx([0.35, 0.35 * 42 / 64, 0.35 * (42 / 64) ** 2], rel=1e-3)
        plain = page.evaluate("document.getElementById('impulse-chart').data[0].y.slice(0, 3)")
        assert plain == [1, 0, 0]
        drawn = page.evaluate("document.getElementById('gradient-chart').data")
        assert [trace["customdata"][0] for trace in drawn] == [0, 6], "beside the plain cell"
        assert drawn[1]["x"] == [1, 2, 3, 5, 9, 17, 28]
        assert drawn[1]["y"] == pytest.approx([1.1 * 0.9 ** (x - 1) for x in drawn[1]["x"]], 1e-4)
        assert "27 back, it falls to 5.81 %" in page.locator("#gradient-chart-says").inner_text()
        page.evaluate("optcell.pick(9)")
        page.wait_for_selector("#gradient-chart", state="detached")
        assert "when a trial completes" in page.locator("#cell-gradient").inner_text()
        page.locator('#bar [aria-label="Next on the front"]').focus()
        page.keyboard.press("Enter")
        first = page.evaluate("optcell.state.picked")
        page.keyboard.press("Enter")
        assert page.evaluate("optcell.state.picked") != first, "the button keeps the focus"
        assert page.evaluate("optcell.current().front.includes(optcell.state.picked)")


def test_copies_are_that_very_candidate(browser: Any, report: str) -> None:
    with watched(browser, report) as page:
        for trial in (0, 6, 7):
            toml = page.evaluate(f"optcell.asToml(optcell.current(), {trial})")
            python = page.evaluate(f"optcell.asPython(optcell.current(), {trial})")
            i, options = trial, {"s": 0.05 * (1 + trial)}
            if RULES[i % 5] in ("heavy_ball", "adam"):
                options["mu"] = (i * 7 % 60) / 64
            cell = ("rnn", "gru", "lstm")[i % 3]
            known = Candidate.from_dict(candidate(cell, RULES[i % 5], **options))
            space = SearchSpace.from_dict(tomllib.loads(toml), where="copied")
            assert space.sample(seed=0).key == known.key
            lines = python.rpartition("model = ")[0]
            found: dict[str, Any] = {}
            exec(lines, found)
            assert found["candidate"].key == known.key


def test_a_copy_keeps_the_penalties(browser: Any, tmp_path: Path) -> None:
    ledger = Ledger({"rmse": "minimize"}, task="lake")
    penalties = {"density_inversion": {"weight": 12.5}, "energy_imbalance": {"weight": 0.25}}
    known = Candidate.from_dict({**candidate("lstm", "adam"), "penalty": penalties})
    ledger.add([1.5], of=known.to_dict())
    ledger.add([1.6], of=Candidate.from_dict(candidate("lstm", "adam")).to_dict())
    path = write_report(ledger.study, tmp_path / "lake.html")
    with watched(browser, path.as_uri()) as page:
        page.wait_for_selector("#front-chart .points path")
        space = tomllib.loads(page.evaluate("optcell.asToml(optcell.current(), 0)"))
        assert space["penalty"] == known.to_dict()["penalty"]
        assert SearchSpace.from_dict(space, where="copied").sample(seed=0).key == known.key
        lines = page.evaluate("optcell.asPython(optcell.current(), 0)").rpartition("model = ")[0]
        found: dict[str, Any] = {}
        exec(lines, found)
        assert found["candidate"].key == known.key
        assert "penalty" not in page.evaluate("optcell.asToml(optcell.current(), 1)")
        look_at(page, "cell")
        assert "weight 12.5" in page.locator("#cell-about").inner_text()


def in_image(page: Any, layer: int) -> set[int]:
    """Return the trials that a layer of the timeline shows: 0 those left out, 1 the chosen ones."""
    found = page.evaluate(
        f"document.getElementById('timeline-chart').data[{layer}].customdata.flat()"
    )
    return {trial for trial in found if trial is not None}


def test_the_timeline_shows_the_chosen_and_more_when_closer(browser: Any, report: str) -> None:
    with watched(browser, report) as page:
        look_at(page, "timeline")
        page.wait_for_selector("#timeline-chart .plot-container")
        assert in_image(page, 1) == set(range(61))
        assert in_image(page, 0) == set()
        page.evaluate("optcell.choose(new Set([3, 4, 9]), 'test')")
        look_at(page, "timeline")
        assert in_image(page, 1) == {3, 4, 9}
        assert in_image(page, 0) == set(range(61)) - {3, 4, 9}
        # A trial starts every ten seconds; minutes are the unit.
        page.evaluate(
            "Plotly.relayout('timeline-chart', {'xaxis.range[0]': 0, 'xaxis.range[1]': 0.99})"
        )
        page.wait_for_function(
            "!document.getElementById('timeline-chart').data[0].customdata.flat().includes(30)"
        )
        assert in_image(page, 1) == {3, 4}
        assert in_image(page, 0) == {0, 1, 2, 5}


def test_where_lines_are_too_many_a_range_still_selects_among_all(
    browser: Any, tmp_path: Path
) -> None:
    ledger = Ledger(TWO)
    ledger.study.add_trials(_many(900))
    path = write_report(ledger.study, tmp_path / "many.html")
    with watched(browser, path.as_uri()) as page:
        look_at(page, "many")
        page.wait_for_selector("#parallel-chart canvas")
        drawn = "document.getElementById('parallel-chart').data[0].line.color"
        assert page.evaluate(f"{drawn}.length") <= 400
        assert "of 900 trials" not in page.locator("#parallel-chart-says").inner_text()
        assert "of 900, selected" in page.locator("#parallel-chart-says").inner_text()
        page.evaluate("optcell.choose(new Set([500, 501, 502]), 'test')")
        look_at(page, "many")
        assert page.evaluate(f"{drawn}.filter(tone => tone > 0).length") == 3
        page.evaluate(
            """() => {
                const chart = document.getElementById("parallel-chart");
                const axes = chart.data[0].dimensions.map(one => one.label.includes("accuracy"));
                const name = `dimensions[${axes.indexOf(true)}].constraintrange`;
                return Plotly.restyle(chart, {[name]: [[0.5, 0.6999]]});
            }"""
        )
        page.wait_for_function("optcell.state.from === 'parallel-chart'")
        assert page.evaluate("optcell.state.chosen.size") == 360


def _many(amount: int) -> list[FrozenTrial]:
    """Return trials of an accuracy from 0.5 to 1, as one call takes them."""
    template = candidate()
    return [
        create_trial(
            values=[0.5 + 0.5 * i / amount, 100.0 + i],
            user_attrs={
                "candidate": template, "key": f"{i:016x}", "seed": i, "repeat": 0,
                "metrics": {"accuracy": 0.5 + 0.5 * i / amount, "parameters": 100.0 + i},
            },
        )
        for i in range(amount)
    ]  # fmt: skip


def test_the_table_sorts_filters_chooses_columns_and_downloads(browser: Any, report: str) -> None:
    with watched(browser, report) as page:
        look_at(page, "trials")
        page.fill("#filter", "adam accuracy > 0.85")
        page.wait_for_selector("#clear")
        rows = page.evaluate(
            "[...optcell.state.chosen].map(t => [optcell.current().value(t, 'rule'), "
            "optcell.current().value(t, 'accuracy')])"
        )
        assert rows
        assert all(rule == "adam" and accuracy > 0.85 for rule, accuracy in rows)
        page.fill("#filter", "accuracy > 0,85")
        page.wait_for_function("document.body.innerText.includes('“0,85” is no number')")
        page.fill("#filter", "accuracy = 0,9")
        page.wait_for_function("document.body.innerText.includes('“0,9” is no number')")
        page.fill("#filter", "adam accuracy > 0.85")
        look_at(page, "front")
        assert set(points(page, "front-chart")) == set(page.evaluate("[...optcell.state.chosen]"))
        page.click("#clear")
        look_at(page, "trials")
        page.locator("#table thead button", has_text="accuracy").click()
        page.locator("#table thead button", has_text="accuracy").click()
        assert page.locator('#table th[aria-sort="descending"]').inner_text().startswith("accuracy")
        top = page.locator("#table tbody tr").first.get_attribute("data-trial")
        best = page.evaluate(
            "Math.max(...optcell.current().trials.map(t => optcell.current().value(t, 'accuracy')))"
        )
        assert page.evaluate(f"optcell.current().value({top}, 'accuracy')") == best
        page.click("#columns summary")
        page.get_by_label("latency", exact=False).count()
        page.locator("#columns label", has_text="worker").locator("input").check()
        assert page.locator("#table thead button", has_text="worker").count() == 1
        with page.expect_download() as waiting:
            page.select_option('[aria-label="Save the table of trials"]', "csv")
        with Path(waiting.value.path()).open(newline="", encoding="utf-8") as file:
            lines = list(csv.DictReader(file))
        assert len(lines) == 61
        failed = next(line for line in lines if line["state"] == "FAIL")
        assert failed["reason"] == NASTY


def test_brushing_an_axis_of_the_parallel_coordinates_selects(browser: Any, report: str) -> None:
    with watched(browser, report) as page:
        look_at(page, "many")
        page.wait_for_selector("#parallel-chart .parcoords")
        area = page.locator("#parallel-chart .axis-brush .background").last.bounding_box()
        x = area["x"] + area["width"] / 2
        page.mouse.move(x, area["y"] + 5)
        page.mouse.down()
        page.mouse.move(x, area["y"] + 0.2 * area["height"])
        page.mouse.move(x, area["y"] + 0.3 * area["height"])
        page.mouse.up()
        page.wait_for_selector("#clear")
        rows = page.evaluate(
            "[...optcell.state.chosen].map(t => optcell.current().value(t, 'accuracy'))"
        )
        assert 0 < len(rows) < 54
        every = page.evaluate(
            "[...optcell.current().ranked].map(t => optcell.current().value(t, 'accuracy'))"
        )
        assert sorted(rows) == sorted(row for row in every if min(rows) <= row <= max(rows))
