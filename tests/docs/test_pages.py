"""Every code block of the documentation does what its page says: each page is followed."""

from __future__ import annotations

from pathlib import Path

import pytest
from following import PAGES, ROOT, blocks, follow

# Each of these starts half a dozen searches of its own, which take minutes together; the README's
# search, its export and the guides that go on from a finished run are followed every time.
_LONG = {"estimators.md", "own-data.md", "own-tools.md", "resume.md", "search-well.md"}


@pytest.mark.parametrize(
    "page",
    [
        pytest.param(
            page,
            id=str(page.relative_to(ROOT / "docs")),
            marks=[pytest.mark.slow] if page.name in _LONG else [],
        )
        for page in PAGES
    ],
)
def test_a_reader_who_follows_the_page_gets_through(page: Path, folder: Path) -> None:
    assert follow(page, folder) == len(blocks(page))
