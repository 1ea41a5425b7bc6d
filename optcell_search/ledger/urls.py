"""URLs of studies as they may be shown: without the passwords they hold."""

from __future__ import annotations

import re

_USER = re.compile(r"(?<=://)([^/?#@:]*):[^/?#]*(?=@)")
_SECRET = re.compile(r"(?i)(?<=[?&])([^=&#]*(?:password|passwd|secret|token|key)[^=&#]*)=[^&#]*")


def shown(text: str) -> str:
    """Return a URL, or a text that holds some, with ``***`` in place of every password.

    A password stands behind the user's name or in an option such as ``?password=``. A text that is
    no URL, such as a folder, stays as it is.
    """
    return _SECRET.sub(r"\1=***", _USER.sub(r"\1:***", text)) if "://" in text else text
