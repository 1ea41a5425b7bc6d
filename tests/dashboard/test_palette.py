"""The promises of the palette, computed: CIELAB distances under colour blindness, and contrast."""

from __future__ import annotations

import itertools

import numpy as np
import numpy.typing as npt
import pytest

from optcell_search.dashboard.palette import COLOURS, DARK_PAGE, LIGHT_PAGE, styles
from optcell_search.registry import rules

Vector = npt.NDArray[np.float64]

# Full loss of one kind of cone, on linear RGB: Machado, Oliveira, Fernandes 2009, table 1.
SIGHTS = {
    "full": np.eye(3),
    "no red cones": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "no green cones": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "no blue cones": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}
TO_XYZ = np.array(
    [
        [0.4124564, 0.3575761, 0.1804375],
        [0.2126729, 0.7151522, 0.0721750],
        [0.0193339, 0.1191920, 0.9503041],
    ]
)


def linear(colour: str) -> Vector:
    value = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return np.asarray(np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4))


def lab(rgb: Vector) -> Vector:
    xyz = TO_XYZ @ np.clip(rgb, 0, 1) / np.array([0.95047, 1, 1.08883])
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def contrast(a: str, b: str) -> float:
    dark, light = sorted(float(TO_XYZ[1] @ linear(colour)) for colour in (a, b))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("sight", SIGHTS)
@pytest.mark.parametrize(("shown", "least"), [(7, 20), (len(COLOURS), 14)])
def test_colours_differ_for_everybody(sight: str, shown: int, least: float) -> None:
    seen = {colour: lab(np.array(SIGHTS[sight]) @ linear(colour)) for colour in COLOURS[:shown]}
    for (a, at_a), (b, at_b) in itertools.combinations(seen.items(), 2):
        assert np.linalg.norm(at_a - at_b) >= least, f"{a} and {b} with {sight}"


@pytest.mark.parametrize("page", [LIGHT_PAGE, DARK_PAGE])
def test_colours_stand_out_from_both_pages(page: str) -> None:
    for colour in COLOURS:
        assert contrast(colour, page) >= 3, f"{colour} on {page}"


def test_each_registered_rule_has_a_colour_and_a_marker_of_its_own() -> None:
    found = styles([*rules.names(), "theirs"])
    assert len({style.colour for style in found.values()}) == len(found)
    assert len({style.marker for style in found.values()}) == len(found)


def test_a_rules_style_does_not_depend_on_the_company_it_keeps() -> None:
    assert styles(["adam"])["adam"] == styles(["gd", "adam", "theirs"])["adam"]
