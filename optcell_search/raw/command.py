"""The command line of an exported package: a file of raw data to a file of predictions."""

from __future__ import annotations

import argparse
import os
import sys
import uuid
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from .predictor import Predictor
from .writing import compression

if TYPE_CHECKING:
    import pandas as pd

DONE, WRONG_REQUEST = 0, 2
# How a table is written, where it is otherwise than the one trained on.
WRITTEN = {
    "sep": "separator of the table, where it is not that of the training; empty: found out",
    "decimal": "decimal sign of the table, point or comma; empty: found out",
    "encoding": "of the table, such as latin-1 or utf-16",
    "sheet": "of an Excel file",
    "day_first": "whether 3/4/2020 is in April: auto, yes or no",
}


def main(
    package: str, predictor: Callable[[], Predictor], argv: Sequence[str] | None = None
) -> int:
    """Run ``python -m PACKAGE predict FILE --out FILE``.

    Args:
        package: what it is called in messages.
        predictor: gives the predictor of the package.
        argv: arguments; None: those of the process.

    Returns:
        0: done; 2: the request or the file was wrong, and nothing was written.
    """
    parser = argparse.ArgumentParser(prog=f"python -m {package}")
    actions = parser.add_subparsers(required=True, metavar="COMMAND")
    add = actions.add_parser("predict", help="predict what a file of raw data is asked for")
    add.add_argument("file", metavar="FILE", help="raw data, as the search was given them")
    add.add_argument("--out", required=True, metavar="FILE", help="CSV file of the predictions")
    add.add_argument("--proba", action="store_true", help="probabilities instead of answers")
    for name, what in WRITTEN.items():
        add.add_argument(f"--{name.replace('_', '-')}", metavar="TEXT", help=what)
    add.add_argument("--force", action="store_true", help="replace the file where it exists")
    arguments = parser.parse_args(argv)
    warnings.showwarning = lambda message, *_: print(f"{package}: {message}", file=sys.stderr)
    out = Path(arguments.out)
    try:
        # A pipe or a device, such as /dev/stdout, loses nothing.
        direct = out.is_fifo() or out.is_char_device()
        if os.path.lexists(out) and not arguments.force and not direct:
            raise ValueError(f"--out {out}: exists already; name another file, or add --force")
        if not out.absolute().parent.is_dir():
            raise ValueError(f"--out {out}: there is no folder {out.absolute().parent}")
        packed = compression("--out", arguments.out)
        made = predictor()
        ask = made.predict_proba if arguments.proba else made.predict
        told = {name: getattr(arguments, name) for name in WRITTEN}
        found = ask(
            Path(arguments.file), **{n: text for n, text in told.items() if text is not None}
        )
        if direct:
            found.to_csv(out, compression=packed)
        else:
            _write_whole(found, out, packed)
    except (ValueError, OSError, ImportError) as error:
        print(f"{package}: {error}", file=sys.stderr)
        return WRONG_REQUEST
    print(f"{out}: {len(found)} predictions", file=sys.stderr)
    return DONE


def _write_whole(found: pd.DataFrame, out: Path, packed: Literal["gzip"] | None) -> None:
    """Write a CSV file, whole or not at all."""
    draft = out.with_name(f".{out.name}.{uuid.uuid4().hex[:8]}")
    try:
        found.to_csv(draft, compression=packed)
        os.replace(draft, out.resolve())
    finally:
        draft.unlink(missing_ok=True)
