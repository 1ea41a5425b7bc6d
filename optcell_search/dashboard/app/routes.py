"""What the page asks the server for. Every route only reads."""

from __future__ import annotations

import flask

from .. import page
from ..content import encode
from .desk import Desk


def add_routes(server: flask.Flask, desk: Desk) -> None:
    """Serve the page's scripts and the content of the runs of `desk`."""

    def asset(text: str, kind: str) -> flask.Response:
        answer = flask.Response(text, mimetype=kind)
        answer.headers["Cache-Control"] = "max-age=600"
        return answer

    def at() -> int:
        number = _integer("run")
        if not 0 <= number < len(desk):
            flask.abort(404)
        return number

    def plotly() -> flask.Response:
        from plotly.offline import get_plotlyjs

        return asset(get_plotlyjs(), "text/javascript")

    def about() -> flask.Response:
        return _json({"names": desk.names, "compare": desk.comparison()})

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
        server.add_url_rule(f"/{name}", name, answer, methods=["GET"])


def _integer(name: str) -> int:
    text = flask.request.args.get(name, "")
    if not text.removeprefix("-").isdecimal():
        flask.abort(400)
    return int(text)


def _json(found: object) -> flask.Response:
    assert isinstance(found, dict)
    return flask.Response(encode(found), mimetype="application/json")
