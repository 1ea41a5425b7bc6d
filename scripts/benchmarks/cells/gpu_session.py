"""One session on a GPU that is lent for minutes: what was measured is written down at once."""

from __future__ import annotations

import contextlib
import json
import time
from argparse import Namespace
from collections.abc import Callable, Iterator
from typing import Any

import torch
from gpu_report import report

# T, B, D, H of a rehearsal.
TOY = [(3, 2, 2, 4)]


@contextlib.contextmanager
def precision(name: str) -> Iterator[None]:
    """Allow TF32, in torch's kernels and in ours, for ``"tf32"`` alone."""
    before = torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = name == "tf32"
    try:
        yield
    finally:
        torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32 = before


class Session:
    """What has been measured so far, written down after each measurement.

    Args:
        args: the command line.
        head: machine and date.
    """

    def __init__(self, args: Namespace, head: dict[str, Any]) -> None:
        self.args = args
        self.deadline = time.monotonic() + 60 * args.minutes
        self.found: dict[str, Any] = {"head": head, "exactness": [], "candidates": []}
        self.found["linear"] = []
        self.found |= {"left_out": [], "failed": {}}
        args.out.mkdir(parents=True, exist_ok=True)

    def measure(self, label: str, run: Callable[[], dict[str, Any] | None], what: str) -> None:
        """Run one measurement and keep its row, or the reason why there is none."""
        if time.monotonic() > self.deadline:
            self.found["left_out"].append(label)
        else:
            try:
                row = run()
            except Exception as error:
                # The machine is lent for minutes: what else can be measured is.
                reason = (str(error).strip() or "no message").splitlines()[0]
                self.found["failed"][label] = f"{type(error).__name__}: {reason}"
                print(label, "failed:", reason, flush=True)
            else:
                if row is not None:
                    self.found[what].append(row)
        (self.args.out / "bench_gpu.json").write_text(json.dumps(self.found, indent=1) + "\n")
        (self.args.out / "bench_gpu.md").write_text("\n".join(report(self.found)) + "\n")


def seconds(run: Any, device: str) -> float:
    """Return the wall time of a call."""
    wait = torch.cuda.synchronize if device.startswith("cuda") else lambda: None
    wait()
    begin = time.perf_counter()
    run()
    wait()
    return time.perf_counter() - begin
