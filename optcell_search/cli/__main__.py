"""``python -m optcell_search.cli``: the command of this very interpreter."""

from __future__ import annotations

import sys

from .main import main

if __name__ == "__main__":
    sys.exit(main())
