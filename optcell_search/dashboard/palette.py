"""One colour and one marker for each rule, in every view.

The colours differ from each other also for people who do not see red, green or blue (CIELAB
distance of at least 20 for the first seven, of 14 for all), and stand out by a contrast of 3 : 1 on
the light and on the dark page; a test computes both. The markers say the same without colour.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

LIGHT_PAGE = "#ffffff"
DARK_PAGE = "#14171c"
# Seen on both pages: for what is no rule's.
NEUTRAL = "#808080"


class Style(NamedTuple):
    """How a rule is drawn."""

    colour: str
    marker: str


_OWN = {
    "gd": Style("#777777", "circle"),
    "heavy_ball": Style("#0077bb", "square"),
    "nesterov": Style("#aa00ff", "diamond"),
    "adam": Style("#cc7700", "triangle-up"),
    "rmsprop": Style("#cc2233", "triangle-down"),
}
_OTHERS = (
    Style("#ff11dd", "pentagon"),
    Style("#aa8866", "star"),
    Style("#7788aa", "hexagram"),
    Style("#337733", "cross"),
)
COLOURS = tuple(style.colour for style in (*_OWN.values(), *_OTHERS))


def styles(rules: Iterable[str]) -> dict[str, Style]:
    """Return each rule's style: its own, or the next free one in the order of the names."""
    others = sorted(set(rules) - _OWN.keys())
    extra = {name: _OTHERS[i % len(_OTHERS)] for i, name in enumerate(others)}
    return {**_OWN, **extra}
