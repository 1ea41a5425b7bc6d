"""Results as something to look at: plain info objects → one page, as a file or live.

The only room that imports plotly and dash.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from .report import write_report
from .token import find_token

__all__ = ["find_token", "serve", "write_report"]


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
        host: address to listen at.
        port: likewise; 0 takes a free one.
        token: what the browser has to bring; needed where other machines can reach `host`. Without
            one, looking needs none; having something done needs the one in the printed address.
        base_path: the path under which a reverse proxy shows it, such as ``/user/me/proxy/8050/``.
        opened: whether to open the address in the browser as well as print it.

    Raises:
        FileNotFoundError, ValueError: a place holds no run, the token is missing, or dash is not
            installed.
        OSError: nothing can listen there.
    """
    try:
        from .app import serve as serve_app
    except ModuleNotFoundError as error:
        if error.name != "dash":
            raise
        raise ValueError(
            "the live dashboard needs dash: pip install 'optcell-search[dashboard]'; "
            "`optcell-search dashboard DIR --html FILE` works without it"
        ) from error
    serve_app(places, host=host, port=port, token=token, base_path=base_path, opened=opened)
