"""Environments: runs the commands in places that lack something, and counts.

    environments.py [--only NAME]

A long or missing folder for temporary files, no home or one that cannot be written, a user whom the
system does not know, output that is closed, full or knows only ASCII, a folder that is gone. Each
command works or says in one line what to set. The unknown user takes root.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import attacks

_ROOT = Path(__file__).parents[2]
_PROGRAM = [
    sys.executable,
    "-c",
    "import sys; from optcell_search.cli import main; sys.exit(main())",
]
_FORWARD = """
import torch, optcell_search
for kernels in ("adam", "gd"):
    cell = optcell_search.OptCell(3, 4, rule=kernels)
    cell(torch.randn(5, 2, 3))[0].sum().backward()
"""
_STRANGER = 12345
# A first pass compiles the kernels, which took four minutes on a machine with much else to do.
_SECONDS = 900
# A user who is not root must reach the interpreter, which may lie in root's own folder: in a mount
# name space of its own that folder is open, and has nothing but the interpreter in it.
_OPENED = (
    'mkdir -p "$0" && mount --bind "$1" "$0" && mount -t tmpfs -o mode=755 tmpfs /root && '
    'mkdir -p "$1" && mount --bind "$0" "$1" && shift && exec "$@"'
)


@dataclass
class Case:
    """What is odd about an environment."""

    variables: dict[str, str | None] = field(default_factory=dict)
    stranger: bool = False
    shell: str = ""  # redirections


def cases(root: Path) -> dict[str, Case]:
    """Return the environments by name."""
    long = root / ("a-long-name-" * 6)
    long.mkdir(mode=0o777)
    (root / "locked").mkdir(mode=0o555)
    (root / "file").write_text("")
    nothing = {"HOME": None, "XDG_CACHE_HOME": None, "XDG_STATE_HOME": None}
    ascii_only = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0",
                  "PYTHONIOENCODING": "ascii"}  # fmt: skip
    return {
        "ordinary": Case(),
        "TMPDIR of 80 characters": Case({"TMPDIR": str(long)}),
        "TMPDIR that is not there": Case({"TMPDIR": str(root / "nowhere")}),
        "no HOME": Case(nothing),
        "HOME=/": Case(nothing | {"HOME": "/"}),
        "HOME that is a file": Case(nothing | {"HOME": str(root / "file")}),
        "unknown user": Case(nothing, stranger=True),
        "unknown user, HOME=/": Case(nothing | {"HOME": "/"}, stranger=True),
        "unknown user, a home that cannot be written": Case(
            nothing | {"HOME": str(root / "locked")}, stranger=True
        ),
        "closed output": Case(shell=">&-"),
        "closed errors": Case(shell="2>&-"),
        "all closed": Case(shell="<&- >&- 2>&-"),
        "full output": Case(shell=">/dev/full"),
        "full errors": Case(shell="2>/dev/full"),
        "ASCII": Case(ascii_only),
        "no terminal type, no language": Case({"LANG": None, "TERM": None}),
        "the current folder is gone": Case(shell="gone"),
    }


def commands(root: Path, out: Path) -> list[list[str]]:
    """Return what is called in each environment."""
    command = [*_PROGRAM]
    run = str(out / "run")
    return [
        [sys.executable, "-c", _FORWARD],
        [*command, "list", "rules"],
        [*command, "run", str(root / "tiny.toml"), "--task", str(root / "tiny.npz"),
         "--trials", "2", "--epochs", "1", "--workers", "1",
         "--checkpoint-gib", "0.001", "--out", run],
        [*command, "status", run],
        [*command, "results", run, "--json"],
        [*command, "results", run, "--csv", str(out / "all.csv")],
        [*command, "status", str(out / "nö-run")],
        [*command, "export", run, "--out", str(out / "winner")],
    ]  # fmt: skip


def call(command: list[str], case: Case, root: Path) -> tuple[int, str]:
    """Call a command in an environment; return its exit code, and what it said as it went wrong."""
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(_ROOT), "HOME": str(root / "home"),
                   "PYTHONDONTWRITEBYTECODE": "1", "LANG": "C.UTF-8"}  # fmt: skip
    for name, value in case.variables.items():
        environment.pop(name, None)
        if value is not None:
            environment[name] = value
    prefix: list[str] = []
    if case.stranger:
        interpreter = str(Path(sys.base_prefix).parents[1])
        prefix = ["unshare", "--mount", "sh", "-c", _OPENED, str(root / "bound"), interpreter]
        prefix += ["setpriv", f"--reuid={_STRANGER}", f"--regid={_STRANGER}", "--clear-groups"]
    if case.shell:
        folder = root / "gone"
        folder.mkdir(exist_ok=True)
        leave = f'cd "{folder}" && rmdir "{folder}" && ' if case.shell == "gone" else ""
        shell = "" if case.shell == "gone" else case.shell
        prefix += ["sh", "-c", f'{leave}exec "$0" "$@" {shell}']
    with attacks.session_of(
        [*prefix, *command],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=root / "here",
    ) as process:
        try:
            _, errors = process.communicate(timeout=_SECONDS)
        except subprocess.TimeoutExpired:
            return -1, "takes too long"
        return process.returncode, errors.decode(errors="replace")


def faults_of(code: int, said: str, *, heard: bool) -> list[str]:
    """Return what is wrong with how a command ended; `heard`: its errors come here."""
    faults = []
    if code in (1, 2) and heard and not said.strip():
        faults.append("an exit code without a word")
    if code not in attacks.CODES:
        faults.append(f"exit code {code}: {said.strip()[-300:]}")
    if "Traceback" in said or "Exception ignored" in said:
        faults.append(f"a traceback: {said.strip()[-300:]}")
    if code in (1, 2) and len(attacks.complaints(said)) > 1:
        faults.append(f"{len(attacks.complaints(said))} lines: {said[:300]}")
    return faults


def main() -> int:
    """Go through all environments; return 1 where something went wrong."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--only", default="", help="of the environments whose name holds this")
    parser.add_argument("--skip", type=int, default=0, help="so many of them, the first ones")
    arguments = parser.parse_args()
    attacks.stopped_cleanly()
    tally = attacks.Tally()
    with tempfile.TemporaryDirectory(prefix="e-") as name:
        root = Path(name)
        root.chmod(0o777)
        attacks.make_inputs(root)
        for folder in ("home", "here"):
            (root / folder).mkdir()
        for title, case in list(cases(root).items())[arguments.skip :]:
            if arguments.only not in title:
                continue
            out = root / "out"
            out.mkdir()
            out.chmod(0o777)
            codes = []
            heard = "2>" not in case.shell
            for command in commands(root, out):
                code, said = call(command, case, root)
                codes.append(code)
                what = " ".join(part for part in command[3:] if "\n" not in part)[:60]
                tally.take(f"{title}: {what}", str(code), faults_of(code, said, heard=heard))
                if code in (1, 2):
                    print(f"  {title}: {said.strip()[:200]}")
            print(f"{title}: {codes}", flush=True)
            shutil.rmtree(out)
    return tally.end("environments")


if __name__ == "__main__":
    sys.exit(main())
