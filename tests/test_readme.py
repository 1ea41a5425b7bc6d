"""The README's commands and code blocks do what they say: each one is run as it stands."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


def commands() -> list[str]:
    lines = [line for block in blocks("bash") for line in block.splitlines()]
    return [line for line in lines if line.startswith("optcell-search ")]


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as a reader has it: a file of measurements and the TOML of the README."""
    folder = tmp_path_factory.mktemp("readme")
    random = np.random.default_rng(0)
    rows = [
        {"patient": patient, "a": random.normal() + patient % 2, "b": random.normal(),
         "outcome": patient % 2}
        for patient in range(60)
        for _ in range(5)
    ]  # fmt: skip
    pd.DataFrame(rows).to_csv(folder / "measurements.csv", index=False)
    for index, text in enumerate(blocks("toml")):
        (folder / f"space{index}.toml").write_text(text)
    return folder


def run(arguments: list[str], folder: Path) -> str:
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        # A block that names no cluster would join the one a test beside it has just started, and
        # wait for ever once that is gone.
        env={**os.environ, "PYTHONPATH": path, "RAY_ADDRESS": "local"},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, f"{arguments}\n{done.stdout}\n{done.stderr}"
    return done.stdout


CLI = ["-c", "import sys; from optcell_search.cli import main; sys.exit(main())"]


@pytest.mark.parametrize("code", blocks("python"), ids=range(len(blocks("python"))))
def test_python_blocks_run(code: str, workplace: Path) -> None:
    run(["-c", code], workplace)


def test_commands_run_in_their_order(workplace: Path) -> None:
    """The searches of the README, with a budget of seconds in place of theirs."""
    for line in commands():
        words = shlex.split(line)[1:]
        for option, value in (("--trials", "2"), ("--epochs", "1"), ("--seeds", "2")):
            if option in words:
                words[words.index(option) + 1] = value
        run([*CLI, *words], workplace)
    assert (workplace / "runs/first/report.html").is_file()
    assert (workplace / "winner/winner_cell/__init__.py").is_file()


def test_the_space_of_the_readme_loads(workplace: Path) -> None:
    from optcell_search import SearchSpace

    for path in workplace.glob("space*.toml"):
        assert SearchSpace.load(path).grid(points=2)


def test_the_commands_of_setting_up_are_the_scripts_there_are() -> None:
    lines = [line for block in blocks("bash") for line in block.splitlines()]
    scripts = [line for line in lines if line.startswith("scripts/")]
    assert scripts == ["scripts/demo", "scripts/test"]
    assert all(os.access(ROOT / script, os.X_OK) for script in scripts)
    assert "exec scripts/test" in (ROOT / ".ci/run").read_text()
