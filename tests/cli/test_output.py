from __future__ import annotations

import os
import subprocess
import sys

import pytest

from optcell_search.cli.output import results_only


def write_everywhere() -> None:
    with results_only():
        print("python", flush=True)
        os.write(1, b"extension\n")
        subprocess.run([sys.executable, "-c", "print('child')"], check=True)
        raise ValueError("broken")


def test_only_results_reach_the_standard_output(capfd: pytest.CaptureFixture[str]) -> None:
    print("before", flush=True)
    with pytest.raises(ValueError, match="broken"):
        write_everywhere()
    print("after", flush=True)
    output, errors = capfd.readouterr()
    assert output == "before\nafter\n"
    assert errors == "python\nextension\nchild\n"


def test_a_reader_that_has_read_enough_is_no_fault() -> None:
    command = [sys.executable, "-m", "optcell_search.cli", "list", "spaces", "--json"]
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, text=True)
    os.close(writing)
    assert (done.returncode, done.stderr) == (141, "")
