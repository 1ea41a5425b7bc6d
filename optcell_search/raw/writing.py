"""Tables are written as CSV, under no name that says otherwise."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

# What pandas and others would read as something else.
_NO_CSV = {".tsv", ".parquet", ".feather", ".arrow", ".xlsx", ".xls", ".json"}
_NO_CSV |= {".zip", ".bz2", ".xz", ".zst", ".tar", ".tgz"}


def compression(option: str, name: str) -> Literal["gzip"] | None:
    """Return how a CSV file of this name is compressed: by gzip if it ends in .gz, or not.

    Args:
        option: such as ``--out``, for the message.
        name: of the file.

    Raises:
        ValueError: whoever reads a file of this name expects no CSV.
    """
    inner = Path(name.lower().removesuffix(".gz"))
    if inner.suffix in _NO_CSV:
        raise ValueError(
            f"{option} {name}: a CSV file is written; valid: a name in .csv or .csv.gz"
        )
    return "gzip" if name.lower().endswith(".gz") else None
