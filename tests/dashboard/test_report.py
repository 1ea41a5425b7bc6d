"""The file: whole, alone, safe whatever the run holds, and small."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ledgers import Ledger, candidate, in_folder
from optuna.trial import TrialState

from optcell_search.dashboard import report, write_report
from optcell_search.dashboard.content import encode
from optcell_search.dashboard.read import Board

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


def page_of(*ledgers: Ledger, name: str = "") -> str:
    return report.report([Board(ledger.study, name) for ledger in ledgers])


def content(page: str) -> dict[str, Any]:
    """What the page's scripts read."""
    found = re.search(r'<script type="application/json" id="content">(.*?)</script>', page, re.S)
    assert found is not None
    assert not set("<>&") & set(found.group(1)), "a name could end the element"
    data: dict[str, Any] = json.loads(found.group(1))
    return data


def test_the_report_is_one_file_written_whole(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    some_trials(in_folder(folder, TWO))
    path = write_report(folder, folder / "report.html")
    page = path.read_text(encoding="utf-8")
    assert page.count("<html") == 1
    assert page.rstrip().endswith("</html>")
    (run,) = content(page)["runs"]
    assert run["where"] == str(folder)
    assert run["rows"]["number"] == [0, 1, 2, 3, 4]
    assert sorted(p.name for p in folder.iterdir()) == ["report.html", "study.db"]
    assert write_report(folder, path) == path


def test_several_runs_stand_side_by_side(tmp_path: Path) -> None:
    for name in ("one", "other"):
        some_trials(in_folder(tmp_path / name, TWO))
    places = [tmp_path / "one", tmp_path / "other"]
    shown = content(write_report(places, tmp_path / "both.html").read_text(encoding="utf-8"))
    assert shown["names"] == [str(place) for place in places]
    assert [standing["name"] for standing in shown["compare"]["standings"]] == shown["names"]
    assert len(shown["runs"]) == 2


def test_each_of_several_runs_has_a_name_of_its_own() -> None:
    ledgers = [some_trials(Ledger(TWO, run_id=name)) for name in ("one", "other", "other")]
    shown = content(page_of(*ledgers))
    assert shown["names"] == ["one", "other", "other (2)"]
    assert [standing["name"] for standing in shown["compare"]["standings"]] == shown["names"]
    assert [run["where"] for run in shown["runs"]] == [""] * 3, "what a command would take"


def test_of_several_runs_one_that_is_lost_or_damaged_leaves_the_page_to_the_others(
    tmp_path: Path,
) -> None:
    for name in ("damaged", "sound"):
        some_trials(in_folder(tmp_path / name, TWO))
    (tmp_path / "damaged" / "study.db").write_bytes(b"no database\n" * 1000)
    places = [tmp_path / "gone", tmp_path / "damaged", tmp_path / "sound"]
    with pytest.warns(UserWarning, match="left out") as told:
        shown = content(write_report(places, tmp_path / "page.html").read_text(encoding="utf-8"))
    assert shown["names"] == [str(tmp_path / "sound")]
    assert len(shown["runs"]) == 1
    assert [str(each.message) for each in told] == shown["lost"]
    assert [str(place) in why for place, why in zip(places, shown["lost"], strict=False)] == [
        True
    ] * 2
    with pytest.raises(FileNotFoundError, match="gone"):
        write_report(places[:2], tmp_path / "none.html")
    assert not (tmp_path / "none.html").exists()


def test_the_report_of_a_missing_run_says_so_and_writes_nothing(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no run here"):
        write_report(tmp_path / "no", tmp_path / "report.html")
    assert not list(tmp_path.iterdir())


def test_nothing_is_loaded_from_anywhere() -> None:
    page = page_of(some_trials(Ledger(TWO)))
    own = re.sub(r"<script>/\*\*.*?</script>", "", page, flags=re.S)
    assert len(own) < len(page) / 4, "plotly's own script should have been cut out"
    links = re.findall(r"""(?:src|href)\s*=\s*["']([^"']*)""", own)
    assert links
    assert [link for link in links if not link.startswith(("#", "data:"))] == []
    assert "url(" not in own.replace("url(#tip)", ""), "but for the tip of an arrow"
    assert "@import" not in own
    assert "default-src 'none'" in page
    assert page.count("plotly.js v") == 1, "plotly comes along once"


def test_what_needs_no_input_stands_beside_the_scores(tmp_path: Path) -> None:
    ledger = some_trials(in_folder(tmp_path, TWO))
    known = '{"chance": {"accuracy": 0.25, "loss": 1.5}, "chance_in_folds": {"accuracy": 0.3}}'
    (tmp_path / "task.json").write_text(known, encoding="utf-8")
    scores = {"accuracy": [0.5]}
    record = {"seeds": [1], "epochs": 1, "validation": scores, "test": scores}
    told = {"kind": "confusion", "classes": ["a", "b"], "matrix": [[1, 0], [0, 1]]}
    record["diagnosis"] = {**told, "chance": {"accuracy": 0.2}}
    ledger.study.set_user_attr("finalized:0", record)
    (run,) = content(report.report([Board(tmp_path)]))["runs"]
    assert run["no_input"] == [
        {"metric": name, "label": name, "search": judged, "validation": own, "test": tested}
        for name, judged, own, tested in (("accuracy", 0.3, 0.25, 0.2), ("loss", None, 1.5, None))
    ]
    # Of a study alone nothing is known but what `finalize` has noted.
    (run,) = content(page_of(ledger))["runs"]
    assert [(one["validation"], one["test"]) for one in run["no_input"]] == [(None, 0.2)]


def test_names_from_the_run_are_in_the_data_alone(tmp_path: Path) -> None:
    ledger = Ledger(TWO, task=NASTY, space={"description": NASTY}, versions={NASTY: NASTY})
    some_trials(ledger)
    ledger.add([0.99, 1.0], of=candidate(NASTY, "gd", s=0.7))
    ledger.add([0.98, 1.0], of=candidate("lstm", NASTY))
    ledger.add(state=TrialState.FAIL, reason=NASTY)
    scores = {NASTY: [0.5]}
    record = {"seeds": [1], "epochs": 1, "validation": scores, "test": scores}
    ledger.study.set_user_attr("finalized:0", record)
    page = page_of(ledger, name=NASTY)
    assert NASTY not in page
    shown = json.dumps(content(page)["runs"])
    assert shown.count(json.dumps(NASTY)[1:-1]) >= 8


@pytest.mark.parametrize("trials", ["none", "one", "failed", "running"])
def test_there_is_a_page_however_little_there_is_to_show(trials: str) -> None:
    ledger = Ledger(TWO)
    if trials == "one":
        ledger.add([0.9, 10.0])
    elif trials == "failed":
        ledger.add(state=TrialState.FAIL, reason="worker died")
    elif trials == "running":
        ledger.add(state=TrialState.RUNNING)
    (run,) = content(page_of(ledger))["runs"]
    assert run["overview"]["message"]
    assert bool(run["front"]) == (trials == "one")


def test_validation_and_test_scores_are_kept_apart() -> None:
    ledger = some_trials(Ledger(TWO))
    record = {
        "seeds": [1, 2],
        "epochs": 2,
        "validation": {"accuracy": [0.8, 0.9]},
        "test": {"accuracy": [0.61, 0.63]},
    }
    ledger.study.set_user_attr("finalized:2", record)
    (run,) = content(page_of(ledger))["runs"]
    (final,) = run.pop("finals")
    assert final["scores"]["test"]["accuracy"]["mean"] == pytest.approx(0.62)
    assert final["scores"]["validation"]["accuracy"]["mean"] == pytest.approx(0.85)
    assert "0.62" not in json.dumps(run)


def test_of_too_many_trials_the_front_the_best_and_a_sample_are_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("optcell_search.dashboard.content.MOST_ROWS", 8)
    ledger = Ledger(TWO)
    for i in range(40):
        ledger.add([i / 40, 100.0 - i])
    (run,) = content(page_of(ledger))["runs"]
    assert run["rows"]["number"] == [0, 10, 20, 30, 36, 37, 38, 39]
    assert (run["total"], run["front"]) == (40, [39])
    assert run["overview"]["counts"] == {"COMPLETE": 40}


def test_the_file_stays_small_for_a_thousand_trials() -> None:
    ledger = Ledger(TWO)
    steps = [{"accuracy": e / 20, "loss": 1 - e / 20} for e in range(20)]
    for i in range(150):
        of = candidate("lstm", "heavy_ball", mu=i / 1000, s=0.5)
        ledger.add([i / 1000, float(i)], of=of, epochs=steps)
    full, empty = len(page_of(ledger)), len(page_of(Ledger(TWO)))
    assert empty + 1000 / 150 * (full - empty) < 10_000_000


def test_what_is_not_defined_on_a_split_leaves_the_page_whole() -> None:
    ledger = some_trials(Ledger(TWO))
    scores = {"accuracy": [0.8, 0.9], "roc_auc": [math.nan, math.nan]}
    ledger.study.set_user_attr(
        "finalized:0",
        {"seeds": [1, 2], "epochs": 2, "failed": {}, "validation": scores, "test": scores},
    )
    (run,) = content(page_of(ledger))["runs"]
    (final,) = run["finals"]
    assert [*final["scores"]["test"]] == ["accuracy"]
    assert encode({"a": [math.nan, {"b": np.float64("inf")}], "c": 1.5}) == (
        '{"a":[null,{"b":null}],"c":1.5}'
    )


def test_a_page_shows_parameters_as_they_are() -> None:
    ledger = Ledger(TWO)
    for size in (1_234_567.0, 1_234_568.0):
        ledger.add(
            [0.81234567, size], of=candidate("lstm"), epochs=[{"accuracy": 0.8, "loss": 0.2}]
        )
    (run,) = content(page_of(ledger))["runs"]
    assert run["rows"]["parameters"] == [1_234_567.0, 1_234_568.0]
    assert run["rows"]["accuracy"] == [0.812346, 0.812346]
