"""How a table to predict is written: options that `predict` hands on to a package.

They are those of `raw.command`, which the command line does not import, since torch comes with it.
"""

from __future__ import annotations

WRITTEN = {
    "sep": "separator of the table, where it is not that of the training; empty: found out",
    "decimal": "decimal sign of the table, point or comma; empty: found out",
    "encoding": "of the table, such as latin-1 or utf-16",
    "sheet": "of an Excel file",
    "day_first": "whether 3/4/2020 is in April: auto, yes or no",
}
