"""Follows a page as a reader would: every code block is run, in order, in one folder.

What a fence's language means here:

- ``bash``: each command is run, a search with a budget of seconds in place of its own.
- ``sh``: what a test cannot run (a cluster, a page that stays open); its `optcell-search` commands
  are parsed, so that their options exist.
- ``python``: executed; the blocks of a page share their names.
- ``toml``: a search space, which is loaded, or a plug-in's entry points.
- ``text``: what a command prints; nothing is done with it.

A block with a title, ``toml title="momentum.toml"``, is also written into the folder under it.
"""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import subprocess
import sys
import tomllib
import types
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from optcell_search import registry
from optcell_search.cli import main
from optcell_search.cli.parser import make_parser
from optcell_search.space import SearchSpace
from optcell_search.tuning import Run

ROOT = Path(__file__).parents[2]
PAGES = sorted((ROOT / "docs").rglob("*.md"))
README = ROOT / "README.md"
SITE = "https://optcell-search.github.io/optcell-search/"

_FENCE = re.compile(
    r'^(?P<indent> *)```(?P<language>[a-z]*)(?: title="(?P<title>[^"]+)")?\n'
    r"(?P<text>.*?)^(?P=indent)```$",
    re.MULTILINE | re.DOTALL,
)
# Options of a search that decide how long it takes, and what they are here.
_BUDGET = {"--trials": "1", "--epochs": "1", "--seeds": "2", "--top": "1", "--repeats": "1"}
_COMMAND = "optcell-search"


def addresses() -> list[str]:
    """Return what the README's links and pictures lead to."""
    return re.findall(r"\]\(([^)\s]+)", README.read_text(encoding="utf-8"))


@dataclass(frozen=True)
class Block:
    """A fenced block of a page.

    Attributes:
        page: the file it stands in.
        line: number of its first line.
        language, title: as the fence gives them.
        text: its content, without the fence's indent.
    """

    page: Path
    line: int
    language: str
    title: str
    text: str

    def __str__(self) -> str:
        return f"{self.page.name}:{self.line}"


def blocks(page: Path) -> list[Block]:
    """Return the blocks of a page, in order."""
    content = page.read_text(encoding="utf-8")
    return [
        Block(
            page,
            content.count("\n", 0, found.start("text")) + 1,
            found["language"],
            found["title"] or "",
            re.sub(rf"^{found['indent']}", "", found["text"], flags=re.MULTILINE),
        )
        for found in _FENCE.finditer(content)
    ]


def commands(text: str) -> Iterator[list[str]]:
    """Give the commands of a shell block as words; a line may go on behind a backslash."""
    for line in text.replace("\\\n", " ").splitlines():
        if words := shlex.split(line, comments=True):
            yield words


def follow(page: Path, folder: Path) -> int:
    """Do what every block of `page` says, in `folder`; return how many blocks there are."""
    found = blocks(page)
    with _at(folder) as names:
        for block in found:
            if block.title:
                Path(block.title).write_text(block.text, encoding="utf-8")
            _do(block, names)
    return len(found)


@contextlib.contextmanager
def _at(folder: Path) -> Iterator[types.ModuleType]:
    """Be in `folder` as an interactive Python is; give the module whose names its blocks share."""
    names = types.ModuleType("page")
    path, before = list(sys.path), set(sys.modules)
    sys.path.insert(0, str(folder))
    sys.modules["page"] = names
    try:
        with contextlib.chdir(folder):
            yield names
    finally:
        sys.path[:] = path
        # Another page has a file of the same name, with other content.
        for name in set(sys.modules) - before:
            file = getattr(sys.modules[name], "__file__", None)
            if name == "page" or (file and Path(file).is_relative_to(folder)):
                del sys.modules[name]


def _do(block: Block, names: types.ModuleType) -> None:
    match block.language:
        case "python":
            exec(compile(block.text, str(block), "exec"), names.__dict__)
        case "toml":
            _load(block)
        case "bash":
            for words in commands(block.text):
                _run(words, block)
        case "sh":
            for words in commands(block.text):
                _parse(words)
        case "text":
            pass
        case language:
            raise AssertionError(f"{block}: nothing is known to be done with {language!r}")


def _load(block: Block) -> None:
    content = tomllib.loads(block.text)
    if "project" in content:
        groups = content["project"]["entry-points"]
        known = {each.group for each in vars(registry).values() if hasattr(each, "group")}
        assert groups.keys() <= known, f"{block}: {groups.keys() - known}"
    else:
        assert SearchSpace.from_dict(content, str(block)).sample(), str(block)


def _run(words: list[str], block: Block) -> None:
    head, *rest = words
    if head == _COMMAND:
        code = main(_cut(rest))
        assert code == 0, f"{block}: {' '.join(words)}: exit code {code}"
    elif words == ["pip", "install", "--editable", "."]:
        _make_known()
    elif words[:2] == ["pip", "install"]:
        _check_installable(rest[1:], block)
    elif head.startswith("scripts/"):
        assert os.access(ROOT / head, os.X_OK), f"{block}: {head} cannot be run"
    elif head in ("python", "pytest"):
        _run_python(rest if head == "python" else ["-m", "pytest", *rest], block)
    else:
        raise AssertionError(f"{block}: {head}: put what a test cannot run into an sh block")


def _cut(words: list[str]) -> list[str]:
    words = list(words)
    budget = dict(_BUDGET)
    if words[0] == "resume":
        # Numbers are in all: one more than there are.
        budget["--trials"] = str(len(Run.open(words[1]).results()) + 1)
    for option, value in budget.items():
        if option in words:
            words[words.index(option) + 1] = value
    return words


def _check_installable(requirements: list[str], block: Block) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    for requirement in requirements:
        name, _, extras = requirement.rstrip("]").partition("[")
        if name == project["name"]:
            wanted = set(filter(None, extras.split(",")))
            lacking = wanted - project["optional-dependencies"].keys()
            assert not lacking, f"{block}: no extra {lacking}"
        else:
            # The folder of an exported package.
            assert (Path(name) / "pyproject.toml").is_file(), f"{block}: {name} is no package"


def _make_known() -> None:
    """Do what an editable installation does for entry points: the folder is on the path anyhow."""
    project = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))["project"]
    name, version = project["name"], project["version"]
    folder = Path(f"{name.replace('-', '_')}-{version}.dist-info")
    folder.mkdir()
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    (folder / "METADATA").write_text(metadata, encoding="utf-8")
    groups = [
        f"[{group}]\n" + "".join(f"{key} = {value}\n" for key, value in entries.items())
        for group, entries in project["entry-points"].items()
    ]
    (folder / "entry_points.txt").write_text("\n".join(groups), encoding="utf-8")


def _run_python(arguments: list[str], block: Block) -> None:
    path = os.pathsep.join([str(Path.cwd()), str(ROOT), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, *arguments],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, f"{block}: {arguments}\n{done.stdout}\n{done.stderr}"


def _parse(words: list[str]) -> None:
    # Behind variables, `if` and other commands: what the shell would hand to the program.
    if _COMMAND in words:
        make_parser().parse_args(words[words.index(_COMMAND) + 1 :])
