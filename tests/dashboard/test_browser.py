"""The one file in a real browser: every view is drawn, no network, no complaint."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from browsing import SCREENSHOTS, VIEWS, browser, look_at, needs_browser, watched
from ledgers import TWO, Ledger, candidate
from optuna.trial import TrialState
from reports import NASTY, filled, report
from tables import made_up

from optcell_search.dashboard import write_report

__all__ = ["browser", "report"]
pytestmark = needs_browser


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_every_view_is_drawn_at_every_width(
    browser: Any, report: str, width: int, scheme: str
) -> None:
    SCREENSHOTS.mkdir(exist_ok=True)
    with watched(browser, report, width=width, scheme=scheme) as page:
        page.wait_for_selector("#front-chart .scatterlayer path")
        # In the pictures it would lie over what they show.
        page.evaluate("document.getElementById('bar').style.position = 'static'")
        for name in VIEWS:
            look_at(page, name)
            page.locator(f"#{name}").screenshot(path=SCREENSHOTS / f"{name}-{width}-{scheme}.png")
        assert page.locator(".figure:not(:has(.plot-container))").count() == 0
        assert page.locator(".figure").count() >= 10
        assert not page.evaluate("document.documentElement.scrollWidth > innerWidth"), "too wide"
        assert page.title().startswith("<img"), "a name from the run is text"
        assert page.locator("img").count() == 0
        assert NASTY in page.locator("h1").inner_text()
        assert NASTY in page.locator("#failures").inner_text()
        assert page.locator("#tested td.test").all_inner_texts() == ["0.4", "0.2"]
        assert "for trial 0: feed-forward" in page.locator("#tested tr").nth(2).inner_text()


@pytest.mark.parametrize(
    ("width", "scheme"), [(1280, "dark"), pytest.param(390, "light", marks=pytest.mark.slow)]
)
def test_five_objectives_have_a_matrix(
    browser: Any, tmp_path: Path, width: int, scheme: str
) -> None:
    names = {**TWO, "loss": "minimize", "latency_ms": "minimize", "train_seconds": "minimize"}
    path = write_report(filled(names).study, tmp_path / "five.html")
    with watched(browser, path.as_uri(), width=width, scheme=scheme) as page:
        look_at(page, "many")
        page.wait_for_selector("#matrix-chart .plot-container")
        page.locator("#many").screenshot(path=SCREENSHOTS / f"matrix-{width}-{scheme}.png")
        look_at(page, "front")
        page.select_option("#front-tools label:nth-of-type(5) select", "loss")
        page.wait_for_selector("#front-chart .gl-container canvas")
        page.locator("#front").screenshot(path=SCREENSHOTS / f"deep-{width}-{scheme}.png")
        page.screenshot(path=SCREENSHOTS / f"page-{width}-{scheme}.png", full_page=True)


@pytest.mark.parametrize("trials", ["none", "one", "failed"])
def test_there_are_words_where_there_is_little_to_show(
    browser: Any, tmp_path: Path, trials: str
) -> None:
    ledger = Ledger(TWO)
    if trials == "one":
        ledger.add([0.9, 10.0])
    elif trials == "failed":
        ledger.add(state=TrialState.FAIL, reason="worker died")
    path = write_report(ledger.study, tmp_path / "little.html")
    with watched(browser, path.as_uri()) as page:
        assert page.locator(".message").inner_text()
        for name in VIEWS:
            look_at(page, name)
            assert len(page.locator(f"#{name}").inner_text()) > 20, f"{name} says nothing"


def test_runs_side_by_side(browser: Any, tmp_path: Path) -> None:
    places = []
    for name in ("one", "other"):
        folder = tmp_path / name
        folder.mkdir()
        own = {"seed": 3, "space": {"cells": ["lstm", "gru"]}} if name == "other" else {}
        same = {"space": {"cells": ["lstm"]}} | own
        ledger = Ledger(TWO, f"sqlite:///{folder / 'study.db'}", run_id=name, **same)
        ledger.add([0.9, 10.0], of=candidate("gru", "gd", s=0.5))
        ledger.add([0.8, 5.0 + len(name)], of=candidate("gru", "gd", s=0.7))
        places.append(folder)
    path = write_report(places, tmp_path / "both.html")
    with watched(browser, path.as_uri()) as page:
        assert page.locator("#compare-table tbody tr").count() == 2
        assert page.locator("#compare-differ tbody tr").all_inner_texts() == [
            "space\tcells\tlstm\tlstm, gru", "request\tseed\t0\t3"
        ]  # fmt: skip
        page.locator("#compare").screenshot(path=SCREENSHOTS / "compare-1280-light.png")
        page.locator("#compare-table tbody button").nth(1).click()
        assert "other" in page.locator(".eyebrow").inner_text()
        assert page.evaluate("optcell.current().name") == "other"


@pytest.mark.parametrize(
    ("width", "scheme"), [(1280, "light"), pytest.param(390, "dark", marks=pytest.mark.slow)]
)
def test_mistakes_on_the_test_split_are_drawn(
    browser: Any, report: str, width: int, scheme: str
) -> None:
    with watched(browser, report, width=width, scheme=scheme) as page:
        look_at(page, "diagnosis")
        page.wait_for_selector("#forecast-1-chart .scatterlayer path")
        figures = page.locator("#diagnosis .sketches figure")
        assert figures.count() == 2
        assert page.locator("#diagnosis .sketches polyline").count() == 2, "one has no picture"
        said = figures.nth(0).inner_text()
        assert "Test sequence 3: " in said
        assert "90 % sure of; the truth had under 0.1 %." in said
        lines = page.locator("#diagnosis .sketches polyline").first.get_attribute("points")
        assert lines.split() == ["4.0,86.0", "110.0,4.0", "216.0,45.0"]
        forecast = page.evaluate("document.getElementById('forecast-1-chart').data.map(t => t.y)")
        assert forecast == [[1, 2, 1.5], [1.1, 1.8, 1.5]]
        page.locator("#diagnosis").screenshot(path=SCREENSHOTS / f"mistakes-{width}-{scheme}.png")


def test_what_needs_no_input_is_said_and_drawn(browser: Any, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    ledger = filled(TWO, f"sqlite:///{folder / 'study.db'}")
    known = '{"chance": {"accuracy": 0.65}}'
    (folder / "task.json").write_text(known, encoding="utf-8")
    record = {"seeds": [1], "epochs": 1, "validation": {}, "test": {"accuracy": [0.5]}}
    told = {"kind": "confusion", "classes": ["a", "b"], "matrix": [[1, 0], [0, 1]]}
    record["diagnosis"] = {**told, "chance": {"accuracy": 0.6}}
    ledger.study.set_user_attr("finalized:0", record)
    path = write_report(folder, tmp_path / "report.html")
    with watched(browser, path.as_uri()) as page:
        said = page.locator("#without").inner_text()
        assert said.endswith("has accuracy 0.65 (validation) and accuracy 0.6 (test).")
        look_at(page, "front")
        line = "document.getElementById('front-chart').layout.shapes.map((s) => [s.y0, s.y1])"
        assert page.evaluate(line) == [[0.65, 0.65]]
        look_at(page, "tested")
        assert page.locator("#no-input").inner_text().split()[-1] == "0.6"


def test_of_many_trials_what_points_say_comes_after_the_first_view(
    browser: Any, tmp_path: Path
) -> None:
    ledger = filled(TWO)
    template = ledger.study.get_trials(deepcopy=False)[0]
    ledger.study.add_trials([template] * 1500)
    path = write_report(ledger.study, tmp_path / "many.html")
    with watched(browser, path.as_uri()) as page:
        look_at(page, "front")
        texts = "document.getElementById('front-chart').data.flatMap((t) => t.text || [])"
        page.wait_for_function(f"{texts}.every((text) => text.includes('validation accuracy: '))")
        assert len(page.evaluate(texts)) > 1500


def test_the_page_of_a_simulated_run_advises_nothing_that_trains(
    browser: Any, tmp_path: Path
) -> None:
    run = made_up(tmp_path / "some.parquet", held=20).simulate(trials=12, out=tmp_path / "run")
    with watched(browser, run.report().as_uri()) as page:
        for name in ("head", "cell", "tested", "provenance"):
            look_at(page, name)
        shown = page.locator("body").inner_text()
        commands = re.findall("optcell-search [a-z]+", shown)
        assert commands == ["optcell-search simulate"]
        assert "simulated on table some, whose test scores no search sees" in shown
        assert "finalize" not in page.locator("#head").inner_text()


def test_a_search_under_way_shows_how_far_it_is(browser: Any, tmp_path: Path) -> None:
    ledger = Ledger(TWO, num_trials=8, epochs=4)
    ledger.add([0.9, 1.0], epochs=[{"accuracy": 0.1, "loss": 1.0}])
    ledger.add(state=TrialState.RUNNING, epochs=[{"accuracy": 0.1, "loss": 1.0}])
    ledger.study.set_user_attr("searched_seconds", 30.0)
    path = write_report(ledger.study, tmp_path / "running.html")
    with watched(browser, path.as_uri()) as page:
        said = page.locator("#progress").inner_text()
        assert "1 of 8 trials done, 30 s spent, about 3.5 min left." in said
        assert "host:1: trial 1, epoch 1 of 4" in said
        assert page.locator("#progress progress").get_attribute("value") == "0.125"
        page.locator("#head").screenshot(path=SCREENSHOTS / "progress.png")
