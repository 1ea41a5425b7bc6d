"""The site is built strictly, needs no network, and its reference holds all there is."""

from __future__ import annotations

import argparse
import html
import importlib
import re
from pathlib import Path

import pytest
from following import ROOT, SITE, addresses

from optcell_search import registry
from optcell_search.cli.parser import make_parser
from optcell_search.hyperparameters import specification
from optcell_search.ledger.request import Request
from optcell_search.space import SearchSpace
from optcell_search.space.settings import Training, model_settings

SOURCES = sorted((ROOT / "optcell_search").rglob("*.py"))


def page(site: Path, name: str) -> str:
    return (site / "reference" / name / "index.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("rules", registry.rules),
        ("cells", registry.every_cell),
        ("tasks", registry.tasks),
        ("penalties", registry.penalties),
    ],
)
def test_what_is_registered_has_a_section(
    name: str, known: registry.Registry | registry.Registries, site: Path
) -> None:
    content = page(site, name)
    for each in known.names():
        assert f'id="{each}"' in content, each
        plugin = known.get(each)
        for key in specification(plugin):
            assert f"<code>{key}</code>" in content, f"{each}.{key}"


def test_every_key_of_a_space_file_has_a_row(site: Path) -> None:
    content = page(site, "space-files")
    owners = {model_settings(name) for name in registry.every_cell.names()} | {Training}
    for owner in owners:
        for key, spec in specification(owner).items():
            assert f"<code>{key}</code>" in content, key
            assert html.escape(spec.doc, quote=False).lower() in content.lower(), key
    for kind, known in (("rule", registry.rules), ("penalty", registry.penalties)):
        for name in known.names():
            assert f"<code>[{kind}.{name}]</code>" in content, name


def test_every_shipped_space_has_a_section(site: Path) -> None:
    content = page(site, "spaces")
    assert all(f'id="{name}"' in content for name in SearchSpace.names())


def test_every_command_option_and_exit_code_is_there(site: Path) -> None:
    content = page(site, "command-line")
    (commands,) = (
        action
        for action in make_parser()._actions
        if isinstance(action, argparse._SubParsersAction)
    )
    for name, parser in commands.choices.items():
        assert f'id="{name}"' in content
        for action in parser._actions:
            for option in action.option_strings:
                assert option in content or option in ("-h", "--help"), f"{name} {option}"
    main = importlib.import_module("optcell_search.cli.main")
    for code in (main.DONE, main.FAILED, main.WRONG_REQUEST, main.STOPPED, main.UNREAD):
        assert f"<code>{code}</code>" in content, code


def test_every_key_of_a_request_has_a_row(site: Path) -> None:
    content = page(site, "run-folder")
    for key in Request.__dataclass_fields__:
        assert f"<td><code>{key}</code></td>" in content, key


def test_every_public_name_has_an_entry(site: Path) -> None:
    package = importlib.import_module("optcell_search")
    rooms = [folder.name for folder in (ROOT / "optcell_search").iterdir() if folder.is_dir()]
    modules = {"optcell_search": package} | {
        name: importlib.import_module(f"optcell_search.{name}")
        for name in rooms
        if name not in ("__pycache__", "cli")
    }
    for name, module in modules.items():
        for public in getattr(module, "__all__", ()):
            if f"optcell_search.{public}" in (f"optcell_search.{room}" for room in rooms):
                continue  # a room itself has a page
            content = (site / "reference/api" / name / "index.html").read_text(encoding="utf-8")
            assert f".{public}" in content, f"{name}.{public}"


def test_environment_variables_that_the_code_reads_are_explained() -> None:
    told = (ROOT / "docs/troubleshooting.md").read_text(encoding="utf-8")
    read = {
        name
        for source in SOURCES
        for name in re.findall(r'environ(?:\.get\(|\[)"(\w+)"', source.read_text(encoding="utf-8"))
    }
    assert "OPTCELL_DATA" in read
    assert all(f"`{name}`" in told for name in read), read


def test_no_page_needs_another_host_or_names_this_machine(site: Path) -> None:
    loaded = re.compile(r'<(?:script|img|link rel="(?:stylesheet|preconnect)")[^>]*="https?://')
    for file in site.rglob("*.html"):
        content = file.read_text(encoding="utf-8")
        assert not loaded.search(content), file
        for place in (ROOT, Path.home(), Path("/tmp/tmp")):
            assert f"{place}" not in content, f"{file}: {place}"


def test_the_readmes_links_into_the_site_lead_to_pages_and_headings(site: Path) -> None:
    pages = [target.removeprefix(SITE) for target in addresses() if target.startswith(SITE)]
    assert len(pages) > 10
    for page in pages:
        path, _, anchor = page.partition("#")
        content = (site / path / "index.html").read_text(encoding="utf-8")
        assert not anchor or f'id="{anchor}"' in content, page
