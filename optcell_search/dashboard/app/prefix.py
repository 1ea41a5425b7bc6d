"""Behind a reverse proxy: the page under another path than the root, as on a JupyterHub."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

_PATH = re.compile(r"(/[A-Za-z0-9._~@%+-]+)*/?")
_Environment = dict[str, Any]
_Application = Callable[[_Environment, Any], Iterable[bytes]]


def checked(base_path: str) -> str:
    """Return a base path with a slash before it and none behind it; "" for the root.

    Raises:
        ValueError: it is no path.
    """
    path = base_path if base_path.startswith("/") or not base_path else f"/{base_path}"
    if not _PATH.fullmatch(path):
        raise ValueError(f"--base-path {base_path!r}; valid: a path such as /user/me/proxy/8050/")
    return path.rstrip("/")


class Prefixed:
    """A WSGI application under a base path.

    A proxy may take the path away before it asks, or leave it there: both are understood. Where
    none was named, what the proxy says in ``X-Forwarded-Prefix`` is taken; it only decides how the
    page calls its own parts.

    Args:
        application: what answers.
        base_path: as `checked` gives it.
    """

    def __init__(self, application: _Application, base_path: str) -> None:
        self._application = application
        self._base = base_path

    def __call__(self, environment: _Environment, start: Any) -> Iterable[bytes]:
        forwarded = str(environment.get("HTTP_X_FORWARDED_PREFIX", ""))
        base = self._base or (forwarded.rstrip("/") if _PATH.fullmatch(forwarded) else "")
        if base:
            environment["SCRIPT_NAME"] = base
            path = environment.get("PATH_INFO", "")
            if path == base or path.startswith(f"{base}/"):
                environment["PATH_INFO"] = path.removeprefix(base) or "/"
        return self._application(environment, start)
