"""Who may look: this machine alone, or whoever knows the token."""

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


def protect(server: flask.Flask, host: str, token: str) -> None:
    """Have every request of `server` checked, and every answer say what it may load.

    With a token, a request has to bring it: once as ``?token=...``, from then on in a cookie.
    Without one, only what calls this machine by a name of its own gets an answer, so that no page
    of the network can read the dashboard by giving its own name this machine's address.
    """

    def refuse() -> flask.Response | None:
        if not token:
            name = flask.request.host.rpartition(":")[0] or flask.request.host
            own = is_loopback(name.strip("[]")) or name == host
            return None if own else flask.Response("not this machine's name\n", 403)
        given = flask.request.args.get("token")
        if given is not None and _same(given, token):
            answer = flask.redirect(flask.request.path)
            answer.set_cookie(COOKIE, token, httponly=True, samesite="Strict")
            assert isinstance(answer, flask.Response)
            return answer
        if _same(flask.request.cookies.get(COOKIE, ""), token):
            return None
        return flask.Response("this dashboard needs its token: open /?token=TOKEN\n", 401)

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
