"""Adds to the site, while it is built, the pages and drawings that are made from the code.

MkDocs loads this file as a hook. What it adds is written nowhere, so it cannot go stale: a new
rule, cell, task, penalty, setting, option or public name appears unasked.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import api
import command_line
import drawing
import plugins
import results
import run_folder
import space_files
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parents[2]


def pages() -> dict[str, str]:
    """Return every generated page by its path in the site: Markdown."""
    return {
        "reference/command-line.md": command_line.page(),
        "reference/space-files.md": space_files.page(),
        "reference/spaces.md": space_files.shipped(),
        "reference/rules.md": plugins.rules(),
        "reference/cells.md": plugins.cells(),
        "reference/tasks.md": plugins.tasks(),
        "reference/penalties.md": plugins.penalties(),
        "reference/run-folder.md": run_folder.page(),
        "changelog.md": (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"),
        **api.pages(),
        **results.pages(),
    }


def on_config(config: Any) -> Any:
    """Fill the entries of the navigation that are left empty: a page a room, a page a table."""
    lists = {"API": api.navigation(), "All tables": results.navigation()}
    for section in config["nav"]:
        for entry in next(iter(section.values())):
            if isinstance(entry, dict) and (name := next(iter(entry))) in lists:
                entry[name] = lists[name]
    return config


def on_files(files: Files, config: Any) -> Files:
    """Add what is generated to the files of the site."""
    for path, content in pages().items():
        files.append(File.generated(config, path, content=content))
    for path, drawn in {**drawing.drawings(), **results.pictures()}.items():
        files.append(File.generated(config, path, content=drawn))
    return files
