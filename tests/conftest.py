from __future__ import annotations

import pytest

# Their tests wait for Ray or a browser. Were they last, the other rooms' would be done by then, and
# a suite that runs on several processes would end with most of them idle.
WAITING = ("tuning", "docs", "dashboard", "export", "cli", "estimators")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the rooms that wait first; files and tests keep their order within a room."""
    place = {room: number for number, room in enumerate(WAITING)}
    items.sort(key=lambda item: place.get(item.nodeid.split("/")[1], len(place)))
