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


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full on this system")
def test_an_output_that_is_full_is_one_line_or_none() -> None:
    """Python ends with exit code 120 and a complaint where it cannot write what is left."""
    program = [sys.executable, "-m", "optcell_search.cli", "list", "rules"]
    for streams in ({"stdout"}, {"stdout", "stderr"}):
        with open("/dev/full", "wb") as full:
            given = {"stderr": subprocess.PIPE} | dict.fromkeys(streams, full)
            done = subprocess.run(program, text=True, check=False, **given)  # type: ignore[call-overload]
        assert done.returncode == 2
        if "stderr" not in streams:
            assert done.stderr == "optcell-search: [Errno 28] No space left on device\n"


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full on this system")
def test_a_log_that_is_full_leaves_the_exit_code() -> None:
    program = [sys.executable, "-m", "optcell_search.cli", "status", "nowhere"]
    with open("/dev/full", "wb") as full:
        assert subprocess.run(program, stderr=full, check=False).returncode == 2


def test_a_reader_that_has_read_enough_is_no_fault() -> None:
    command = [sys.executable, "-m", "optcell_search.cli", "list", "spaces", "--json"]
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, text=True)
    os.close(writing)
    assert (done.returncode, done.stderr) == (141, "")
