"""The contracts that every plug-in keeps, as test classes for pytest.

The author of a rule, cell, convolutional cell, task or penalty subclasses one and supplies one
fixture; every test of the contract is then run on it:

    import pytest
    from optcell_search.testing import RuleContract, variants

    from my_package import MyRule


    class TestMyRule(RuleContract):
        @pytest.fixture(params=variants(MyRule), ids=repr)
        def rule(self, request):
            return request.param

| class | its fixture |
|---|---|
| `RuleContract` | `rule`: a rule |
| `CellContract` | `cell`: a cell |
| `ConvolutionalCellContract` | `cell`: a convolutional cell |
| `TaskContract` | `spec`: what a user writes for the task, such as ``"my_task:examples=200"`` |
| `PenaltyContract` | `penalty`: a penalty |

The entry point of the plug-in must be installed (``pip install --editable .``): that its name is
found is part of the contract. The tests need pytest; nothing else of the package imports it.
"""

from __future__ import annotations

import pytest

# An assertion that fails shows its values, here as in a test file.
pytest.register_assert_rewrite(
    *(f"{__name__}.{module}" for module in ("cells", "convolution", "penalties", "rules", "tasks"))
)

from .cells import CellContract
from .convolution import ConvolutionalCellContract
from .penalties import PenaltyContract
from .rules import RuleContract
from .tasks import TaskContract
from .variants import variants

__all__ = [
    "CellContract",
    "ConvolutionalCellContract",
    "PenaltyContract",
    "RuleContract",
    "TaskContract",
    "variants",
]
