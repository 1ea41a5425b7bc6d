"""Who may look, and who may have something done: this machine alone, or whoever knows the token."""

from __future__ import annotations

import hmac
import ipaddress

import flask

COOKIE = "optcell-token"
# Everything comes from the dashboard itself. Plotly makes the programs of its WebGL charts as it
# goes, and Dash writes small scripts into its page; no text of a run is ever code.
_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; "
    "style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; frame-ancestors 'none'"
)
_READING = ("GET", "HEAD", "OPTIONS")


def is_loopback(host: str) -> bool:
    """Whether an address can be reached from this machine alone."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def check(host: str, token: str) -> None:
    """Make sure that what others can reach asks for a token.

    Raises:
        ValueError: `host` can be reached from other machines, and there is no token.
    """
    if not is_loopback(host) and not token:
        raise ValueError(
            f"--host {host}: other machines can reach this address, so it needs --token TOKEN"
        )


def may_act(acting: str) -> bool:
    """Whether the request that is being answered may have something done."""
    return _same(flask.request.cookies.get(COOKIE, ""), acting)


def protect(server: flask.Flask, host: str, token: str, acting: str) -> None:
    """Have every request of `server` checked, and every answer say what it may load.

    With a token, a request has to bring it: once as ``?token=...``, from then on in a cookie.
    Without one, whoever calls this machine by a name of its own may look, so that no page of the
    network can read the dashboard by giving its own name this machine's address. Having something
    done always needs `acting`, brought in the same way: other users of this machine may look.

    Args:
        server: what is protected.
        host: that it listens at.
        token: that looking needs, empty where it needs none.
        acting: that having something done needs; the token where there is one.
    """

    def refuse() -> flask.Response | None:
        given = flask.request.args.get("token")
        if given is not None and _same(given, acting):
            # As a browser sees it, whichever path a proxy puts before ours.
            last = flask.request.path.rpartition("/")[2]
            answer = flask.redirect(f"./{last}")
            answer.set_cookie(COOKIE, acting, httponly=True, samesite="Strict")
            assert isinstance(answer, flask.Response)
            return answer
        if may_act(acting):
            return None
        if flask.request.method not in _READING:
            return flask.Response("this needs the dashboard's token: open /?token=TOKEN\n", 401)
        if token:
            return flask.Response("this dashboard needs its token: open /?token=TOKEN\n", 401)
        name = flask.request.host.rpartition(":")[0] or flask.request.host
        if is_loopback(name.strip("[]")) or name == host:
            return None
        return flask.Response(
            "not this machine's name; behind a proxy the dashboard needs --token\n", 403
        )

    def seal(answer: flask.Response) -> flask.Response:
        answer.headers["Content-Security-Policy"] = _POLICY
        answer.headers["X-Content-Type-Options"] = "nosniff"
        answer.headers["Referrer-Policy"] = "no-referrer"
        return answer

    server.before_request(refuse)
    server.after_request(seal)


def _same(given: str, token: str) -> bool:
    """Whether two texts are equal, in a time that tells nothing about where they differ."""
    return hmac.compare_digest(given.encode(), token.encode())
