"""What the attack scripts start ends with them."""

from __future__ import annotations

import sys
import time

import attacks
import pytest

_TWO = """
import subprocess, sys, time
subprocess.Popen([sys.executable, "-c", "import os, time; os.setpgid(0, 0); time.sleep(60)"])
time.sleep(60)
"""


def _interrupted() -> None:
    with attacks.session_of([sys.executable, "-c", _TWO]) as process:
        deadline = time.monotonic() + 20
        while len(attacks.in_session(process.pid)) < 2 and time.monotonic() < deadline:
            time.sleep(0.05)
        raise KeyboardInterrupt(process)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_what_a_script_started_ends_with_it_also_in_a_process_group_of_its_own() -> None:
    with pytest.raises(KeyboardInterrupt) as error:
        _interrupted()
    (process,) = error.value.args
    assert process.returncode < 0
    assert attacks.in_session(process.pid) == {}
