"""An exported package whose files somebody has changed: one line, and no other code is run."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from calling import call
from raw_examples import EXAMPLES

from optcell_search import tasks
from optcell_search.export import description, export, formats
from optcell_search.space import Candidate

CANDIDATE = Candidate.from_dict(
    {"cell": {"name": "gru"}, "rule": {"name": "gd"}, "model": {"hidden_size": 5}, "training": {}}
)
LEFT_OUT = {"written": False, "reason": "left out by the test"}

# In one new interpreter, for each folder given: what the package says as it is loaded.
PROGRAM = """
import importlib, json, sys
said = {}
for folder in sys.argv[1:]:
    sys.path.insert(0, folder)
    for name in [name for name in sys.modules if name.partition(".")[0] == "winner_cell"]:
        del sys.modules[name]
    try:
        importlib.import_module("winner_cell").predictor()
        said[folder] = "loaded"
    except ValueError as error:
        said[folder] = str(error)
    sys.path.remove(folder)
print(json.dumps(said))
"""


@pytest.fixture(scope="module")
def winner(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("classes")
    task = tasks.load(EXAMPLES["classes"](folder), folder)
    forms = {"model.pt2": LEFT_OUT, "step.onnx": LEFT_OUT}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(formats, "write_formats", lambda *_: forms)
        weights = CANDIDATE.build(task).state_dict()
        target = tmp_path_factory.mktemp("exports") / "winner"
        return export(CANDIDATE, weights, task, {"validation": {}}, target)


def configured(*path: str, value: Any) -> Callable[[Path], None]:
    """A change of one value of config.json."""

    def change(home: Path) -> None:
        config = json.loads((home / "config.json").read_text())
        inner = config
        for key in path[:-1]:
            inner = inner[key]
        inner[path[-1]] = value
        (home / "config.json").write_text(json.dumps(config))

    return change


def weighted(content: bytes) -> Callable[[Path], None]:
    return lambda home: (home / "model.safetensors").write_bytes(content)  # type: ignore[func-returns-value]


def prepared(**values: Any) -> Callable[[Path], None]:
    def change(home: Path) -> None:
        path = home / "preprocessing.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), **values}))

    return change


CHANGES: dict[str, Callable[[Path], None]] = {
    "another package's code": configured("code", "cell", value="planted:Planted"),
    "code of the standard library": configured("code", "rule", value="os:system"),
    "code above the package": configured("code", "rule", value="..planted:Planted"),
    "a path as code": configured("code", "cell", value="./../../planted.py:Planted"),
    "code that is none": configured("code", "cell", value=7),
    "code of 10 MB": configured("code", "cell", value="." + "x" * 10**7 + ":X"),
    "code with NUL": configured("code", "cell", value=".cells\0:X"),
    "no candidate": configured("candidate", value=None),
    "a candidate's options": configured("candidate", "rule", value={"name": "gd", "__x": 1}),
    "a size that is a word": configured("input_size", value="many"),
    "another size": configured("candidate", "model", "hidden_size", value=6),
    "weights cut": weighted(b"\0" * 100),
    "no weights": weighted(b""),
    "weights with a large head": weighted((2**62).to_bytes(8, "little") + b"{}"),
    "weights of another model": weighted(safetensors.torch.save({"x": torch.zeros(3)})),
    "preprocessing of no kind": prepared(kind="pickle"),
    "preprocessing of a wrong type": prepared(layout=3),
    "preprocessing of words": prepared(layout="/etc/passwd"),
}


def test_what_is_loaded_is_the_package_or_an_error_of_one_line(
    winner: Path, tmp_path: Path
) -> None:
    for i, change in enumerate(CHANGES.values()):
        shutil.copytree(winner, tmp_path / str(i))
        change(tmp_path / str(i) / "winner_cell")
    (tmp_path / "planted.py").write_text("open('ran', 'w'); Planted = dict")
    shutil.copytree(winner, tmp_path / "sound")
    folders = [str(tmp_path / str(i)) for i in range(len(CHANGES))]
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *folders, str(tmp_path / "sound")],
        cwd=tmp_path, capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said.pop(str(tmp_path / "sound")) == "loaded"
    for name, folder in zip(CHANGES, folders, strict=True):
        assert said[folder] != "loaded", name
        assert "\n" not in said[folder], name
        assert len(said[folder]) < 500, name
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"[" * 10**5, b"\xff\xfe", b'{"predictor": true}', None]
)
def test_predict_says_so_in_one_line(
    content: bytes | None, winner: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "winner"
    shutil.copytree(winner, folder)
    for path in (folder / "config.json", folder / "winner_cell" / "config.json"):
        if content is None:
            path.unlink()
            os.mkfifo(path)
        elif path.parent == folder:
            path.write_bytes(content)
    out = tmp_path / "out.csv"
    code, output, errors = call(capfd, "predict", str(folder), "new.csv", "--out", str(out))
    assert (code, output, errors.count("\n")) == (2, "", 1), errors
    assert not out.exists()


def test_predict_of_damaged_weights(
    winner: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "winner"
    shutil.copytree(winner, folder)
    weighted(b"")(folder / "winner_cell")
    code, _, errors = call(capfd, "predict", str(folder), "new.csv", "--out", str(tmp_path / "o"))
    assert (code, errors.count("\n")) == (2, 1)
    assert "winner_cell: model.safetensors is damaged: " in errors


def test_a_score_that_is_no_number_for_one_seed_has_no_spread() -> None:
    scores = {"test": {"area": [0.5, float("nan")], "accuracy": [0.5, 0.75]}}
    told = {metric: text for _, metric, text, _ in description._told({"scores": scores})}
    assert told == {"area": "nan", "accuracy": "0.625 ± 0.18"}
