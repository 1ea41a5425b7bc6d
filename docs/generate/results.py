"""The stored results of the benchmarks: each file is a page, unasked."""

from __future__ import annotations

from pathlib import Path

STORED = Path(__file__).parents[2] / "scripts" / "benchmarks" / "results"
PICTURES = (".svg", ".png")


def pages() -> dict[str, str]:
    """Return every stored table by its path in the site: Markdown."""
    return {_path(file): file.read_text(encoding="utf-8") for file in sorted(STORED.glob("*.md"))}


def pictures() -> dict[str, bytes]:
    """Return every stored picture by its path in the site."""
    found = (file for file in sorted(STORED.iterdir()) if file.suffix in PICTURES)
    return {_path(file): file.read_bytes() for file in found}


def navigation() -> list[dict[str, str]]:
    """Return the pages for MkDocs' navigation, under the titles that they have themselves."""
    return [{content.splitlines()[0].lstrip("# "): path} for path, content in pages().items()]


def _path(file: Path) -> str:
    return f"benchmarks/{file.name}"
