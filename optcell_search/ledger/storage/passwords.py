"""Passwords in URLs: what is shown, said, or kept where others may read it has none."""

from __future__ import annotations

import re

# Behind the user's name; and with a slash in it, which ought to be encoded and often is not. What
# begins as a port does is one, whatever comes later in the path.
_USER = re.compile(r"(?<=://)([^/?#@:\s]*):[^/?#\n]*(?=@)")
_WITH_SLASH = re.compile(r"(?<=://)([^/?#@:\s]*):(?!\*\*\*@|\d+(?:[/?#,\s]|$))[^\s]*(?=@)")
_OPTION = re.compile(
    r"(?i)(?<=[?&])([^=&#\s]*"
    r"(?:pass|pwd|secret|token|key|sig|sas|credential|auth|connection_string)"
    r"[^=&#\s]*)=[^&#\s]*"
)


def without_password(text: str) -> str:
    """Return a URL, or a text with URLs in it, as it may be shown: ``***`` for every password.

    A password stands behind the user's name or in an option such as ``?password=``. A text without
    a URL, such as a folder, stays as it is.
    """
    if "://" not in text:
        return text
    for behind_the_user in (_USER, _WITH_SLASH):
        text = behind_the_user.sub(r"\1:***", text)
    return _OPTION.sub(r"\1=***", text)
