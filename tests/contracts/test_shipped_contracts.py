"""The contracts work for another package, which subclasses them, and find what is broken."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from optcell_search import testing

PLUGINS = Path(__file__).parent / "plugins"
ROOT = Path(__file__).parents[2]


def run(suite: str, folder: Path) -> str:
    """Run a test module in an interpreter of its own, away from this project's settings."""
    (folder / "pytest.ini").write_text("[pytest]\n")
    settings = ["-c", "pytest.ini", "--noconftest", "-p", "no:cacheprovider", "-p", "no:dash"]
    options = [*settings, "-rf", "-q"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, str(PLUGINS / suite)],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{PLUGINS}", "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    return done.stdout + done.stderr


def test_a_package_of_one_rule_cell_task_and_penalty_passes(tmp_path: Path) -> None:
    said = run("pond_suite.py", tmp_path)
    counted = re.search(r"^(\d+) passed in ", said.splitlines()[-1])
    assert counted, said
    # Every test of every contract ran: none was skipped or left out.
    own = [
        name
        for contract in (testing.RuleContract, testing.CellContract)
        for name in dir(contract)
        if name.startswith("test_")
    ]
    assert int(counted[1]) > 3 * len(own)


def test_what_is_broken_is_found(tmp_path: Path) -> None:
    said = run("broken_suite.py", tmp_path)
    failed = set(re.findall(r"^FAILED \S*::(\w+::\w+)", said, re.MULTILINE))
    assert {
        "TestForeseeing::test_it_is_causal",
        "TestForeseeing::test_any_pieces_give_what_the_whole_gives",
        "TestForgetful::test_any_pieces_give_what_the_whole_gives",
        "TestLeaking::test_no_example_is_in_two_splits",
        "TestRewarding::test_violations_are_never_negative_and_have_gradients",
    } <= failed, said
    assert "TestForeseeing::test_it_describes_itself" not in failed
    assert "TestLeaking::test_splits_have_the_shapes_that_sizes_and_readout_say" not in failed


CONTRACTS = [name for name in testing.__all__ if "Contract" in name]


@pytest.fixture(scope="module")
def without(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What a suite says that supplies no fixture to any contract."""
    suite = tmp_path_factory.mktemp("without") / "test_none.py"
    classes = [f"class Test{name}(testing.{name}): ..." for name in CONTRACTS]
    suite.write_text("\n\n".join(["from optcell_search import testing", *classes]))
    return run(str(suite), suite.parent)


@pytest.mark.parametrize("contract", CONTRACTS)
def test_a_contract_without_its_fixture_says_which(contract: str, without: str) -> None:
    header = "ERROR at setup of "
    said = without.partition(f"{header}Test{contract}.")[2].partition(header)[0]
    assert "supply the fixture `" in said


def test_importing_the_package_does_not_import_pytest() -> None:
    rooms = "optcell_search, optcell_search.space, optcell_search.tasks, optcell_search.tuning"
    program = f"import sys, {rooms}; print('pytest' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT)
    assert done.stdout.split() == ["False"], done.stderr
