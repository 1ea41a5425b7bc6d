"""The templates of scripts/cluster against the public schemas, and against our own command line."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import ray
import yaml

from optcell_search.cli.parser import make_parser

SCRIPTS = Path(__file__).parents[2] / "scripts"
TEMPLATES = SCRIPTS / "cluster"
SHELL_SCRIPTS = [TEMPLATES / "slurm.sh", SCRIPTS / "demo", SCRIPTS / "test"]
SHELL_SCRIPTS += [SCRIPTS / "environment.sh", SCRIPTS.parent / ".ci" / "run"]
RAY_SCHEMA = Path(ray.__file__).parent / "autoscaler" / "ray-schema.json"
# From the manual of sbatch (slurm.schedmd.com/sbatch.html), those with a long form only.
SBATCH = {
    "account", "array", "chdir", "clusters", "comment", "constraint", "cpus-per-task",
    "dependency", "error", "exclude", "exclusive", "export", "gpus", "gpus-per-node",
    "gpus-per-task", "gres", "job-name", "mail-type", "mail-user", "mem", "mem-per-cpu", "nodelist",
    "nodes", "ntasks", "ntasks-per-node", "open-mode", "output", "partition", "qos", "requeue",
    "reservation", "signal", "time", "tmp", "wait",
}  # fmt: skip


def read(name: str) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load((TEMPLATES / name).read_text())
    return content


def strict(schema: Any) -> Any:
    """The same schema, refusing what it does not name, as `kubectl apply --validate=strict`."""
    if isinstance(schema, list):
        return [strict(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {key: strict(value) for key, value in schema.items()}
    if schema.get("type") == "object" and isinstance(schema.get("properties"), dict):
        closed["additionalProperties"] = False
    return closed


def rayjob_schema() -> dict[str, Any]:
    schema = json.loads((Path(__file__).parent / "rayjob_schema.json").read_text())
    # Any Kubernetes object has these, whose schema is not the operator's.
    schema["properties"]["metadata"] = {"type": "object", "additionalProperties": True}
    closed: dict[str, Any] = strict(schema)
    return closed


def searches(text: str) -> list[list[str]]:
    """The arguments of every `optcell-search` in a shell command."""
    words = shlex.split(text)
    starts = [i for i, word in enumerate(words) if word.endswith("optcell-search")]
    ends = [*starts[1:], len(words)]
    found = []
    for start, end in zip(starts, ends, strict=True):
        part = words[start + 1 : end]
        stop = next((i for i, word in enumerate(part) if word.endswith(";")), len(part) - 1)
        found.append([word.rstrip(";") for word in part[: stop + 1]])
    return found


def test_ray_up() -> None:
    config = read("ray_up.yaml")
    schema = json.loads(RAY_SCHEMA.read_text())
    jsonschema.validate(config, schema)
    with pytest.raises(jsonschema.ValidationError, match="head_start_ray_command"):
        jsonschema.validate({**config, "head_start_ray_command": []}, schema)
    starts = [
        command
        for key in ("head_start_ray_commands", "worker_start_ray_commands")
        for command in config[key]
        if " start " in command
    ]
    assert len(starts) == 2
    assert all("RAY_AUTH_MODE=token" in command for command in starts)
    assert config["file_mounts"]["~/.ray/auth_token"] == "~/.ray/auth_token"
    comment = (TEMPLATES / "ray_up.yaml").read_text().partition("cluster_name")[0]
    example = comment[comment.index("ray exec") :].replace("\n#", " ").strip()
    (arguments,) = searches(shlex.split(example)[-1])
    assert make_parser().parse_args(arguments).address == "auto"


def test_kuberay() -> None:
    job = read("kuberay_job.yaml")
    jsonschema.validate(job, rayjob_schema())
    cluster = job["spec"]["rayClusterSpec"]
    assert cluster["authOptions"] == {"mode": "token"}
    # What the search and its checkpoints lie in is seen by all pods under the same name.
    groups = [cluster["headGroupSpec"], *cluster["workerGroupSpecs"]]
    for group in groups:
        (container,) = group["template"]["spec"]["containers"]
        assert container["volumeMounts"] == [{"name": "runs", "mountPath": "/runs"}]
    _, _, script = shlex.split(job["spec"]["entrypoint"])
    resume, start = (make_parser().parse_args(each) for each in searches(script))
    assert start.address == "auto"
    assert start.out == resume.directory == "/runs/first"


@pytest.mark.parametrize(
    "change",
    [
        {"entryPoint": "x"},
        {"rayClusterSpec": {"authOptions": {"mode": "tokens"}}},
        {"rayClusterSpec": {"headGroupSpec": {"template": {"spec": {"container": []}}}}},
        {"backoffLimit": "two"},
    ],
)
def test_the_schema_of_kuberay_refuses_mistakes(change: dict[str, Any]) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"spec": change}, rayjob_schema())


def test_slurm_options() -> None:
    script = (TEMPLATES / "slurm.sh").read_text()
    options = re.findall(r"^#SBATCH --([a-z-]+)(?:=(\S+))?$", script, re.MULTILINE)
    assert len(options) == script.count("\n#SBATCH")
    assert {name for name, _ in options} <= SBATCH
    subprocess.run(["bash", "-n", TEMPLATES / "slurm.sh"], check=True)


@pytest.mark.parametrize("script", SHELL_SCRIPTS, ids=lambda path: path.name)
def test_shell_scripts_are_free_of_known_mistakes(script: Path) -> None:
    # Installed with the tests, beside their interpreter, or by the system.
    places = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    shellcheck = shutil.which("shellcheck", path=places)
    if shellcheck is None:
        pytest.skip("shellcheck is not installed")
    done = subprocess.run(
        [shellcheck, "--external-sources", "--source-path", script.parents[1], script],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == ""
    assert done.returncode == 0


STUBS = {
    "scontrol": 'if [ "$1" = show ]; then printf "a\\nb\\nc\\n"\n'
    'else echo "scontrol $*" >> $LOG; fi',
    "srun": 'echo "srun $* [$RAY_AUTH_MODE ${#RAY_AUTH_TOKEN}]" >> $LOG\n'
    'case "$*" in *hostname*) echo "10.0.0.1 10.1.0.1";; esac',
    "sleep": "true",
    "env/bin/ray": "true",
    "env/bin/optcell-search": 'echo "search $* [$RAY_AUTH_MODE ${#RAY_AUTH_TOKEN}]" >> $LOG\n'
    "exit ${CODE:-0}",
}


def run_slurm(folder: Path, **environment: str) -> tuple[int, list[str]]:
    """Run the script on a Slurm that is not there; return its exit code and what it called."""
    for name, body in STUBS.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#!/bin/bash\n{body}\n")
        path.chmod(0o755)
    log = folder / "log"
    log.unlink(missing_ok=True)
    known = {
        "PATH": f"{folder}:{os.environ['PATH']}",
        "LOG": str(log),
        "SLURM_JOB_ID": "7",
        "SLURM_JOB_NODELIST": "[a-c]",
        "SLURM_CPUS_PER_TASK": "8",
        "SLURM_SUBMIT_DIR": str(folder),
        "OPTCELL_ENVIRONMENT": str(folder / "env"),
    }
    done = subprocess.run(
        ["bash", TEMPLATES / "slurm.sh"], env={**known, **environment}, timeout=60, check=False
    )
    return done.returncode, log.read_text().splitlines()


def test_slurm_starts_a_cluster_and_searches(tmp_path: Path) -> None:
    code, called = run_slurm(tmp_path)
    assert code == 0
    (search,) = (line for line in called if line.startswith("search "))
    assert search.endswith("[token 64]")
    arguments = make_parser().parse_args(search.partition(" [")[0].split()[1:])
    assert (arguments.address, arguments.workers) == ("10.0.0.1:6379", 24)
    starts = [line for line in called if " start " in line]
    assert len(starts) == 2
    assert all(line.endswith("[token 64]") for line in starts)
    assert not any("--nodelist=a" in line and "--address=" in line for line in starts)


def test_slurm_goes_on_with_a_run_and_comes_back_when_time_is_up(tmp_path: Path) -> None:
    (tmp_path / "runs" / "slurm").mkdir(parents=True)
    (tmp_path / "runs" / "slurm" / "run.toml").touch()
    code, called = run_slurm(tmp_path, CODE="130")
    assert code == 130
    (search,) = (line for line in called if line.startswith("search "))
    arguments = make_parser().parse_args(search.partition(" [")[0].split()[1:])
    assert arguments.directory == str(tmp_path / "runs" / "slurm")
    assert arguments.address == "10.0.0.1:6379"
    assert "scontrol requeue 7" in called
