"""An exported package: what it holds, says and does where nothing of the search is."""

from __future__ import annotations

import dataclasses
import importlib.metadata
import json
import re
import subprocess
import sys
import tomllib
import venv
from pathlib import Path
from typing import Any

import pytest
import torch
from exporting import TASK, a_candidate, no_formats, trained
from safetensors.torch import load_file, save_file

from optcell_search import registry
from optcell_search.export import TaskInfo, export, formats, package
from optcell_search.export.description import package_name, readme
from optcell_search.space import Candidate


@pytest.fixture(scope="session")
def bare_python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An interpreter whose environment holds torch, safetensors, what these require, and no more.

    Linked rather than installed: the same files, without a download. setuptools is there because
    `pip install` builds with it.
    """
    home = tmp_path_factory.mktemp("bare")
    venv.create(home, with_pip=False)
    (site,) = home.glob("lib/python*/site-packages")
    for name in closure({"torch", "safetensors", "setuptools"}):
        distribution = importlib.metadata.distribution(name)
        for top in {file.parts[0] for file in distribution.files or []} - {"..", "__pycache__"}:
            source = Path(str(distribution.locate_file(top)))
            if source.exists() and not (site / top).exists():
                (site / top).symlink_to(source)
    return home / "bin" / "python"


def closure(names: set[str]) -> set[str]:
    """Return distributions and all that they require here, by name."""
    found: set[str] = set()
    while names - found:
        name = min(names - found)
        found.add(name)
        for need in importlib.metadata.requires(name) or []:
            match = re.match(r"[A-Za-z0-9_.-]+", need)
            assert match is not None
            if "extra ==" not in need and "platform_system" not in need.partition(";")[2]:
                names = names | {match.group().lower()}
        names = {n for n in names if installed(n)}
    return found


def installed(name: str) -> bool:
    return any(True for _ in importlib.metadata.distributions(name=name))


def test_an_export_has_the_promised_layout(winner: Path) -> None:
    assert sorted(path.name for path in winner.iterdir()) == [
        "README.md",
        "config.json",
        "model.pt2",
        "pyproject.toml",
        "step.onnx",
        "winner_cell",
    ]
    inside = {path.name for path in (winner / "winner_cell").iterdir()}
    rooms = {"rules", "cells", "kernels", "hyperparameters"}
    modules = {"__init__.py", "registry.py", "shapes.py"}
    assert inside == rooms | modules | {"model.safetensors", "config.json"}
    ours = Path(package.__file__).parents[1]
    for copied in (winner / "winner_cell" / "rules").glob("*.py"):
        assert copied.read_bytes() == (ours / "rules" / copied.name).read_bytes()


def test_only_source_is_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ours = tmp_path / "ours"
    for room in package.ROOMS:
        (ours / room / "__pycache__").mkdir(parents=True)
        (ours / room / "one.py").touch()
        (ours / room / "__pycache__" / "one.pyc").touch()
    for module in package.MODULES:
        (ours / f"{module}.py").touch()
    monkeypatch.setattr(package, "__file__", str(ours / "export" / "package.py"))
    package._copy_rooms(tmp_path / "copy")
    copied = {str(p.relative_to(tmp_path / "copy")) for p in (tmp_path / "copy").rglob("*.py*")}
    assert copied == {f"{room}/one.py" for room in package.ROOMS} | {
        f"{module}.py" for module in package.MODULES
    }


def test_the_config_says_what_the_model_is(winner: Path) -> None:
    config = json.loads((winner / "config.json").read_text())
    assert config == json.loads((winner / "winner_cell" / "config.json").read_text())
    assert Candidate.from_dict(config["candidate"]) == a_candidate()
    assert config["key"] == a_candidate().key
    assert (config["input_size"], config["output_size"]) == (8, 10)
    assert config["scores"] == {
        "validation": {"accuracy": [0.9, 0.92]},
        "test": {"accuracy": [0.89, 0.91]},
    }
    weights = load_file(winner / "winner_cell" / "model.safetensors")
    assert config["parameters"] == sum(weight.numel() for weight in weights.values())
    project = tomllib.loads((winner / "pyproject.toml").read_text())
    assert project["project"]["name"] == "winner-cell"
    assert project["project"]["dependencies"] == ["torch>=2.11,<2.15", "safetensors>=0.5"]


def test_a_score_that_a_split_leaves_undefined_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(formats, "write_formats", no_formats)
    task = dataclasses.replace(TASK, metrics={"accuracy": "maximize", "roc_auc": "maximize"})
    scores = {"validation": {"accuracy": [0.9, 0.8], "roc_auc": [0.9, float("nan")]}}
    model = trained(a_candidate())
    folder = export(a_candidate(), model.state_dict(), task, scores, tmp_path / "winner")
    config = json.loads((folder / "config.json").read_text())
    assert config["scores"] == {"validation": {"accuracy": [0.9, 0.8]}}
    assert "roc_auc" not in (folder / "README.md").read_text()


def test_the_readme_says_what_it_is_how_good_and_whom_to_cite(winner: Path) -> None:
    text = (winner / "README.md").read_text()
    assert "| validation | accuracy | 0.91 ± 0.014 | 2 |" in text
    assert "| test | accuracy | 0.9 ± 0.014 | 2 |" in text
    assert (
        "train" not in text.partition("## Use")[0].partition("## Scores")[2].split("trainings")[0]
    )
    assert "pip install ./winner" in text
    assert "arXiv 2006.06919" in text
    assert "Cho" in text, "the cell's authors"


def test_pip_installs_it_where_nothing_of_the_search_is(winner: Path, bare_python: Path) -> None:
    pip = [sys.executable, "-m", "pip", "--python", str(bare_python), "install", "--quiet"]
    offline = ["--no-deps", "--no-build-isolation", "--no-index", "--disable-pip-version-check"]
    subprocess.run([*pip, *offline, str(winner)], check=True, capture_output=True, text=True)
    scratch = bare_python.parent
    x = torch.randn(4, 9, 8)
    save_file({"x": x}, scratch / "x.safetensors")
    blocks = re.findall(r"```python\n(.*?)```", (winner / "README.md").read_text(), re.S)
    assert blocks
    program = f"""
import importlib.util
for name in ("optcell_search", "ray", "optuna", "pandas", "plotly", "scipy", "pip"):
    assert importlib.util.find_spec(name) is None, name
{"".join(blocks)}
from safetensors.torch import load_file
x = load_file("x.safetensors")["x"]
with torch.no_grad():
    first, state = model.stream(x[:, :4])
    second, _ = model.stream(x[:, 4:], state)
    outputs = {{"forward": model(x), "stream": torch.cat([first, second], 1)}}
program = torch.export.load({str(winner / "model.pt2")!r}).module()
outputs["program"] = program(x).detach()
assert not model.training
assert fresh(torch.zeros(1, 2, 3)).shape == (1, 10)
try:
    winner_cell.load(input_size=3)
except ValueError as error:
    print(error)
torch.save(outputs, "y.pt")
"""
    done = subprocess.run(
        [bare_python, "-I", "-W", "ignore::UserWarning", "-c", program],
        cwd=scratch,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == (
        "input_size = 3: the trained weights are for 8; other sizes need load(weights=False)"
    )
    outputs = torch.load(scratch / "y.pt", weights_only=True)
    model = trained(a_candidate())
    with torch.no_grad():
        torch.testing.assert_close(outputs["forward"], model(x))
        torch.testing.assert_close(outputs["program"], model(x))
        torch.testing.assert_close(outputs["stream"], model.stream(x)[0])


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(
    ("cell", "rule", "model"),
    [
        ("lstm", "nesterov", {"bidirectional": True, "num_layers": 2}),
        ("rnn", "rmsprop", {"learn_rule": True}),
        ("lstm", "mixture", {"learn_rule": True}),
        *((cell, "adam", {}) for cell in registry.cells.names()),
    ],
)
def test_other_candidates_are_exported_too(
    tmp_path: Path, cell: str, rule: str, model: dict[str, Any]
) -> None:
    candidate = a_candidate(cell, rule, **model)
    task = TaskInfo(
        spec="`odd` | task",
        input_size=3,
        output_size=2,
        metrics={"mse": "minimize"},
        readout="every",
    )
    state = torch.random.get_rng_state()
    weights = candidate.build(task).state_dict()
    torch.random.set_rng_state(state)
    target = export(candidate, weights, task, {"validation": {"mse": 0.5}}, tmp_path / "My-1st")
    assert torch.equal(torch.random.get_rng_state(), state), "it drew from the caller's generator"
    assert (target / "my_1st_cell" / "__init__.py").is_file()
    text = (target / "README.md").read_text()
    assert "it has not been\ntested" in text
    assert ("model.stream" in text) == ("bidirectional" not in model)


@pytest.mark.parametrize(
    ("folder", "name"),
    [
        ("winner", "winner_cell"),
        ("My best-1", "my_best_1_cell"),
        ("good_cell", "good_cell"),
        ("3rd", "n3rd_cell"),
        ("日本", "exported_cell"),
    ],
)
def test_a_package_has_a_name_that_python_can_import(folder: str, name: str) -> None:
    assert package_name(folder) == name
    assert name.isidentifier()


def test_names_in_the_readme_stay_in_code_spans() -> None:
    task = TaskInfo(spec="a`b\n# c", input_size=1, output_size=1, metrics={})
    unwritten = {"written": False}
    config = {
        "scores": {}, "parameters": 1, "plugins": [], "candidate": a_candidate().to_dict(),
        "files": {"model.pt2": unwritten, "step.onnx": unwritten},
    }  # fmt: skip
    text = readme("winner_cell", "winner", a_candidate(), task, config)
    assert "`` a`b # c ``" in text
