"""The live dashboard's server: what it answers, to whom, and what it may write."""

from __future__ import annotations

import json
from pathlib import Path

import flask.testing
import pytest
from ledgers import TWO, Ledger, candidate, in_folder

pytest.importorskip("dash", reason="dash is not installed")

from optcell_search.dashboard.app.desk import Desk
from optcell_search.dashboard.app.guard import check, is_loopback
from optcell_search.dashboard.app.jobs import Jobs
from optcell_search.dashboard.app.serve import make_app

ACTING = "act1ng"


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
    made = make_app(Desk([folder]), Jobs(), host, token, acting=token or ACTING)
    return made.server.test_client()


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
    about = {"names": [str(folder)], "lost": [], "compare": None, "acts": False}
    assert client.get("/about.json").json == about
    whole = client.get("/content.json?run=0").json
    assert whole is not None
    assert whole["rows"]["number"] == [0]
    late = {"growth", "equations"} & whole.keys()
    assert not late, "what takes long does not keep the first view waiting"
    first = client.get(f"/news.json?run=0&since={whole['version']}").json
    assert first is not None
    assert first["content"]["growth"]["finished"] == [1]
    assert first["content"]["equations"]["rule"]["heavy_ball"]["equation"]
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


def test_a_run_that_is_named_twice_stands_there_twice(folder: Path) -> None:
    desk = Desk([folder, folder])
    compared = desk.comparison()
    assert compared is not None
    assert desk.names == [str(folder), f"{folder} (2)"]
    assert [standing["name"] for standing in compared["standings"]] == desk.names


def test_a_run_that_is_lost_takes_down_neither_the_page_nor_the_other_run(tmp_path: Path) -> None:
    for name in ("one", "other", "third"):
        in_folder(tmp_path / name, TWO).add([0.9, 1.0])
    places = [tmp_path / name for name in ("gone", "one", "other", "third")]
    with pytest.warns(UserWarning, match="gone.*left out"):
        desk = Desk(places)
    client = make_app(desk, Jobs(), "127.0.0.1", "", acting=ACTING).server.test_client()
    assert client.get("/content.json?run=0").status_code == 200
    # What is known of the first stays; of the second nothing had been read.
    for name in ("one", "other"):
        (tmp_path / name / "study.db").write_bytes(b"no database\n" * 1000)
    about = client.get("/about.json").json
    assert about is not None
    assert about["names"] == [str(place) for place in places[1:]]
    assert "gone" in about["lost"][0]
    assert [s["name"] for s in about["compare"]["standings"]] == [str(places[1]), str(places[3])]
    answers = [client.get(f"/content.json?run={run}") for run in range(3)]
    assert [answer.status_code for answer in answers] == [200, 503, 200]
    assert "other" in answers[1].text or "database" in answers[1].text
    assert client.get("/news.json?run=2&since=-1").status_code == 200


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
    assert (answer.status_code, answer.headers["Location"]) == (302, "./")
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


def test_looking_needs_no_token_here_but_having_something_done_does(folder: Path) -> None:
    client = client_of(folder)
    said = {"run": 0, "trial": 0, "note": "good", "tags": ["paper"]}
    assert client.post("/remark.json", json=said).status_code == 401
    assert client.post("/_dash-update-component", json={}).status_code == 401
    assert client.get("/about.json").json["acts"] is False  # type: ignore[index]
    assert client.get("/work.json").status_code == 401
    assert client.get("/?token=wrong").status_code == 200
    assert client.post("/remark.json", json=said).status_code == 401
    client.get(f"/?token={ACTING}")
    assert client.get("/about.json").json["acts"] is True  # type: ignore[index]
    idle = {"words": "", "state": "idle", "waits": False}
    assert client.get("/work.json").json == idle
    answer = client.post("/remark.json", json=said)
    assert (answer.status_code, answer.json) == (200, {"note": "good", "tags": ["paper"]})


def test_what_is_said_of_a_trial_comes_back_as_news(folder: Path) -> None:
    client = client_of(folder)
    client.get(f"/?token={ACTING}")
    version = client.get("/content.json?run=0").json["version"]  # type: ignore[index]
    client.post("/remark.json", json={"run": 0, "trial": 0, "note": "good", "tags": ["a", "b"]})
    client.post("/remark.json", json={"run": 0, "trial": None, "note": "the first", "tags": []})
    news = client.get(f"/news.json?run=0&since={version}").json
    assert news is not None
    assert news["content"]["remark"] == {"note": "the first", "tags": []}
    assert news["content"]["rows"]["note"] == ["good"]
    assert news["content"]["rows"]["tags"] == ["a, b"]


@pytest.mark.parametrize(
    ("path", "said", "code"),
    [
        ("remark.json", {"trial": 9, "note": "", "tags": []}, 422),
        ("remark.json", {"trial": 0, "note": "", "tags": ["a,b"]}, 422),
        ("remark.json", {"trial": "0", "note": "", "tags": []}, 400),
        ("remark.json", {"trial": True, "note": "", "tags": []}, 400),
        ("remark.json", {"trial": 0, "note": 1, "tags": []}, 400),
        ("remark.json", {"trial": 0, "tags": []}, 400),
        ("view.json", {"name": "", "address": "x=1"}, 422),
        ("view.json", {"name": "a", "address": 7}, 400),
    ],
)
def test_what_cannot_be_written_is_refused(
    folder: Path, path: str, said: dict[str, object], code: int
) -> None:
    client = client_of(folder)
    client.get(f"/?token={ACTING}")
    answer = client.post(f"/{path}", json={"run": 0, **said})
    assert answer.status_code == code
    if code == 422:
        assert answer.json is not None
        assert "valid:" in answer.json["problem"]
    assert client.post(f"/{path}", json={"run": 5, "name": "a", **said}).status_code in (400, 404)
    assert not (folder / "views.json").exists()


def test_a_form_of_another_page_writes_nothing(folder: Path) -> None:
    client = client_of(folder)
    client.get(f"/?token={ACTING}")
    text = json.dumps({"run": 0, "trial": 0, "note": "planted", "tags": []})
    assert client.post("/remark.json", data=text, content_type="text/plain").status_code == 415


@pytest.mark.parametrize("base", ["", "/user/me/proxy/80"])
def test_behind_a_proxy_the_page_calls_its_parts_by_the_path_it_is_seen_under(
    folder: Path, base: str
) -> None:
    made = make_app(Desk([folder]), Jobs(), "127.0.0.1", "", acting=ACTING, base_path=base)
    client = made.server.test_client()
    seen = base or "/from/headers"
    headers = {} if base else {"X-Forwarded-Prefix": "/from/headers/"}
    paths = ["/"] if not base else ["/", f"{base}/"]
    for path in paths:
        page = client.get(path, headers=headers).text
        assert f'"requests_pathname_prefix":"{seen}/"' in page.replace(": ", ":")
        assert f'src="{seen}/_dash-component-suites/' in page
        assert 'src="/_dash' not in page
        assert '<link rel="stylesheet" href="page.css">' in page, "relative, whatever the path"
    if base:
        assert client.get(f"{base}/about.json").status_code == 200
        answer = client.get(f"{base}/?token={ACTING}")
        assert answer.headers["Location"] == "./"
    hostile = client.get("/", headers={"X-Forwarded-Prefix": '/"><script>alert(1)</script>'})
    assert "alert(1)" not in hostile.text


@pytest.mark.filterwarnings("ignore:Query string argument:sqlalchemy.exc.SAWarning")
def test_a_password_never_reaches_the_page(tmp_path: Path) -> None:
    ledger = in_folder(tmp_path / "run", TWO)
    ledger.add([0.9, 1.0])
    place = f"sqlite:///{tmp_path / 'run' / 'study.db'}?password=s3cret"
    desk = Desk([place])
    client = make_app(desk, Jobs(), "127.0.0.1", "", acting=ACTING).server.test_client()
    for path in ("/", "/about.json", "/content.json?run=0", "/news.json?run=0&since=-1"):
        assert "s3cret" not in client.get(path).text
    assert desk.names[0].endswith("password=***")
    assert desk.folder(0) is None
