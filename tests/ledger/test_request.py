from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from runs import SPACE, a_request

from optcell_search.ledger.request import Request


def test_everything_is_resolved_and_reads_back(tiny: str, tmp_path: Path) -> None:
    request = a_request(tiny, constraints=["parameters<=50"], objectives=["accuracy", "parameters"])
    request.write(tmp_path)
    assert Request.read(tmp_path) == request
    assert request.objectives == {"accuracy": "maximize", "parameters": "minimize"}
    assert request.threads >= 1
    assert len(request.data_fingerprint) == 64
    assert request.versions.keys() >= {"python", "torch", "ray", "optuna"}
    assert request.search_space.to_dict() == request.space


def test_each_run_has_a_name_of_its_own(tiny: str) -> None:
    assert a_request(tiny).run_id != a_request(tiny).run_id


def test_the_first_metric_of_the_task_is_the_default_objective(tiny: str) -> None:
    assert a_request(tiny).objectives == {"accuracy": "maximize"}


def test_halving_is_the_default_where_it_can_be(tiny: str) -> None:
    assert a_request(tiny).scheduler == "asha"
    assert a_request(tiny, objectives=["accuracy", "parameters"]).scheduler == "mo-asha"
    # What training does not change cannot be told by looking early.
    assert a_request(tiny, objectives=["parameters", "latency_ms"]).scheduler == "none"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"num_trials": 0}, "num_trials = 0; valid: integers, 1 or more"),
        ({"epochs": 0}, "epochs = 0; valid"),
        ({"workers": 0}, "workers = 0; valid"),
        ({"repeats": 0}, "repeats = 0; valid"),
        ({"seed": -1}, "seed = -1; valid: integers, 0 or more"),
        ({"gpus_per_trial": -1.0}, "gpus_per_trial = -1"),
        ({"gpus_per_trial": float("nan")}, "gpus_per_trial = nan"),
        ({"checkpoint_gib": -1.0}, "checkpoint_gib = -1"),
        ({"sampler": "best"}, "unknown sampler 'best'; valid: tpe, gp, nsga2, random, grid"),
        ({"scheduler": "x"}, "unknown scheduler 'x'; valid: auto, asha, mo-asha, none"),
        ({"objectives": ["beauty"]}, "unknown objective 'beauty'; valid: accuracy, "),
        ({"objectives": []}, "valid: one or more of accuracy"),
        ({"objectives": ["accuracy", "accuracy"]}, "one is named twice"),
        ({"objectives": ["accuracy", "parameters"], "scheduler": "asha"}, "exactly one objective"),
        ({"objectives": ["parameters"], "scheduler": "asha"}, "an objective that training changes"),
        ({"objectives": ["parameters"], "scheduler": "mo-asha"}, "parameters do not; valid here:"),
        (
            {"deterministic": True, "objectives": ["accuracy", "latency_ms"]},
            "latency_ms is read off a clock",
        ),
        ({"deterministic": True, "constraints": ["train_seconds<=9"]}, "train_seconds is read off"),
        ({"device": "tpu"}, "unknown device 'tpu'; valid: auto, cpu, cuda"),
        ({"device": "cuda"}, "device = cuda, but gpus_per_trial = 0; valid"),
        ({"constraints": ["weight<=3"]}, "unknown metric 'weight'"),
        ({"space": "nowhere"}, "nowhere"),
        ({"space": {**SPACE, "rules": ["none"]}}, "none"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(
    tiny: str, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises((ValueError, FileNotFoundError)) as caught:
        a_request(tiny, **changes)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_test_data_that_cannot_be_read_is_said_before_the_search(tmp_path: Path) -> None:
    text = tmp_path / "short.txt"
    text.write_text("abcd" * 161)
    with pytest.raises(ValueError, match=r"short\.txt, test part: too few tokens: 64"):
        a_request(f"{text}:streams=32,chunk=1")


def test_a_folder_without_a_run(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no run here, run\.toml is missing"):
        Request.read(tmp_path)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("format = 2", "format = 3", "format 3 was written by another version"),
        ("seed = 0", "sed = 0", "missing or unknown keys: 'sed', 'seed'"),
        ("seed = 0", "seed = ", "not TOML"),
    ],
)
def test_a_request_that_this_version_cannot_read(
    tiny: str, tmp_path: Path, old: str, new: str, message: str
) -> None:
    a_request(tiny).write(tmp_path)
    path = tmp_path / "run.toml"
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(ValueError, match=r"run\.toml: ") as caught:
        Request.read(tmp_path)
    assert message in str(caught.value)
