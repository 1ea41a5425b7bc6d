from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from ledgers import Ledger, candidate, in_folder
from optuna.trial import TrialState

from optcell_search.dashboard import figures, info, report, write_report
from optcell_search.dashboard.palette import styles

TWO = {"accuracy": "maximize", "parameters": "minimize"}
NASTY = "</script><img src=x onerror=alert(1)>"


def some_trials(ledger: Ledger) -> Ledger:
    """Three complete trials of three rules, one pruned, one failed."""
    steps = [{"accuracy": 0.4, "loss": 0.6}, {"accuracy": 0.8, "loss": 0.2}]
    for i, rule in enumerate(("gd", "heavy_ball", "adam")):
        of = candidate("lstm", rule, s=0.1 + i / 10)
        ledger.add([0.8 + i / 100, 10.0 + i], of=of, epochs=steps)
    ledger.add(state=TrialState.PRUNED, of=candidate("gru", "gd", s=0.9), epochs=steps[:1])
    ledger.add(state=TrialState.FAIL, reason="diverged")
    return ledger


def content(page: str) -> dict[str, object]:
    """What the page's scripts read."""
    found = re.search(r'<script type="application/json" id="content">(.*?)</script>', page, re.S)
    assert found is not None
    assert not set("<>&") & set(found.group(1)), "a name could end the element"
    data: dict[str, object] = json.loads(found.group(1))
    return data


def test_the_report_is_one_file_written_whole(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    some_trials(in_folder(folder, TWO))
    path = write_report(folder, folder / "report.html")
    page = path.read_text(encoding="utf-8")
    assert page.count("<html") == 1
    assert page.rstrip().endswith("</html>")
    assert f"optcell-search export {folder} --trial 2 --out winner" in page
    assert sorted(p.name for p in folder.iterdir()) == ["report.html", "study.db"]
    assert write_report(folder, path) == path


def test_the_report_of_a_missing_run_says_so_and_writes_nothing(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no run here"):
        write_report(tmp_path / "no", tmp_path / "report.html")
    assert not list(tmp_path.iterdir())


def test_nothing_is_loaded_from_anywhere() -> None:
    page = report.page(info.read(some_trials(Ledger(TWO)).study))
    own = re.sub(r"<script>/\*\*.*?</script>", "", page, flags=re.S)
    assert len(own) < len(page) / 4, "plotly's own script should have been cut out"
    links = re.findall(r"""(?:src|href)\s*=\s*["']([^"']*)""", own)
    assert links
    assert [link for link in links if not link.startswith(("#", "data:"))] == []
    assert "url(" not in own
    assert "@import" not in own
    assert "default-src 'none'" in page
    assert page.count("plotly.js v") == 1, "plotly comes along once"


def test_names_from_the_run_are_text_everywhere(tmp_path: Path) -> None:
    ledger = Ledger(TWO, task=NASTY, space={"description": NASTY}, versions={NASTY: NASTY})
    some_trials(ledger)
    ledger.add([0.99, 1.0], of=candidate(NASTY, "gd", s=0.7))
    ledger.add([0.98, 1.0], of=candidate("lstm", NASTY))
    ledger.add(state=TrialState.FAIL, reason=NASTY)
    scores = {NASTY: [0.5]}
    record = {"seeds": [1], "epochs": 1, "validation": scores, "test": scores}
    ledger.study.set_user_attr("finalized:0", record)
    page = report.page(info.read(ledger.study), where=NASTY)
    assert "<img" not in page.split("<script>")[0]
    shown = content(page)
    drawn = json.dumps(shown["figures"])
    assert "<img" not in drawn, "plotly would read tags in its labels"
    assert "&lt;img" in drawn
    assert NASTY in json.dumps(shown["table"]), "the table sets text as text"


@pytest.mark.parametrize("trials", ["none", "one", "failed", "running"])
def test_there_is_a_page_however_little_there_is_to_show(trials: str) -> None:
    ledger = Ledger(TWO)
    if trials == "one":
        ledger.add([0.9, 10.0])
    elif trials == "failed":
        ledger.add(state=TrialState.FAIL, reason="worker died")
    elif trials == "running":
        ledger.add(state=TrialState.RUNNING)
    page = report.page(info.read(ledger.study))
    assert 'class="message"' in page
    assert ('id="pareto"' in page) == (trials == "one")
    assert "The test split is still sealed" in page


def test_test_scores_stand_apart_and_are_labelled() -> None:
    ledger = some_trials(Ledger(TWO))
    record = {
        "seeds": [1, 2],
        "epochs": 2,
        "validation": {"accuracy": [0.8, 0.9]},
        "test": {"accuracy": [0.61, 0.63]},
    }
    ledger.study.set_user_attr("finalized:2", record)
    page = report.page(info.read(ledger.study))
    tested = page.split('<section id="tested">')[1].split("</section>")[0]
    assert '<td class="test"><b>0.62 ± 0.014</b></td><td>0.85 ± 0.071</td>' in tested
    assert "0.62 ±" not in page.replace(tested, "")


def test_a_rule_has_the_same_colour_and_marker_in_every_figure() -> None:
    shown = content(report.page(info.read(some_trials(Ledger(TWO)).study)))
    figures_of = shown["figures"]
    assert isinstance(figures_of, dict)
    for figure in figures_of.values():
        for trace in figure["data"]:
            rule = trace.get("legendgroup")
            if rule and trace.get("name"):
                style = styles([])[rule]
                assert trace["marker"]["symbol"] == style.marker
                assert trace["line"]["color"] == style.colour


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [
        (0.05, 2.0, [0.05, 0.1, 0.2, 0.5, 1.0, 2.0]),
        (586, 71946, [1e3, 2e3, 5e3, 1e4, 2e4, 5e4]),
        (1e-8, 1.0, [10.0**k for k in range(-8, 1)]),
    ],
)
def test_ticks_of_a_logarithmic_axis(low: float, high: float, ticks: list[float]) -> None:
    assert figures.log_ticks(low, high) == pytest.approx(ticks)


def test_indices_of_an_equation_are_set_below_and_its_signs_stay_text() -> None:
    environment = report._equation("v_t = μ v_{t-1} + z^2; a<b")
    assert environment == ("v<sub>t</sub> = μ v<sub>t-1</sub> + z<sup>2</sup>; a&lt;b")


def test_the_file_stays_small_for_a_thousand_trials() -> None:
    ledger = Ledger(TWO)
    steps = [{"accuracy": e / 20, "loss": 1 - e / 20} for e in range(20)]
    for i in range(250):
        of = candidate("lstm", "heavy_ball", mu=i / 1000, s=0.5)
        ledger.add([i / 1000, float(i)], of=of, epochs=steps)
    four = len(report.page(info.read(ledger.study)))
    empty = len(report.page(info.read(Ledger(TWO).study)))
    assert empty + 4 * (four - empty) < 10_000_000
