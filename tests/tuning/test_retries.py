"""Failures that a second try mends, and those that none does, on a real cluster.

Its GPU is one that is only said to be there: Ray shares out what it is told of, and the candidates
train on the CPU.
"""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
import tomli_w
from runs import faulty_space

import optcell_search
from optcell_search.cli import main
from optcell_search.ledger.opening import open_ledger
from optcell_search.tuning import Run

pytestmark = pytest.mark.usefixtures("cluster", "faulty_rule")


@pytest.mark.slow
def test_out_of_gpu_memory_is_mended_by_a_larger_share(tiny: str, tmp_path: Path) -> None:
    from faulty_rule import MEMORY, NONE, SHARE

    run = optcell_search.search(
        faulty_space(NONE, SHARE, MEMORY),
        tiny,
        3,
        tmp_path / "run",
        sampler="grid",
        epochs=1,
        workers=2,
        threads=1,
        gpus_per_trial=0.25,
        device="cpu",
    )
    table = run.results().set_index("faulty.fault")
    assert table["state"].to_dict() == {NONE: "COMPLETE", SHARE: "COMPLETE", MEMORY: "FAIL"}
    assert table["reason"][MEMORY] == "out of memory"
    with contextlib.closing(open_ledger(run.request, run.directory)) as ledger:
        shares = {
            trial.user_attrs["candidate"]["rule"]["fault"]: trial.user_attrs.get("gpus")
            for trial in ledger.trials()
        }
    assert shares == {NONE: None, SHARE: 1.0, MEMORY: 1.0}
    # The final trainings ask at once for what the search found out.
    number = int(table["number"][SHARE])
    assert list(run.finalize(trials=[number], seeds=1)["finalized"]) == [1]


@pytest.mark.slow
def test_a_search_that_cannot_go_well_stops_early_and_says_why(
    tiny: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from faulty_rule import ERROR

    space, folder = tmp_path / "space.toml", tmp_path / "run"
    data = faulty_space(ERROR)
    data["training"] = {"lr": {"low": 1e-3, "high": 1e-1, "log": True}}
    space.write_text(tomli_w.dumps(data))
    command = f"run {space} --task {tiny} --trials 30 --out {folder} --epochs 1 --workers 2"
    assert main([*command.split(), "--threads", "1"]) == 1
    lines = capsys.readouterr().err.splitlines()
    (errors,) = [line for line in lines if not line.startswith("trial ")]
    assert "stopped early: the first " in errors
    assert "all failed in the same way: error: RuntimeError: broken on purpose" in errors
    assert f"`optcell-search resume {folder}` goes on" in errors
    status = Run.open(folder).status()
    assert 8 <= status["fail"] <= 9
    assert status["running"] == 0
    assert status["missing"] == 30 - status["fail"]
