"""Cells and rules that code written for torch is run on."""

from __future__ import annotations

from typing import Any

import pytest
import torch

CELLS = ("lstm", "gru", "rnn", "orthogonal", "hippo", "reservoir")


RULES = ("gd", "heavy_ball", "nesterov", "adam", "rmsprop")


pairs = pytest.mark.parametrize(
    ("cell", "rule"), [*((cell, "adam") for cell in CELLS), *(("lstm", rule) for rule in RULES[:3])]
)


def equal(got: Any, expected: Any) -> None:
    torch.testing.assert_close(got, expected, rtol=1e-5, atol=1e-6)
