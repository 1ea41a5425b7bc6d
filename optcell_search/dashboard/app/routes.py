"""What the page asks the server for, and what people say of trials, which it writes down."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import flask

from ...ledger.notes import Remark
from ...ledger.storage.storage import said
from .. import page
from ..content import encode
from ..read import LOST
from ..views import keep_view
from .desk import Desk
from .guard import may_act
from .jobs import Jobs


def add_routes(server: flask.Flask, desk: Desk, acting: str) -> None:
    """Serve the page's scripts and the content of the runs of `desk`, which only reads."""

    def asset(text: str, kind: str) -> flask.Response:
        answer = flask.Response(text, mimetype=kind)
        answer.headers["Cache-Control"] = "max-age=600"
        return answer

    def at() -> int:
        return _known(_integer("run"), desk)

    def plotly() -> flask.Response:
        from plotly.offline import get_plotlyjs

        return asset(get_plotlyjs(), "text/javascript")

    def about() -> flask.Response:
        told = {
            "names": desk.names,
            "lost": desk.lost,
            "compare": desk.comparison(),
            "acts": may_act(acting),
        }
        return _json(told)

    routes = {
        "page.js": lambda: asset(page.scripts(), "text/javascript"),
        "page.css": lambda: asset(page.styles(), "text/css"),
        "plotly.js": plotly,
        "about.json": about,
        "content.json": lambda: _json(desk.whole(at())),
        "news.json": lambda: _json(desk.news(at(), _integer("since"))),
        "curves.json": lambda: _json(desk.curves(at(), _integer("since"))),
        "cell.json": lambda: _json(desk.cell(at(), _integer("trial"))),
    }
    for name, answer in routes.items():
        server.add_url_rule(f"/{name}", name, _while_there(answer), methods=["GET"])


def _while_there(answer: Callable[[], flask.Response]) -> Callable[[], flask.Response]:
    def tried() -> flask.Response:
        began = time.thread_time()
        try:
            told = answer()
            # The page asks the more rarely the more it takes.
            took = 1000 * (time.thread_time() - began)
            told.headers["Server-Timing"] = f"cpu;dur={took:.1f}"
            return told
        except LOST as error:
            # The page waits for it, and goes on with the other runs.
            return flask.Response(said(error), 503, None, "text/plain")

    return tried


def add_work_route(server: flask.Flask, jobs: Jobs, acting: str) -> None:
    """Tell how far the commands are that were started, to those who may start them."""

    def work() -> flask.Response:
        if not may_act(acting):
            flask.abort(401)
        told = jobs.progress()
        return _json({"words": told.words, "state": told.state, "waits": told.waits})

    server.add_url_rule("/work.json", "work.json", work, methods=["GET"])


def add_writing_routes(server: flask.Flask, desk: Desk) -> None:
    """Take down notes and tags, and named views; the guard lets in who may have that done."""

    def remark() -> flask.Response:
        said = _asked({"note": str, "tags": list})
        run = _known(said["run"], desk)
        trial = said.get("trial")
        if not (trial is None or type(trial) is int):
            flask.abort(400)
        kept = Remark.checked(said["note"], [str(tag) for tag in said["tags"]])
        desk.say(run, trial, kept)
        return _json({"note": kept.note, "tags": kept.tags})

    def view() -> flask.Response:
        said = _asked({"name": str})
        folder = desk.folder(_known(said["run"], desk))
        address = said.get("address")
        if not (address is None or isinstance(address, str)):
            flask.abort(400)
        return _json({"views": keep_view(folder, said["name"], address)})

    for name, write in {"remark.json": remark, "view.json": view}.items():
        server.add_url_rule(f"/{name}", name, _told_why(write), methods=["POST"])


def _told_why(write: Any) -> Any:
    def answer() -> flask.Response:
        try:
            return write()  # type: ignore[no-any-return]
        except (ValueError, OSError) as refused:
            return flask.Response(encode({"problem": str(refused)}), 422, None, "application/json")

    return answer


def _asked(kinds: dict[str, type]) -> dict[str, Any]:
    """Return the JSON object that was sent; a form of another page cannot send one."""
    said = flask.request.get_json()
    wanted: dict[str, type] = {"run": int, **kinds}
    if not isinstance(said, dict) or any(type(said.get(k)) is not t for k, t in wanted.items()):
        flask.abort(400)
    return dict(said)


def _known(number: int, desk: Desk) -> int:
    if not 0 <= number < len(desk):
        flask.abort(404)
    return number


def _integer(name: str) -> int:
    text = flask.request.args.get(name, "")
    if not text.removeprefix("-").isdecimal():
        flask.abort(400)
    return int(text)


def _json(found: object) -> flask.Response:
    assert isinstance(found, dict)
    return flask.Response(encode(found), mimetype="application/json")
