"""Starting and stopping the live dashboard."""

from __future__ import annotations

import logging
import os
import re
import secrets
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

import dash
import flask
from werkzeug.serving import BaseWSGIServer, make_server

from .. import page
from .callbacks import add_callbacks
from .desk import Desk
from .guard import check, protect
from .jobs import Jobs
from .layout import layout
from .prefix import Prefixed, checked
from .routes import add_routes, add_work_route, add_writing_routes

# The search is worth more than looking at it, and Ray runs its workers at niceness 15.
_NICENESS = 19
# Paths from the root in what Dash writes into its page.
_ROOT = re.compile(r'((?:src|href)="|"requests_pathname_prefix":\s*")(?:/|\\u002f)')


class Dashboard:
    """A running dashboard, served by a thread of its own.

    Args:
        places: run folders and URLs of studies.
        host: address to listen at.
        port: likewise; 0 takes a free one.
        token: what every request has to bring; empty only where no other machine can ask. Having
            something done then needs another one, made for this dashboard, which `url` holds.
        base_path: the path under which a reverse proxy shows it, such as ``/user/me/proxy/8050/``.

    Raises:
        FileNotFoundError, ValueError: a place holds no run, the token is missing, or `base_path`
            is no path.
        OSError: nothing can listen there.

    Attributes:
        address: where it listens.
        url: where to open it, with the token.
    """

    def __init__(
        self,
        places: Sequence[str | Path],
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        token: str = "",
        base_path: str = "",
    ) -> None:
        check(host, token)
        base = checked(base_path)
        desk = Desk(places)
        self._jobs = Jobs()
        acting = token or secrets.token_urlsafe(16)
        app = make_app(desk, self._jobs, host, token, acting=acting, base_path=base)
        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        try:
            self._server: BaseWSGIServer = make_server(host, port, app.server, threaded=True)
        except SystemExit as refused:  # so werkzeug says that the address is taken
            raise OSError(f"--host {host} --port {port}: cannot listen there") from refused
        shown = f"[{host}]" if ":" in host else host
        self.address = f"http://{shown}:{self._server.server_port}{base}/"
        self.url = f"{self.address}?token={quote(acting, safe='')}"
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()
        self._preparing = threading.Thread(target=desk.prepare, daemon=True)
        self._preparing.start()

    def _serve(self) -> None:
        if sys.platform == "linux":
            # There niceness is a thread's own, and goes to the threads that answer; what the first
            # view needs is prepared by another one, at once.
            os.nice(_NICENESS)
        self._server.serve_forever()

    def wait(self) -> None:
        """Serve until the process is interrupted."""
        self._thread.join()

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._thread.join()
        self._preparing.join()
        self._server.server_close()
        self._jobs.close()


def make_app(
    desk: Desk, jobs: Jobs, host: str, token: str, *, acting: str, base_path: str = ""
) -> dash.Dash:
    """Return the Dash app; see `guard.protect` for the tokens."""
    app = _App(
        "optcell_search",
        title="optcell-search",
        update_title="",
        assets_folder=os.devnull,
        index_string=page.live(),
        serve_locally=True,
    )
    app.layout = layout()
    add_callbacks(app, desk, jobs)
    add_routes(app.server, desk, acting)
    add_work_route(app.server, jobs, acting)
    add_writing_routes(app.server, desk)
    protect(app.server, host, token, acting)
    app.server.wsgi_app = Prefixed(app.server.wsgi_app, base_path)
    return app


class _App(dash.Dash):
    """Dash that calls its own parts by the path under which the browser sees the page."""

    def interpolate_index(self, **parts: str) -> str:  # type: ignore[override]
        base = flask.request.script_root
        if base:
            for name in ("config", "scripts", "css"):
                parts[name] = _ROOT.sub(rf"\g<1>{base}/", parts[name])
        return str(super().interpolate_index(**parts))  # type: ignore[no-untyped-call]


def serve(
    places: Sequence[str | Path],
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    token: str = "",
    base_path: str = "",
    opened: bool = True,
) -> None:
    """Show runs in the browser, and follow them, until interrupted.

    Args:
        places: run folders and URLs of studies.
        host, port, token, base_path: see `Dashboard`.
        opened: whether to open the address in the browser as well as print it.

    Raises:
        FileNotFoundError, ValueError, OSError: see `Dashboard`.
    """
    import webbrowser

    dashboard = Dashboard(places, host=host, port=port, token=token, base_path=base_path)
    print(f"{dashboard.url}\nCtrl-C stops it.", flush=True)
    if opened:
        webbrowser.open(dashboard.url)
    try:
        dashboard.wait()
    except KeyboardInterrupt:
        dashboard.close()
