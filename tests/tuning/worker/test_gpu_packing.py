"""`--gpus-per-trial auto`: all of it but the reading of a real GPU."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
import ray
import torch
from hypothesis import given
from hypothesis import strategies as st
from runs import PLUGINS, SPACE, a_request

import optcell_search
from optcell_search import SearchSpace
from optcell_search.training import DivergedError, Training
from optcell_search.tuning.cluster.data_transfer import Source
from optcell_search.tuning.worker.gpu_packing import (
    CONTEXT_BYTES,
    CudaMeter,
    Need,
    largest,
    measure,
    packed,
)

GIB = 2**30


def test_the_largest_candidates_are_the_largest() -> None:
    space = SearchSpace.load("optimizer_cells")
    found = largest(space)
    assert {(c.cell, c.rule) for c in found} == {(c, r) for c in space.cells for r in space.rules}
    sizes = {(c.cell, c.rule): c.to_dict() for c in found}
    for seed in range(50):
        other = space.sample(seed)
        most = sizes[other.cell, other.rule]
        assert other in space
        for section, name in (("model", "hidden_size"), ("training", "batch_size")):
            assert other.to_dict()[section][name] <= most[section][name]


@pytest.mark.parametrize("name", SearchSpace.names())
def test_the_largest_candidates_are_of_their_space(name: str) -> None:
    space = SearchSpace.load(name)
    assert all(candidate in space for candidate in largest(space))


@given(st.integers(1, 200 * GIB), st.integers(GIB, 200 * GIB), st.integers(1, 64))
def test_what_shares_a_gpu_fits_on_it(peak: int, total: int, candidates: int) -> None:
    share = Need(peak, total).share(candidates)
    together = int(1 / share)
    assert 0 < share <= 1
    assert together <= candidates
    assert together == 1 or together * (peak + CONTEXT_BYTES) <= total


def test_shares() -> None:
    need = Need(4 * GIB - CONTEXT_BYTES, 40 * GIB)
    assert need.share(100) == pytest.approx(1 / 9, abs=1e-4)
    assert need.share(3) == pytest.approx(1 / 3, abs=1e-4)
    assert Need(80 * GIB, 40 * GIB).share(8) == 1


def reading(space: SearchSpace, task: str, total: int = 16) -> Need:
    from pretended_gpu import PretendedMeter

    candidates = [candidate.to_dict() for candidate in largest(space)]
    return measure(candidates, Source(task=task, data_dir=""), "cpu", PretendedMeter(total))


@pytest.fixture
def pretended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(PLUGINS))


@pytest.mark.usefixtures("pretended")
def test_the_hungriest_candidate_counts(tiny: str) -> None:
    space = SearchSpace.from_dict(SPACE)
    (cell,) = {c.cell for c in largest(space)}
    model = largest(space)[0].build(optcell_search.tasks.load(tiny))
    assert (cell, model.cell.hidden_size) == ("rnn", 3)
    count = sum(p.numel() for p in model.parameters())
    assert reading(space, tiny) == Need(count * GIB // 100, 16 * GIB)


@pytest.mark.usefixtures("pretended")
@pytest.mark.parametrize(
    ("error", "peak"), [(torch.OutOfMemoryError("1 PiB"), 16 * GIB), (DivergedError("loss"), None)]
)
def test_a_candidate_that_goes_wrong(
    tiny: str, monkeypatch: pytest.MonkeyPatch, error: Exception, peak: int | None
) -> None:
    whole = reading(SearchSpace.from_dict(SPACE), tiny)

    def fail(training: Training) -> Any:
        raise error

    monkeypatch.setattr(Training, "epoch", fail)
    assert reading(SearchSpace.from_dict(SPACE), tiny).peak == (peak or whole.peak)


@pytest.mark.usefixtures("cluster", "pretended")
def test_a_request_is_packed_on_the_gpu_there_is(
    tiny: str, capsys: pytest.CaptureFixture[str]
) -> None:
    from pretended_gpu import PretendedMeter

    request = a_request(tiny, gpus_per_trial="auto", workers=8)
    source = Source(task=tiny, data_dir="")
    assert (request.device, request.gpus_measured) == ("cuda", True)
    # The GPU is one that is only said to be there.
    request = packed(dataclasses.replace(request, device="cpu"), source, PretendedMeter(4))
    assert 0 < request.gpus_per_trial < 1
    line = capsys.readouterr().err
    assert line.startswith(f"gpus_per_trial = {request.gpus_per_trial:g}: the largest candidate ")
    assert "of 4 GiB" in line


@pytest.mark.usefixtures("cluster")
def test_auto_without_a_gpu(tiny: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray, "cluster_resources", lambda: {"CPU": 2.0})
    with pytest.raises(ValueError, match="gpus_per_trial = auto, but the cluster has no GPU"):
        optcell_search.search(SPACE, tiny, 1, tmp_path / "run", gpus_per_trial="auto")
    assert not (tmp_path / "run").exists()


def test_auto_on_the_cpu_makes_no_sense(tiny: str) -> None:
    with pytest.raises(ValueError, match="auto measures memory on a GPU, but device = cpu"):
        a_request(tiny, gpus_per_trial="auto", device="cpu")


@pytest.mark.skipif(
    not torch.cuda.is_available(),
    reason="needs a CUDA GPU: run scripts/test on a machine that has one",
)
def test_the_memory_of_a_real_gpu(tiny: str) -> None:
    candidates = [candidate.to_dict() for candidate in largest(SearchSpace.from_dict(SPACE))]
    need = measure(candidates, Source(task=tiny, data_dir=""), "cuda", CudaMeter())
    assert 0 < need.peak < need.total
