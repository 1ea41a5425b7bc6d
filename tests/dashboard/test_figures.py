"""The page's charts as plotly figures, and as files."""

from __future__ import annotations

import copy
import json
import pickle
import shutil
from pathlib import Path
from typing import Any

import plotly.io
import pytest
from ledgers import TWO, Ledger, candidate, data_of, in_folder, two_objectives
from optuna.trial import TrialState
from reports import filled

from optcell_search.dashboard import figures as plots
from optcell_search.dashboard.figures.figure import axis
from optcell_search.dashboard.info import front, importance
from optcell_search.dashboard.inline import show


def trace(figure: Any, name: str) -> Any:
    (found,) = [one for one in figure.data if one.name == name]
    return found


def test_the_front_is_that_of_its_info_object() -> None:
    ledger = two_objectives()
    figure = plots.plot_front(ledger.study)
    assert figure.info == front.front(data_of(ledger))
    line = trace(figure, "front")
    assert list(zip(line.x, line.y, strict=True)) == [(1.0, 0.1), (10.0, 0.8), (100.0, 0.9)]
    large = {n for one in figure.data if one.marker.size == 12 for n in one.customdata}
    assert large == {0, 1, 3}
    assert list(trace(figure, "knee: trial 1").x) == [10.0]
    assert (figure.layout.xaxis.title.text, figure.layout.xaxis.type) == ("parameters", "log")
    assert list(figure.layout.xaxis.tickvals) == [1, 2, 5, 10, 20, 50, 100]


def test_the_spread_over_repeats_is_a_bar_through_the_points_of_the_front() -> None:
    ledger = Ledger(TWO, repeats=3)
    ledger.add([0.9, 100.0], of=candidate("lstm", "adam"), spread={"accuracy": 0.02})
    ledger.add([0.8, 200.0], of=candidate("lstm", "gd"), spread={"accuracy": 0.03})
    best, beaten = (
        next(one for one in plots.plot_front(ledger.study).data if one.name == rule)
        for rule in ("adam", "gd")
    )
    assert list(best.error_y.array) == [0.02]
    assert best.error_x.array is None
    assert beaten.error_y.array is None


def test_any_two_columns_can_be_chosen() -> None:
    figure = plots.plot_front(two_objectives().study, x="number", y="training.lr")
    assert figure.layout.xaxis.title.text == "trial"
    with pytest.raises(ValueError, match=r"no column of numbers 'cell'; valid: number, "):
        plots.plot_front(two_objectives().study, x="cell")


@pytest.mark.parametrize("objectives", [{"accuracy": "maximize"}, TWO])
def test_a_run_without_a_trial_says_that_none_is_ranked(objectives: dict[str, str]) -> None:
    study = Ledger(objectives).study
    assert "No trial is ranked yet." in plots.plot_front(study).to_json()
    assert plots.figures(study) == {}


def test_curves_of_the_front_are_strong() -> None:
    figure = plots.plot_training(filled(TWO).study)
    curves = [one for one in figure.data if one.x[0] is not None]
    assert len(curves) == 60
    assert figure.info.metrics[0] == "accuracy"
    data = data_of(filled(TWO))
    assert sum(one.line.width == 2.5 for one in curves) == len(data.front)
    with pytest.raises(ValueError, match=r"no learning curves of 'speed'; valid: accuracy, loss"):
        plots.plot_training(filled(TWO).study, "speed")


def test_rules_and_importances_have_their_numbers_behind_them() -> None:
    ledger = filled(TWO)
    rules = plots.plot_rules(ledger.study)
    assert {row.name for row in rules.info.rows if row.kind == "rule"} == {
        "gd", "heavy_ball", "nesterov", "adam", "rmsprop",
    }  # fmt: skip
    assert len(rules.data) == len(rules.info.rows)
    assert list(rules.data[-1].x) == [rules.info.rows[0].early.mean], "the best is at the top"
    bars = plots.plot_importances(ledger.study)
    assert bars.info == importance.importances(data_of(ledger))
    assert [tuple(one.x) for one in bars.data] == [group.shares for group in bars.info]


def test_growth_is_along_trials_or_time() -> None:
    ledger = two_objectives()
    assert list(plots.plot_growth(ledger.study).data[0].x) == [1, 2, 3, 4]
    assert list(plots.plot_growth(ledger.study, seconds=True).data[0].x) == [7, 17, 27, 37]


def test_a_figure_keeps_its_info_when_copied_and_no_button_leads_elsewhere() -> None:
    figure = plots.plot_front(two_objectives().study)
    assert copy.deepcopy(figure).info == figure.info
    assert pickle.loads(pickle.dumps(figure)).info == figure.info
    assert "sendChartToCloud" in figure.layout.modebar.remove


def test_a_run_is_named_by_its_folder_or_by_what_has_one(tmp_path: Path) -> None:
    class Opened:
        directory = tmp_path / "run"

    in_folder(tmp_path / "run", TWO).add([0.9, 10.0])
    assert plots.plot_front(tmp_path / "run").info.numbers == (0,)
    assert plots.plot_front(Opened()).info.numbers == (0,)
    with pytest.raises(FileNotFoundError, match="no run here"):
        plots.plot_front(tmp_path / "none")


@pytest.mark.parametrize("trials", ["none", "failed"])
def test_where_there_is_nothing_there_are_no_figures(trials: str) -> None:
    ledger = Ledger(TWO)
    if trials == "failed":
        ledger.add(state=TrialState.FAIL, reason="worker died")
    assert plots.figures(ledger.study) == {}
    assert plots.plot_front(ledger.study).info.numbers == ()


@pytest.mark.parametrize("trials", [0, 7])
def test_a_figure_of_nothing_says_why(trials: int) -> None:
    ledger = Ledger(TWO)
    for i in range(trials):
        ledger.add([0.1 * i, 10.0], of=candidate("lstm", "gd", s=1.0 + i))
    (note,) = plots.plot_importances(ledger.study).layout.annotations
    assert note.text == f"What matters can be told from 20 ranked trials on; so far: {trials}."
    if not trials:
        for plot in (plots.plot_front, plots.plot_growth, plots.plot_rules, plots.plot_training):
            (note,) = plot(ledger.study).layout.annotations
            assert note.text.startswith("No ")


def test_where_most_trials_are_the_best_nothing_decides_and_nobody_is_warned() -> None:
    ledger = Ledger(TWO)
    for i in range(40):
        ledger.add([1.0, 10.0], of=candidate("lstm", "heavy_ball", s=0.1 + i, mu=i / 64))
    (group, *_) = plots.plot_importances(ledger.study).info
    assert group.shares == (0.0,) * len(group.names) or len(set(group.shares)) == 1


def test_of_trials_that_are_all_alike_nothing_matters() -> None:
    ledger = Ledger(TWO)
    for i in range(20):
        ledger.add([0.1 * i, 10.0])
    (note,) = plots.plot_importances(ledger.study).layout.annotations
    assert note.text == "The ranked trials differ in no hyperparameter that 20 of them have."


@pytest.mark.parametrize("in_folds", [False, True])
def test_what_needs_no_input_is_a_line_where_it_is_near(tmp_path: Path, in_folds: bool) -> None:
    folder = tmp_path / "run"
    ledger = in_folder(folder, {"mae": "minimize", "loss": "minimize"})
    for mae in (2.0, 3.0):
        ledger.add([mae, 1.0], epochs=[{"mae": mae + 1, "loss": 2.0}])
    for known, lines in ((3.4, 1), (9.0, 0)):
        own = {"chance": {"mae": known}}
        judged = {"chance": {"mae": 9.0 if lines else 3.4}, "chance_in_folds": {"mae": known}}
        (folder / "task.json").write_text(json.dumps(judged if in_folds else own))
        for plot in (plots.plot_front, plots.plot_training):
            shapes = plot(folder).layout.shapes
            assert [shape.y0 for shape in shapes] == [known] * lines


def test_ticks_of_a_logarithmic_axis_can_be_read() -> None:
    assert axis("units", True, [0.05, 3000.0])["ticktext"][-3:] == ["500", "1,000", "2,000"]
    assert axis("units", False, [1.0])["type"] == "linear"


def test_a_wrong_format_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="unknown format 'bmp'; valid: svg, pdf, png, html"):
        plots.save_figures(two_objectives().study, tmp_path / "figures", ["svg", "bmp"])
    assert not (tmp_path / "figures").exists()


def test_html_needs_no_drawing_program(tmp_path: Path) -> None:
    written = plots.save_figures(two_objectives().study, tmp_path / "figures", ["html"])
    assert [path.name for path in written] == ["front.html", "growth.html", "rules.html"]
    assert all(path.stat().st_size > 1e6 for path in written), "plotly comes along"


def test_without_kaleido_the_line_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def fail(**_: Any) -> None:
        raise ValueError("\nImage export requires the Kaleido package\nsecond line")

    monkeypatch.setattr(plotly.io, "write_images", fail)
    with pytest.raises(ValueError, match=r"pip install 'optcell-search\[figures\]'") as told:
        plots.save_figures(two_objectives().study, tmp_path)
    assert len(str(told.value).splitlines()) == 1


@pytest.mark.skipif(shutil.which("chromium") is None, reason="no chromium on this machine")
def test_all_figures_are_written_as_svg_and_pdf(tmp_path: Path) -> None:
    pytest.importorskip("kaleido", reason="kaleido is not installed")
    written = plots.save_figures(filled(TWO).study, tmp_path / "figures")
    names = ["front", "growth", "rules", "training", "importances"]
    assert [path.name for path in written] == [f"{n}.{k}" for n in names for k in ("svg", "pdf")]
    assert all(path.read_bytes()[:4] in (b"<svg", b"%PDF") for path in written)


def test_a_notebook_shows_the_page_in_a_frame(tmp_path: Path) -> None:
    shown = show(two_objectives().study, height=700)
    frame = shown._repr_html_()
    assert frame.startswith('<iframe srcdoc="&lt;!doctype html&gt;')
    assert frame.count("<") == 2, "what the page holds ends neither the attribute nor the frame"
    assert "height: 700px" in frame
    assert shown.save(tmp_path / "page.html").read_text(encoding="utf-8").startswith("<!doctype")
    with pytest.raises(ValueError, match="height = 10; valid: 200 or more"):
        show(two_objectives().study, height=10)
