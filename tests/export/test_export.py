from __future__ import annotations

import contextlib
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
from safetensors.torch import load_file, save_file

from optcell_search import registry
from optcell_search.export import ExportError, TaskInfo, export, formats, package, verify
from optcell_search.export.description import package_name, readme
from optcell_search.space import Candidate

TASK = TaskInfo(spec="digits", input_size=8, output_size=10, metrics={"accuracy": "maximize"})
SCORES = {
    "validation": {"accuracy": [0.9, 0.92], "train_seconds": [1.0, 2.0]},
    "test": {"accuracy": [0.89, 0.91]},
}


def a_candidate(cell: str = "gru", rule: str = "adam", **model: Any) -> Candidate:
    tables = {"cell": {"name": cell}, "rule": {"name": rule}}
    return Candidate.from_dict({**tables, "model": {"hidden_size": 12, **model}, "training": {}})


def trained(candidate: Candidate, task: TaskInfo = TASK) -> torch.nn.Module:
    torch.manual_seed(1)
    return candidate.build(task).eval()


def no_formats(*_: Any) -> dict[str, formats.Outcome]:
    refused = {"written": False, "reason": "left out by the test"}
    return {"model.pt2": refused, "step.onnx": refused}


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out the other forms of the model, which take most of an export's time."""
    monkeypatch.setattr(formats, "write_formats", no_formats)


@pytest.fixture(scope="session")
def winner(tmp_path_factory: pytest.TempPathFactory) -> Path:
    candidate = a_candidate()
    target = tmp_path_factory.mktemp("exports") / "winner"
    return export(candidate, trained(candidate).state_dict(), TASK, SCORES, target)


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
    rooms = {"rules", "cells", "kernels"}
    modules = {"__init__.py", "registry.py", "hyperparameters.py", "shapes.py"}
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


def test_the_onnx_step_follows_the_model_from_the_state_the_config_names(winner: Path) -> None:
    onnxruntime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
    config = json.loads((winner / "config.json").read_text())
    session = onnxruntime.InferenceSession(winner / "step.onnx")
    state = {
        part["name"]: torch.full(
            [1 if size == "batch" else size for size in part["shape"]],
            part["initial"],
            dtype=getattr(torch, part["type"]),
        ).numpy()
        for part in config["files"]["step.onnx"]["state"]
    }
    x = torch.randn(1, 5, 8)
    outputs = []
    for t in range(5):
        y, *after = session.run(None, {"x": x[:, t].numpy(), **state})
        state = dict(zip(state, after, strict=True))
        outputs.append(torch.from_numpy(y))
    with torch.no_grad():
        expected = trained(a_candidate()).stream(x)[0]
    torch.testing.assert_close(torch.stack(outputs, 1), expected, atol=1e-5, rtol=1e-4)


def test_an_existing_target_is_not_touched(tmp_path: Path) -> None:
    target = tmp_path / "winner"
    target.mkdir()
    (target / "mine.txt").write_text("mine")
    candidate = a_candidate()
    with pytest.raises(FileExistsError, match="winner: already exists"):
        export(candidate, trained(candidate).state_dict(), TASK, SCORES, target)
    assert [path.name for path in tmp_path.rglob("*")] == ["winner", "mine.txt"]


def test_weights_of_another_model_are_refused(tmp_path: Path) -> None:
    weights = trained(a_candidate(hidden_size=5)).state_dict()
    with pytest.raises(ValueError, match=r"the weights do not fit the candidate: .*weight_ih_l0"):
        export(a_candidate(), weights, TASK, SCORES, tmp_path / "winner")
    assert not list(tmp_path.iterdir())


def sabotage(monkeypatch: pytest.MonkeyPatch, file: str, old: str, new: str) -> None:
    """Change a copied file behind the export's back."""
    copy = package._copy_rooms

    def copy_and_change(home: Path) -> None:
        copy(home)
        text = (home / file).read_text()
        assert old in text
        (home / file).write_text(text.replace(old, new))

    monkeypatch.setattr(package, "_copy_rooms", copy_and_change)


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        ("rules/heavy_ball.py", 'p["s"] * z', '2 * p["s"] * z', "forward differs by"),
        ("cells/base.py", "import torch\n", "import pandas\n", "No module named 'pandas'"),
    ],
)
def test_a_package_that_does_something_else_is_an_error_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str, old: str, new: str, message: str
) -> None:
    sabotage(monkeypatch, file, old, new)
    candidate = a_candidate("rnn", "heavy_ball")
    with pytest.raises(ExportError, match=message):
        export(candidate, trained(candidate).state_dict(), TASK, SCORES, tmp_path / "a" / "winner")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("output", "message"),
    [
        (torch.tensor([1.0, 2.1]), "forward differs by 0.1"),
        (torch.tensor([1.0, torch.nan]), "forward differs by nan"),
        (torch.tensor([[1.0, 2.0]]), r"forward has shape \(1, 2\) instead of \(2,\)"),
        (torch.tensor([1.0, 2.0 + 1e-6]), None),
    ],
)
def test_outputs_are_compared_by_shape_and_value(output: torch.Tensor, message: str | None) -> None:
    expected = torch.tensor([1.0, 2.0])
    refused = pytest.raises(ExportError, match=message) if message else contextlib.nullcontext()
    with refused:
        verify._compare({"forward": expected}, {"forward": output})


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


def test_forms_that_torch_cannot_write_are_named_with_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise NotImplementedError("no such operator\nand a long story")

    model = trained(a_candidate())
    monkeypatch.setattr(torch.export, "export", refuse)
    monkeypatch.setattr(formats, "_ONNX", ("onnx", "not_a_package"))
    outcome = formats.write_formats(model, 8, tmp_path)
    assert outcome["model.pt2"] == {
        "written": False,
        "reason": "NotImplementedError: no such operator",
    }
    assert outcome["step.onnx"]["written"] is False
    assert "not installed: not_a_package" in outcome["step.onnx"]["reason"]
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("inner", "lost"), [("_SCAN", {"model.pt2"}), ("_TREES", {"model.pt2", "step.onnx"})]
)
def test_a_form_is_left_out_where_torch_no_longer_has_what_writes_it(
    inner: str, lost: set[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(formats, inner, "torch.not_there_any_more")
    outcome = formats.write_formats(trained(a_candidate("rnn", "gd")), 8, tmp_path)
    assert {name for name, form in outcome.items() if not form["written"]} == lost
    for name in lost:
        assert "has no torch.not_there_any_more" in outcome[name]["reason"]


def test_a_form_whose_outputs_differ_is_not_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = trained(a_candidate("rnn", "gd"))
    monkeypatch.setattr(formats._Step, "forward", other_step(formats._Step.forward))
    outcome = formats.write_formats(model, 8, tmp_path)
    for name in ("model.pt2", "step.onnx"):
        assert outcome[name]["reason"].startswith("ArithmeticError: its outputs differ"), name
    assert not list(tmp_path.iterdir())


def other_step(forward: Any) -> Any:
    def step(self: Any, x: torch.Tensor, *state: torch.Tensor) -> tuple[torch.Tensor, ...]:
        y, *after = forward(self, x, *state)
        return (y + 0.1, *after)

    return step


def test_a_bidirectional_model_has_no_step(tmp_path: Path) -> None:
    outcome = formats.write_formats(trained(a_candidate(bidirectional=True)), 8, tmp_path)
    assert all("needs the whole sequence" in form["reason"] for form in outcome.values())


@pytest.mark.parametrize(
    ("cell", "rule"), [("orthogonal", "heavy_ball"), ("hippo", "gd"), ("lstm", "adam")]
)
def test_matrices_memories_and_learned_rules_have_a_step(
    cell: str, rule: str, tmp_path: Path
) -> None:
    pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
    model = trained(a_candidate(cell, rule, learn_rule=True))
    outcome = formats.write_formats(model, 8, tmp_path)
    assert outcome["step.onnx"]["written"], outcome


def test_the_readme_says_which_form_is_left_out_and_why(quick: None, tmp_path: Path) -> None:
    candidate = a_candidate("rnn", "gd")
    folder = export(candidate, trained(candidate).state_dict(), TASK, SCORES, tmp_path / "it")
    text = (folder / "README.md").read_text()
    for name in ("model.pt2", "step.onnx"):
        assert f"`{name}` is left out: `left out by the test`." in text


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
