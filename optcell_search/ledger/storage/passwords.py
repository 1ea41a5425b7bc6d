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

# One slash of two, or no scheme: what ought to have been a URI, and may hold a password.
_MISTYPED = re.compile(r"(?![./~])([A-Za-z][A-Za-z0-9+.-]*:/(?!/)|.*:.*@)", re.DOTALL)


def refuse_mistyped(name: str, text: str) -> None:
    """Raise a ValueError, which does not repeat it, for a URI that was mistyped.

    Taken for the path of a folder it would be kept where everybody may read it.

    Args:
        name: of the option, for the message.
        text: a path or a URI.
    """
    if "://" not in text and _MISTYPED.match(text):
        raise ValueError(
            f"{name}: is neither a URI, such as s3://bucket/runs, nor plainly a path; valid for a "
            "folder of that name: ./ before it"
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
