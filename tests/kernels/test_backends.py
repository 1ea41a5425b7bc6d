"""Which kernel runs is seen, forced, and explained."""

from __future__ import annotations

import pickle
import shutil
import tempfile
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from optcell_search import cells, kernels, rules
from optcell_search.cells import OptCell
from optcell_search.kernels import Loop
from optcell_search.kernels.compiled import build

CPU, CUDA = torch.device("cpu"), torch.device("cuda")


@pytest.fixture
def no_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "problem", lambda: "no C++ compiler")


def test_the_lstm_without_a_compiler_is_torchs_for_linear_rules_and_not_for_adam(
    no_compiler: None,
) -> None:
    assert OptCell(3, 4, cell="lstm", rule="heavy_ball").backend == "native"
    backend = OptCell(3, 4, cell="lstm", rule="adam").backend
    assert backend == "torch"
    assert "not pre-activations" in backend.skipped["native"]


def test_a_machine_without_a_compiler_falls_to_the_next_and_says_why(no_compiler: None) -> None:
    assert OptCell(3, 4, cell="gru", rule="heavy_ball").backend == "native"
    backend = OptCell(3, 4, cell="gru", rule="rmsprop").backend
    assert backend == "torch"
    assert backend.skipped["compiled"] == "no C++ compiler"
    assert "not compiled: no C++ compiler" in repr(backend)


@pytest.mark.parametrize("name", ["native", "compiled", "torch", "reference"])
@pytest.mark.parametrize("rule", ["nesterov", "adam"])
def test_a_forced_kernel_gives_the_same_numbers(name: str, rule: str) -> None:
    cell = OptCell(3, 4, rule=rule, num_layers=2, dtype=torch.float64)
    x = torch.randn(6, 2, 3, dtype=torch.float64)
    usual, _ = cell(x)
    with kernels.backend(name):
        backend = cell.backend
        forced, _ = cell(x)
    assert backend == name or name in backend.skipped
    torch.testing.assert_close(forced, usual, rtol=1e-12, atol=1e-12)


def test_forcing_ends_with_the_context_and_nests() -> None:
    loop = Loop("scan", CPU, torch.float32)
    with kernels.backend("reference"):
        with kernels.backend("torch"):
            assert kernels.choose(loop) == "torch"
        assert kernels.choose(loop) == "reference"
    assert kernels.choose(loop) != "reference"


def test_an_unknown_kernel_is_refused_by_name() -> None:
    message = r"unknown backend 'cuda'; valid: native, compiled"
    with pytest.raises(ValueError, match=message), kernels.backend("cuda"):
        pass


@pytest.mark.parametrize(
    ("loop", "name", "reason"),
    [
        (Loop("lstm", CUDA, torch.float32, 128), "compiled", "not for cuda"),
        (Loop("lstm", CPU, torch.float32, 128), "triton", "not for cpu"),
        (Loop("lstm", CUDA, torch.float32, 512), "triton", "up to 256, not for 512"),
        (Loop("lstm", CUDA, torch.bfloat16, 512), "triton", "up to 256, not for 512"),
        (Loop("scan", CUDA, torch.float64), "triton", "not for torch.float64"),
        (Loop("scan", CPU, torch.float16), "compiled", "not for torch.float16"),
    ],
)
def test_what_a_kernel_cannot_do_is_said(
    loop: Loop, name: str, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: object())
    with kernels.backend(name):
        choice = kernels.choose(loop)
    assert choice != name
    assert reason in choice.skipped[name]


def test_a_cell_of_another_kind_runs_the_readable_loop() -> None:
    class Own(cells.RNN):
        name = "own"

        @property
        def kernel(self) -> None:  # type: ignore[override]
            return None

    cell = OptCell(3, 4, cell=Own(), rule=rules.Adam())
    assert cell.backend == "reference"
    assert set(cell.backend.skipped) == {"native", "compiled", "triton", "torch"}
    assert cell(torch.randn(5, 2, 3))[0].shape == (5, 2, 4)


def test_a_compiler_that_fails_is_a_reason_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "compiler"
    broken.write_text("#!/bin/sh\necho 'error: out of ideas' >&2\nexit 1\n")
    broken.chmod(0o755)
    monkeypatch.setenv("CXX", str(broken))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    with pytest.raises(build.UnavailableError, match="failed: error: out of ideas"):
        build.library.__wrapped__()
    assert list((tmp_path / "cache" / "optcell_search").iterdir()) == []


@pytest.mark.skipif(shutil.which("g++") is None, reason="there is no g++")
def test_where_there_is_a_compiler_the_kernels_build() -> None:
    """Or every test of them would be skipped, and say why."""
    assert build.problem() is None


def test_no_place_to_keep_the_kernels_is_a_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "file"))
    with pytest.raises(build.UnavailableError, match="Not a directory"):
        build.library.__wrapped__()


def test_a_choice_is_pickled_with_its_reasons(no_compiler: None) -> None:
    choice = OptCell(3, 5, rule="adam").backend
    again = pickle.loads(pickle.dumps(choice))
    assert (again, again.skipped) == (choice, choice.skipped)
    assert choice.skipped


def test_kernels_are_not_compiled_where_the_system_is_another(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(build, "os", SimpleNamespace(name="nt"))
    with pytest.raises(build.UnavailableError, match="Linux and macOS"):
        build.library.__wrapped__()
