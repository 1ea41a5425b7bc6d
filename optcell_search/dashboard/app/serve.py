"""Starting and stopping the live dashboard."""

from __future__ import annotations

import logging
import os
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

import dash
from werkzeug.serving import BaseWSGIServer, make_server

from .. import page
from .desk import Desk
from .exporting import Exporter
from .guard import check, protect
from .layout import add_callbacks, layout
from .routes import add_routes

# The search is worth more than looking at it, and Ray runs its workers at niceness 15.
_NICENESS = 19


class Dashboard:
    """A running dashboard, served by a thread of its own.

    Args:
        places: run folders and URLs of studies.
        host: address to listen at.
        port: likewise; 0 takes a free one.
        token: what every request has to bring; empty only where no other machine can ask.

    Raises:
        FileNotFoundError, ValueError: a place holds no run, or the token is missing.
        OSError: nothing can listen there.

    Attributes:
        url: where to open it, with the token.
    """

    def __init__(
        self,
        places: Sequence[str | Path],
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        token: str = "",
    ) -> None:
        check(host, token)
        desk = Desk(places)
        self._exporter = Exporter()
        app = make_app(desk, self._exporter, host, token)
        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        try:
            self._server: BaseWSGIServer = make_server(host, port, app.server, threaded=True)
        except SystemExit as refused:  # so werkzeug says that the address is taken
            raise OSError(f"--host {host} --port {port}: cannot listen there") from refused
        shown = f"[{host}]" if ":" in host else host
        query = f"?token={quote(token, safe='')}" if token else ""
        self.url = f"http://{shown}:{self._server.server_port}/{query}"
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
        self._exporter.close()


def make_app(desk: Desk, exporter: Exporter, host: str, token: str) -> dash.Dash:
    """Return the Dash app."""
    app = dash.Dash(
        "optcell_search",
        title="optcell-search",
        update_title="",
        assets_folder=os.devnull,
        index_string=page.live(),
        serve_locally=True,
    )
    app.layout = layout()
    add_callbacks(app, desk, exporter)
    add_routes(app.server, desk)
    protect(app.server, host, token)
    return app


def serve(
    places: Sequence[str | Path],
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    token: str = "",
    opened: bool = True,
) -> None:
    """Show runs in the browser, and follow them, until interrupted.

    Args:
        places: run folders and URLs of studies.
        host, port, token: see `Dashboard`.
        opened: whether to open the address in the browser as well as print it.

    Raises:
        FileNotFoundError, ValueError, OSError: see `Dashboard`.
    """
    import webbrowser

    dashboard = Dashboard(places, host=host, port=port, token=token)
    print(f"{dashboard.url}\nCtrl-C stops it.", flush=True)
    if opened:
        webbrowser.open(dashboard.url)
    try:
        dashboard.wait()
    except KeyboardInterrupt:
        dashboard.close()
