"""A trained candidate as a package of its own that needs torch and safetensors alone."""

from __future__ import annotations

from .description import Scores, TaskDescription, TaskInfo
from .package import export, trained_model
from .raw_check import Reference
from .running import run_package
from .verify import ExportError

__all__ = [
    "ExportError",
    "Reference",
    "Scores",
    "TaskDescription",
    "TaskInfo",
    "export",
    "run_package",
    "trained_model",
]
