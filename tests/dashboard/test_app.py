"""The live dashboard's server: what it answers, to whom, and what it may write."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import flask.testing
import pytest
from ledgers import Ledger, candidate, in_folder

pytest.importorskip("dash", reason="dash is not installed")

from optcell_search.dashboard import serve
from optcell_search.dashboard.app.desk import Desk
from optcell_search.dashboard.app.exporting import Exporter
from optcell_search.dashboard.app.guard import check, is_loopback
from optcell_search.dashboard.app.serve import Dashboard, make_app

TWO = {"accuracy": "maximize", "parameters": "minimize"}
Client = flask.testing.FlaskClient


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    made = in_folder(tmp_path / "run", TWO)
    made.add([0.9, 10.0], epochs=[{"accuracy": 0.9, "loss": 0.1}])
    return made


@pytest.fixture
def folder(ledger: Ledger, tmp_path: Path) -> Path:
    return tmp_path / "run"


def client_of(folder: Path, host: str = "127.0.0.1", token: str = "") -> Client:
    return make_app(Desk([folder]), Exporter(), host, token).server.test_client()


def test_the_page_is_served_with_its_scripts(folder: Path) -> None:
    client = client_of(folder)
    page = client.get("/")
    assert page.status_code == 200
    assert 'id="react-entry-point"' in page.text
    assert "{%" not in page.text
    assert "default-src 'self'" in page.headers["Content-Security-Policy"]
    for name in ("page.js", "page.css", "plotly.js"):
        assert client.get(f"/{name}").status_code == 200


def test_content_then_news_of_what_changed(folder: Path, ledger: Ledger) -> None:
    client = client_of(folder)
    assert client.get("/about.json").json == {"names": [str(folder)], "compare": None}
    whole = client.get("/content.json?run=0").json
    assert whole is not None
    assert whole["rows"]["number"] == [0]
    assert "growth" not in whole, "what takes long does not keep the first view waiting"
    first = client.get(f"/news.json?run=0&since={whole['version']}").json
    assert first is not None
    assert first["content"]["growth"]["finished"] == [1]
    assert first["content"]["rows"]["number"] == []
    assert client.get(f"/news.json?run=0&since={whole['version']}").json == {}
    ledger.add([0.95, 20.0], of=candidate("gru", "gd", s=0.5))
    news = client.get(f"/news.json?run=0&since={whole['version']}").json
    assert news is not None
    assert news["content"]["rows"]["number"] == [1]
    assert news["content"]["front"] == [1, 0]
    curves = client.get("/curves.json?run=0&since=-1").json
    assert curves is not None
    assert curves["values"]["accuracy"] == [[0.9]]
    cell = client.get("/cell.json?run=0&trial=1").json
    assert cell == {"impulses": {"1": [0.5]}, "gradients": {}}


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/content.json", 400),
        ("/content.json?run=x", 400),
        ("/content.json?run=1", 404),
        ("/content.json?run=-1", 404),
        ("/news.json?run=0&since=", 400),
        ("/study.db", 404),
    ],
)
def test_wrong_questions_are_refused(folder: Path, path: str, code: int) -> None:
    answer = client_of(folder).get(path)
    # Dash answers every path it does not know with its page.
    if path == "/study.db":
        assert "SQLite" not in answer.text
    else:
        assert answer.status_code == code


def test_runs_are_compared_again_when_one_has_changed(tmp_path: Path) -> None:
    one, other = (in_folder(tmp_path / name, TWO) for name in ("one", "other"))
    one.add([0.9, 1.0])
    other.add([0.8, 2.0])
    desk = Desk([tmp_path / "one", tmp_path / "other"])
    compared = desk.comparison()
    assert compared is not None
    assert [standing["trials"] for standing in compared["standings"]] == [1, 1]
    assert "compare" not in desk.news(0, 1)
    other.add([0.7, 1.0])
    assert [s["trials"] for s in desk.news(0, 1)["compare"]["standings"]] == [1, 2]


@pytest.mark.parametrize(
    ("host", "own"),
    [
        ("127.0.0.1", True),
        ("127.8.9.1", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("192.168.1.5", False),
        ("example.org", False),
    ],
)
def test_which_addresses_are_this_machine_alone(host: str, own: bool) -> None:
    assert is_loopback(host) is own
    if not own:
        with pytest.raises(ValueError, match="needs --token"):
            check(host, "")
    check(host, "secret")


def test_a_token_is_asked_for_once_and_then_kept_in_a_cookie(folder: Path) -> None:
    client = client_of(folder, "0.0.0.0", "s3cret+ /")
    for path in ("/", "/content.json?run=0", "/_dash-layout", "/?token=wrong", "/?token="):
        assert client.get(path).status_code == 401
    answer = client.get("/", query_string={"token": "s3cret+ /"})
    assert (answer.status_code, answer.headers["Location"]) == (302, "/")
    cookie = answer.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    assert client.get("/content.json?run=0").status_code == 200
    assert client_of(folder, "0.0.0.0", "other").get("/").status_code == 401


def test_without_a_token_only_this_machines_names_are_answered(folder: Path) -> None:
    client = client_of(folder)
    assert client.get("/about.json", headers={"Host": "127.0.0.1:80"}).status_code == 200
    assert client.get("/about.json", headers={"Host": "localhost:8050"}).status_code == 200
    assert client.get("/about.json", headers={"Host": "[::1]:8050"}).status_code == 200
    assert client.get("/about.json", headers={"Host": "evil.example:8050"}).status_code == 403


@pytest.mark.parametrize(
    "name", ["", "../up", "a/b", ".hidden", "a b", "/tmp/x", "x" * 65, "a\n", "1st", "ä"]
)
def test_an_export_is_written_nowhere_but_into_the_export_folder(folder: Path, name: str) -> None:
    before = sorted(folder.rglob("*"))
    progress = Exporter().start(folder, 0, name)
    assert progress.state == "failed"
    assert "cannot be a name" in progress.message
    assert sorted(folder.rglob("*")) == before


def test_an_export_does_not_follow_a_link_out_of_the_run(folder: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (folder / "exports").symlink_to(elsewhere)
    assert "leads elsewhere" in Exporter().start(folder, 0, "winner").message


def test_what_is_there_is_not_exported_over(folder: Path) -> None:
    (folder / "exports" / "winner").mkdir(parents=True)
    assert "exists" in Exporter().start(folder, 0, "winner").message


def test_a_study_without_a_folder_cannot_be_exported(folder: Path) -> None:
    desk = Desk([f"sqlite:///{folder / 'study.db'}"])
    progress = Exporter().start(desk.folder(0), 0, "winner")
    assert progress.message == "This study has no run folder here, so it holds no weights."


def test_an_export_that_fails_says_why(folder: Path) -> None:
    exporter = Exporter()
    assert exporter.start(folder, 0, "winner").state == "working"
    assert "wait for it" in exporter.start(folder, 0, "other").message
    deadline = time.monotonic() + 120
    while exporter.progress().state == "working" and time.monotonic() < deadline:
        time.sleep(0.2)
    progress = exporter.progress()
    assert progress.state == "failed"
    assert "run.toml is missing" in progress.message
    exporter.close()


@pytest.fixture
def dashboard(folder: Path) -> Iterator[Dashboard]:
    started = Dashboard([folder])
    yield started
    started.close()


def test_it_takes_a_free_port_of_this_machine(dashboard: Dashboard) -> None:
    assert dashboard.url.startswith("http://127.0.0.1:")
    with urllib.request.urlopen(f"{dashboard.url}about.json") as answer:
        assert json.load(answer)["names"]


def test_a_taken_port_is_one_clear_line(dashboard: Dashboard, folder: Path) -> None:
    port = int(dashboard.url.rstrip("/").rpartition(":")[2])
    with pytest.raises(OSError, match=f"--port {port}: cannot listen there"):
        Dashboard([folder], port=port)


def test_without_dash_the_line_says_which_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    for name in [n for n in sys.modules if n.startswith("optcell_search.dashboard.app")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "dash", None)
    with pytest.raises(ValueError, match=r"pip install 'optcell-search\[dashboard\]'"):
        serve(["anywhere"])
