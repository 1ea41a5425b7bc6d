"""What the command line says of itself and of what is registered."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from calling import call

from optcell_search import registry
from optcell_search.cli import main
from optcell_search.cli.parser import make_parser
from optcell_search.space import SearchSpace
from optcell_search.tuning.resolving.presets import thoroughness


def test_epochs_are_chosen_unless_they_are_given() -> None:
    parse = make_parser().parse_args
    common = ["run", "smoke", "--task", "digits", "--out", "x"]
    assert (parse(common).epochs, parse(common).preset) == (None, "good")
    assert thoroughness("good", None, None, None).epochs == "auto"
    assert thoroughness(None, None, None, None).epochs == 10, "as Python's search has it"
    assert parse([*common, "--epochs", "7"]).epochs == 7
    with pytest.raises(SystemExit):
        parse([*common, "--epochs", "many"])


@pytest.mark.parametrize("kind", ["rules", "cells", "tasks", "penalties"])
def test_list(kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, output, _ = call(capsys, "list", kind)
    names = [line.split()[0] for line in output.splitlines()]
    known = registry.every_cell if kind == "cells" else getattr(registry, kind)
    assert (code, names) == (0, list(known.names()))
    _, output, _ = call(capsys, "list", kind, "--json")
    assert list(json.loads(output)) == names


def test_list_spaces(capsys: pytest.CaptureFixture[str]) -> None:
    code, output, _ = call(capsys, "list", "spaces")
    assert code == 0
    assert [line.split()[0] for line in output.splitlines()] == list(SearchSpace.names())
    smoke = next(line for line in output.splitlines() if line.startswith("smoke"))
    assert smoke.endswith("  2 cells × 3 rules, 4 hyperparameters searched, 1 of them continuous")


@pytest.mark.parametrize(
    "command",
    ["run", "resume", "status", "results", "finalize", "replay", "dashboard", "export", "list"],
)
def test_every_command_explains_itself(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--help"])
    assert caught.value.code == 0
    assert command in capsys.readouterr().out
    with pytest.raises(SystemExit) as caught:
        main([command, "--help"])
    assert caught.value.code == 0
    assert "--json" in capsys.readouterr().out


def test_help_need_not_wait_for_ray() -> None:
    program = (
        "import sys; from optcell_search.cli.parser import make_parser; make_parser()\n"
        "print(sorted({'ray', 'optuna', 'plotly'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"


def test_the_installed_command() -> None:
    command = shutil.which("optcell-search", path=str(Path(sys.executable).parent))
    if command is None:
        pytest.skip("optcell-search is not installed beside this interpreter")
    done = subprocess.run([command, "list", "rules"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "heavy_ball" in done.stdout
    wrong = subprocess.run([command, "status", "nowhere"], capture_output=True, text=True)
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert wrong.stderr == "optcell-search: nowhere: no run here, run.toml is missing\n"
