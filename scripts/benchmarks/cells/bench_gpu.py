"""Check and time every cell on one GPU, in one call of less than ten minutes.

    python bench_gpu.py                exactness, K candidates at once, times and memory
    python bench_gpu.py --rehearse     the same on the CPU at toy sizes, Triton interpreted

Exactness and candidates go to bench_gpu.json and bench_gpu.md in the folder of the results, times
and memory beside those of the CPU in bench_cells.json and bench_cells.md, each as soon as it is
there. What comes first matters most: measurements that would start after `--minutes` are left out
and named at the end, and so is what fails, with the reason; then the exit code is 1. Nothing but
torch, Triton and this repository is needed.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime
import importlib
import os
import sys
from pathlib import Path

# The repository itself, installed or not: installing it brings what a GPU machine may lack.
sys.path.insert(0, str(Path(__file__).parents[3]))

import bench_cells
import torch
from gpu_exactness import exactness
from gpu_session import Session
from gpu_times import candidates, linear_times, times

from optcell_search import kernels


def main() -> None:
    """Run all measurements in order of their weight and write them down."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--rehearse", action="store_true", help="toy sizes on the CPU")
    parser.add_argument("--repeats", type=int, default=10)
    parser.add_argument("--rules", default=",".join(bench_cells.RULES))
    parser.add_argument("--minutes", type=float, default=8.5, help="start nothing after so many")
    parser.add_argument("--out", type=Path, default=bench_cells.HERE, help="folder of the results")
    args = parser.parse_args()
    if not args.rehearse and not torch.cuda.is_available():
        parser.error("no CUDA device; --rehearse runs the same on the CPU")
    args.device = "cpu" if args.rehearse else "cuda"
    if args.rehearse:
        # Read by Triton when it is imported, which no line before this one does.
        os.environ["TRITON_INTERPRET"] = "1"
        # The interpreter scans a tile element by element: narrow ones.
        for name in ("scan", "linear_scan", "normalize"):
            importlib.import_module(f"optcell_search.kernels.triton.{name}").CHANNELS = 4  # type: ignore[attr-defined]
    torch.manual_seed(0)
    machine = "rehearsal" if args.rehearse else torch.cuda.get_device_name()
    head = {"date": f"{datetime.date.today()}", "device": args.device, "machine": machine}
    head |= {"threads": torch.get_num_threads(), "clock": "wall", "torch": torch.__version__}
    head["note"] = "float32 without TF32"
    session = Session(args, head)
    force = kernels.backend("triton") if args.rehearse else contextlib.nullcontext()
    with force:
        exactness(session, ("float32",))
        candidates(session)
        times(session, 1)
        linear_times(session)
        exactness(session, ("tf32", "bfloat16"))
        times(session, 2)
    if session.found["failed"]:
        sys.exit(1)


if __name__ == "__main__":
    main()
