"""A trained candidate as a package of its own that needs torch and safetensors alone."""

from __future__ import annotations

from .description import Scores, TaskDescription, TaskInfo
from .package import export
from .verify import ExportError

__all__ = ["ExportError", "Scores", "TaskDescription", "TaskInfo", "export"]
