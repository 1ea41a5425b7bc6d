"""Types are checked in every call of the rooms that `pyproject.toml` names to jaxtyping."""

from __future__ import annotations

import jaxtyping
from shape_checker import sparing

# Before anything of the package is imported: what jaxtyping's import hook decorates asks for it.
jaxtyping.jaxtyped = sparing(jaxtyping.jaxtyped)
