"""A rule that another package brings goes along into the export."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from optcell_search.export.plugins import rename

RULE = '''
"""A rule of another package."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import optcell_search.rules
from optcell_search.hyperparameters import real
from optcell_search.rules.base import Recurrence
from {helper} import double


@dataclass(frozen=True, kw_only=True)
class Leaky(optcell_search.rules.Rule):
    name: ClassVar[str] = "leaky"
    title: ClassVar[str] = "a leaky sum"
    equation: ClassVar[str] = "u_t = k u_{{t-1}} + 2 z_t"
    citation: ClassVar[str] = "Nobody, never."
    linear: ClassVar[bool] = True

    k: float = real(0.5, search=(0.0, 0.9), valid=(0.0, 1.0), doc="memory")

    def traces(self, z, t, p):
        return (Recurrence(p["k"].expand(1, 1, 1), double(z)),)

    def emit(self, z, q, p):
        return q[0]
'''

EXPORT = """
import sys
import torch
from optcell_search.export import TaskInfo, export, formats
from optcell_search.space import Candidate

refused = {"written": False, "reason": "left out"}
formats.write_formats = lambda *_: {"model.pt2": refused, "step.onnx": refused}
rule = {"name": "leaky", "k": 0.25}
tables = {"cell": {"name": "gru"}, "rule": rule, "model": {}, "training": {}}
candidate = Candidate.from_dict(tables)
task = TaskInfo(spec="digits", input_size=8, output_size=10, metrics={"accuracy": "maximize"})
export(candidate, candidate.build(task).state_dict(), task, {}, sys.argv[1])
"""


@pytest.mark.parametrize("kind", ["package", "module"])
def test_a_rule_of_another_package_is_carried_along(tmp_path: Path, kind: str) -> None:
    site = tmp_path / "site"
    info = site / "leaky_rules-1.0.dist-info"
    info.mkdir(parents=True)
    if kind == "package":
        home = site / "leaky_rules"
        home.mkdir()
        (home / "__init__.py").write_text("")
        (home / "sums.py").write_text(RULE.format(helper=".tools"))
        (home / "tools.py").write_text("def double(z):\n    return 2 * z\n")
        where = "leaky_rules.sums:Leaky"
        record = "leaky_rules/__init__.py,,\n"
    else:
        source = RULE.replace("from {helper} import double", "double = lambda z: 2 * z")
        (site / "leaky_rules.py").write_text(source.format())
        where = "leaky_rules:Leaky"
        record = "leaky_rules.py,,\n"
    (info / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: leaky-rules\nVersion: 1.0\n"
        "Requires-Dist: optcell-search\nRequires-Dist: torch>=2\n"
        "Requires-Dist: sums-of-things>=3\nRequires-Dist: pytest; extra == 'test'\n"
    )
    (info / "RECORD").write_text(record)
    (info / "entry_points.txt").write_text(f"[optcell_search.rules]\nleaky = {where}\n")
    target = tmp_path / "exports" / "winner"
    paths = [str(site), str(Path(__file__).parents[2])]
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path[:0] = {paths}\n{EXPORT}", str(target)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    config = json.loads((target / "config.json").read_text())
    assert config["plugins"] == ["leaky_rules"]
    assert config["candidate"]["rule"] == {"name": "leaky", "k": 0.25}
    assert "sums-of-things>=3" in (target / "pyproject.toml").read_text()
    for left_out in ("optcell-search", "pytest"):
        assert left_out not in (target / "pyproject.toml").read_text()
    assert "Nobody, never." in (target / "README.md").read_text()
    carried = "".join(p.read_text() for p in (target / "winner_cell" / "plugins").rglob("*.py"))
    assert "optcell_search" not in carried


NAMES = {"optcell_search": "w", "other": "w.plugins.other"}


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("from optcell_search.rules import Rule\n", "from w.rules import Rule\n"),
        ("import optcell_search.rules as r\n", "import w.rules as r\n"),
        (
            "import optcell_search.rules\nx = optcell_search.rules.Rule\n",
            "import w.rules\nx = w.rules.Rule\n",
        ),
        ("    from other.a import b\n", "    from w.plugins.other.a import b\n"),
        (
            "import other, os\nother.run('é', self.other.x)\n",
            "import w.plugins.other, os\nw.plugins.other.run('é', self.other.x)\n",
        ),
        ("from . import other\nother.run()\n", "from . import other\nother.run()\n"),
        ("from .other import run\n", None),
        ("x = 'import optcell_search'  # optcell_search.x\n", None),
        ("from optcell_searching import x\n", None),
    ],
)  # fmt: skip
def test_imports_get_the_new_names_and_nothing_else_does(source: str, expected: str | None) -> None:
    if source.startswith(" "):
        source, expected = f"if 1:\n{source}", f"if 1:\n{expected}"
    assert rename(source, NAMES) == (source if expected is None else expected)
