"""The README and the guide for contributors do what they say: each code block is run."""

from __future__ import annotations

import os
from pathlib import Path

from following import README, ROOT, addresses, blocks, commands, follow

CONTRIBUTING = ROOT / "CONTRIBUTING.md"
LINES = 150
RAW = "https://raw.githubusercontent.com/optcell-search/optcell-search/main/"
BLOB = "https://github.com/optcell-search/optcell-search/blob/main/"


def test_a_reader_who_follows_the_readme_has_a_winner(tmp_path: Path, ray: None) -> None:
    assert follow(README, tmp_path) == len(blocks(README))
    assert (tmp_path / "runs/first/report.html").is_file()
    assert (tmp_path / "winner/winner_cell/__init__.py").is_file()


def test_a_reader_who_follows_the_guide_for_contributors_gets_through(tmp_path: Path) -> None:
    assert follow(CONTRIBUTING, tmp_path) == len(blocks(CONTRIBUTING))


def test_the_readme_is_short() -> None:
    assert len(README.read_text().splitlines()) <= LINES


def test_its_addresses_work_on_the_package_index_too() -> None:
    """There nothing lies beside it, so every address is whole; ours lead to what there is."""
    targets = addresses()
    assert targets
    for target in targets:
        assert target.startswith("https://"), target
        for base in (RAW, BLOB):
            if target.startswith(base):
                assert (ROOT / target.removeprefix(base)).is_file(), target


def test_the_commands_of_setting_up_are_the_scripts_there_are() -> None:
    shell = [block for block in blocks(README) if block.language == "bash"]
    lines = [words for block in shell for words in commands(block.text)]
    scripts = [words for words in lines if words[0].startswith("scripts/")]
    assert scripts == [["scripts/demo"], ["scripts/test"]]
    assert all(os.access(ROOT / "scripts" / name, os.X_OK) for name in ("demo", "test"))
    assert "exec scripts/test" in (ROOT / ".ci/run").read_text()
