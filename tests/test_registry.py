"""Names to plug-ins: files of a room, entry points of other packages, and what is refused."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from optcell_search import SearchSpace, registry, rules
from optcell_search.cli import main
from optcell_search.rules import GradientDescent


def test_the_rules_and_cells_of_the_design_are_there() -> None:
    assert set(registry.rules.names()) >= {"gd", "heavy_ball", "nesterov", "adam", "rmsprop"}
    assert set(registry.cells.names()) >= {"rnn", "lstm", "gru"}
    assert set(registry.tasks.names()) >= {"digits", "mnist", "copying", "adding"}
    assert registry.rules.get("heavy_ball") is rules.HeavyBall


def test_an_unknown_name_gets_the_nearest_and_all_valid_ones() -> None:
    with pytest.raises(ValueError, match=r"unknown rule 'adm' \(did you mean 'adam'\?\); valid:"):
        registry.rules.get("adm")
    with pytest.raises(ValueError, match=r"unknown cell 3; valid: .*lstm"):
        registry.cells.get(3)  # type: ignore[arg-type]


PLUGIN = '''
from dataclasses import dataclass
from typing import ClassVar
from optcell_search.hyperparameters import real
from optcell_search.rules import Recurrence, Rule


@dataclass(frozen=True, kw_only=True)
class Decay(Rule):
    """u_t = exp-weighted mean of z. Source: this test."""

    name: ClassVar[str] = "decay"
    title: ClassVar[str] = "decay"
    equation: ClassVar[str] = "v_t = mu v_{t-1} + (1 - mu) z_t"
    citation: ClassVar[str] = "none"
    linear: ClassVar[bool] = True
    mu: float = real(0.5, search=(0.0, 0.9), valid=(0.0, 1.0))

    def traces(self, z, t, p):
        return (Recurrence(p["mu"].expand(1, 1, 1), (1 - p["mu"]) * z),)

    def emit(self, z, q, p):
        return q[0]
'''


@pytest.fixture
def installed_plugin(tmp_path: Path) -> Path:
    """Another package, installed as pip leaves it: a module and its entry points."""
    (tmp_path / "other_package.py").write_text(PLUGIN)
    info = tmp_path / "other_package-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: other-package\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[optcell_search.rules]\ndecay = other_package:Decay\n")
    return tmp_path


def run_with(path: Path, code: str) -> str:
    package = Path(registry.__file__).parents[1]
    program = f"import sys; sys.path[:0] = [{str(path)!r}, {str(package)!r}]\n"
    done = subprocess.run(
        [sys.executable, "-c", program + textwrap.dedent(code)], capture_output=True, text=True
    )
    return done.stdout + done.stderr


def test_an_entry_point_of_another_package_is_a_rule_like_ours(installed_plugin: Path) -> None:
    out = run_with(
        installed_plugin,
        """
        import torch
        from optcell_search import OptCell, SearchSpace, registry
        print(registry.rules.names())
        print(OptCell(3, 4, rule="decay")(torch.zeros(2, 1, 3))[0].shape)
        space = SearchSpace.from_dict({"cells": ["gru"], "rules": ["decay"]})
        print(sorted(space.sample(seed=1).flat()))
        """,
    )
    assert "'decay', 'gd'" in out
    assert "torch.Size([2, 1, 4])" in out
    assert "'decay.mu'" in out


def test_two_plugins_of_one_name_are_refused(installed_plugin: Path) -> None:
    module = installed_plugin / "other_package.py"
    module.write_text(PLUGIN.replace('"decay"', '"gd"'))
    out = run_with(installed_plugin, "from optcell_search import registry; registry.rules.names()")
    assert "two rules are named 'gd'" in out
    assert "other_package.Decay" in out


@pytest.mark.parametrize(
    ("module", "fault"),
    [
        (
            "import not_there\n",
            "cannot be loaded: ModuleNotFoundError: No module named 'not_there'",
        ),
        ("", "cannot be loaded: AttributeError: module 'other_package' has no attribute 'Decay'"),
        ("from json import JSONDecoder as Decay\n", "is not a subclass of optcell_search.rules.ba"),
        (PLUGIN.replace("def emit", "def omit"), "is abstract; valid: a class that has emit"),
        (PLUGIN.replace('"decay"', '""', 1), "has name = '' of its own; valid: letters, digits"),
        (PLUGIN.replace('"decay"', '"a.b"', 1), "has name = 'a.b' of its own; valid: letters"),
        *(
            (PLUGIN.replace('"decay"', f'"{name}"', 1), f"has name = '{name}' of its own; valid:")
            for name in ("cell", "rule", "model", "training", "penalty")
        ),
        (
            "from optcell_search.rules import HeavyBall\n\n\nclass Decay(HeavyBall):\n    pass\n",
            "has name = None of its own; valid:",
        ),
    ],
)
def test_an_entry_point_that_is_no_rule_is_told_in_one_line(
    installed_plugin: Path,
    module: str,
    fault: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (installed_plugin / "other_package.py").write_text(module)
    monkeypatch.syspath_prepend(installed_plugin)
    monkeypatch.setitem(sys.modules, "other_package", sys)  # forgotten again after the test
    monkeypatch.delitem(sys.modules, "other_package")
    monkeypatch.delitem(vars(registry.rules), "_plugins", raising=False)
    assert main(["list", "rules"]) == 2
    (said,) = capsys.readouterr().err.splitlines()
    assert said.startswith(
        "optcell-search: entry point decay = 'other_package:Decay' in group "
        f"'optcell_search.rules' of other-package 1.0 {fault}"
    )


def test_no_two_kinds_of_cells_share_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    lstm = registry.cells.get("lstm")
    monkeypatch.setitem(registry.conv_cells._plugins, "lstm", lstm)
    with pytest.raises(ValueError, match=r"two cells are named 'lstm': .*LSTM and .*LSTM"):
        registry.every_cell.names()
    with pytest.raises(ValueError, match="two cells are named 'lstm'"):
        SearchSpace(cells=["lstm"], rules=["gd"])


def test_a_class_without_a_name_of_its_own_is_not_registered() -> None:
    class Unnamed(GradientDescent):
        pass

    module = type(sys)("module")
    Unnamed.__module__ = "module"
    module.Unnamed = Unnamed  # type: ignore[attr-defined]
    assert registry._plugins_defined_in(module, rules.Rule) == []
