"""What all tests of training have."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from optcell_search import tasks
from optcell_search.tasks import LoadedTask


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Small models are slower on several threads, and much slower beside another test run."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def few_digits() -> LoadedTask:
    return tasks.load("digits").beginning(200, 100)
