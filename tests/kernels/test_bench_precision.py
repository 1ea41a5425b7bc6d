"""The script that imitates TF32 rounds as TF32 does, and matrix products alone."""

from __future__ import annotations

import torch
from bench_precision import TF32, errors, rounded

STEP = 2.0**-10  # between neighbours from 1 to 2


def test_rounding_is_to_the_nearest_and_to_even_between_two() -> None:
    x = torch.tensor([1, 1 + STEP, 1 + STEP / 2, 1 + 1.5 * STEP, 1 + 0.51 * STEP, -1 - 1.49 * STEP])
    expected = torch.tensor([1, 1 + STEP, 1, 1 + 2 * STEP, 1 + STEP, -1 - STEP])
    assert torch.equal(rounded(x), expected)


def test_factors_of_products_are_rounded_and_nothing_else() -> None:
    torch.manual_seed(0)
    a, b, c = torch.randn(3, 4), torch.randn(4, 5), torch.randn(3, 5)
    with TF32():
        product, total, pointwise = a @ b, torch.addmm(c, a, b), c * c
    assert torch.equal(product, rounded(a) @ rounded(b))
    assert torch.equal(total, torch.addmm(c, rounded(a), rounded(b)))
    assert torch.equal(pointwise, c * c)
    assert not torch.equal(product, a @ b)


def test_the_shorter_the_format_the_larger_the_error() -> None:
    worst = {name: value for name, (value, _) in errors("lstm", "adam", (9, 3, 4, 16), 0).items()}
    assert 0 < worst["float32"] < worst["TF32"] < worst["bfloat16"] < 1
