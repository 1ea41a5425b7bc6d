"""Every code block of the documentation does what its page says: each page is followed."""

from __future__ import annotations

from pathlib import Path

import pytest
from following import PAGES, ROOT, blocks, follow


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT / "docs")))
def test_a_reader_who_follows_the_page_gets_through(page: Path, folder: Path) -> None:
    assert follow(page, folder) == len(blocks(page))
