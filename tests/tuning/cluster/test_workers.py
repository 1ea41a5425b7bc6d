"""What the workers of a cluster get and are asked, before a search begins."""

from __future__ import annotations

import dataclasses
import shutil
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import ray
from runs import PLUGINS, SPACE, a_request, faulty_space, installed

import optcell_search
from optcell_search import registry
from optcell_search.ledger.request import Request
from optcell_search.tuning.cluster import connection as clusters
from optcell_search.tuning.cluster import preflight
from optcell_search.tuning.cluster.data_transfer import Source
from optcell_search.tuning.cluster.preflight import (
    Answer,
    Question,
    answer,
    check_nodes,
    check_room,
)
from optcell_search.tuning.cluster.runtime_environment import runtime_environment
from optcell_search.tuning.store.file_systems import Location


@pytest.fixture
def request_(tiny: str) -> Request:
    return a_request(tiny)


@pytest.fixture
def question(request_: Request, tmp_path: Path) -> Question:
    (tmp_path / "probe").mkdir()
    (tmp_path / "probe" / "question").touch()
    return Question(request_.space, Source.of(request_, tmp_path / "run"), str(tmp_path / "probe"))


def test_a_worker_that_can_do_it_all(question: Question, tmp_path: Path) -> None:
    assert answer(question) == Answer()
    assert (tmp_path / "probe" / "answer").exists()


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"space": {**SPACE, "rules": ["lonely"]}}, "unknown rule 'lonely'"),
        ({"where": "/nowhere/probe"}, "storage /nowhere/probe is not the one that is seen here"),
    ],
)
def test_a_worker_says_what_it_cannot_do(
    question: Question, changes: dict[str, object], fault: str
) -> None:
    said = answer(dataclasses.replace(question, **changes))  # type: ignore[arg-type]
    assert fault in said.fault
    assert "\n" not in said.fault
    assert not said.lacks_data


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"task": "/nowhere/data.npz"}, "the data cannot be read there: "),
        ({"fingerprint": "0" * 64}, "is not the same there"),
    ],
)
def test_a_worker_says_that_it_lacks_the_data(
    question: Question, changes: dict[str, str], fault: str
) -> None:
    source = dataclasses.replace(question.source, **changes)
    said = answer(dataclasses.replace(question, source=source))
    assert fault in said.fault
    assert "\n" not in said.fault
    assert said.lacks_data


def test_room(tmp_path: Path) -> None:
    place = Location(str(tmp_path / "not" / "yet"))
    check_room(place, 1)
    with pytest.raises(ValueError, match=rf"storage {tmp_path}: .* GiB are free"):
        check_room(place, 2**60)


def check(request: Request, folder: Path, place: Path) -> None:
    check_nodes(request, Location(str(place)), Source.of(request, folder / "run"))


@pytest.mark.usefixtures("cluster")
def test_all_nodes_are_asked_and_nothing_is_left(request_: Request, tmp_path: Path) -> None:
    check(request_, tmp_path, tmp_path / "run" / "checkpoints")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("cluster")
def test_a_node_that_dies_as_it_is_asked_is_done_without(
    request_: Request, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (alive,) = preflight._nodes()
    # What Ray still counts among its nodes for a while, and finds no place on.
    dead = {**alive, "NodeID": "0" * len(alive["NodeID"])}
    monkeypatch.setattr(preflight, "_nodes", lambda: [dead, alive])
    check(request_, tmp_path, tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def lonely_rule(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A rule that is installed here and nowhere else."""
    site = tmp_path / "site"
    source = (PLUGINS / "faulty_rule.py").read_text()
    entries = (PLUGINS / "faulty_rule-1.0.dist-info" / "entry_points.txt").read_text()
    info = site / "lonely_rule-1.0.dist-info"
    info.mkdir(parents=True)
    (site / "lonely_rule.py").write_text(source.replace('"faulty"', '"lonely"'))
    (info / "entry_points.txt").write_text(entries.replace("faulty", "lonely"))
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: lonely_rule\nVersion: 1.0\n")
    with installed(monkeypatch, registry.rules, site):
        yield
    sys.modules.pop("lonely_rule", None)


@pytest.mark.usefixtures("cluster", "lonely_rule")
def test_a_plugin_that_only_the_driver_has(tiny: str, tmp_path: Path) -> None:
    space = faulty_space(0)
    space = {**space, "rules": ["lonely"], "rule": {"lonely": space["rule"]["faulty"]}}
    with pytest.raises(ValueError, match=r"worker on .*: .*unknown rule 'lonely'.*must be insta"):
        optcell_search.search(space, tiny, 1, tmp_path / "run", epochs=1)
    assert not (tmp_path / "run").exists()


@pytest.mark.usefixtures("lonely_rule")
def test_the_package_and_all_plugins_are_sent(tmp_path: Path) -> None:
    with runtime_environment() as environment:
        sent = [Path(module) for module in environment["py_modules"]]
        names = {path.name for path in sent}
        assert {"optcell_search", "lonely_rule.py", "lonely_rule-1.0.dist-info"} <= names
        # As a worker finds them: side by side on its path.
        there = tmp_path / "there"
        for path in sent:
            copy = shutil.copytree if path.is_dir() else shutil.copy
            there.mkdir(exist_ok=True)
            copy(path, there / path.name)
    from importlib.metadata import distributions

    (found,) = distributions(name="lonely_rule", path=[str(there)])
    assert [entry.name for entry in found.entry_points] == ["lonely"]


@pytest.mark.usefixtures("cluster")
def test_a_cluster_that_is_busy_is_waited_for(
    request_: Request, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(clusters, "_PATIENCE", 0.0)

    @ray.remote(num_cpus=0, num_gpus=1)
    class Guest:
        def here(self) -> None:
            """Answer once it has the only GPU."""

    guest = Guest.remote()
    ray.get(guest.here.remote())
    timer = threading.Timer(2.0, ray.kill, [guest])
    timer.start()
    clusters.wait_for_resources(dataclasses.replace(request_, gpus_per_trial=0.5))
    timer.join()
    output, errors = capfd.readouterr()
    assert output == ""
    assert errors == (
        "waiting for the cluster: a candidate asks for 1 CPUs and 0.5 GPUs; "
        "there are 2 CPUs and 1 GPUs, of which 2 CPUs and 0 GPUs are free\n"
    )
