"""Plug-ins that each break their contract in one place."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from pond.cell import Leaky
from pond.penalty import PondBalance
from pond.rule import Bounded
from pond.task import Ponds
from torch import Tensor

from optcell_search import registry, tasks
from optcell_search.rules import Recurrence
from optcell_search.tasks import LoadedTask, Split
from optcell_search.testing import CellContract, PenaltyContract, RuleContract, TaskContract


@dataclass(frozen=True, kw_only=True)
class Foreseeing(Bounded):
    """It reads the step to come. Source: none."""

    def traces(self, z: Tensor, t: Tensor, p: dict[str, Tensor]) -> tuple[Recurrence, ...]:
        return (Recurrence(p["mu"].expand(1, 1, 1), z.roll(-1, 0)),)


@dataclass(frozen=True, kw_only=True)
class Forgetful(Leaky):
    """It keeps something on itself, behind the state's back."""

    def step(
        self, weights: dict[str, Tensor], u: Tensor, hidden: tuple[Tensor, ...]
    ) -> tuple[Tensor, ...]:
        (h,) = super().step(weights, u, hidden)
        past = self.__dict__.get("past")
        object.__setattr__(self, "past", h.detach().mean())
        return (h if past is None else h + past,)


@dataclass(frozen=True, kw_only=True)
class Leaking(Ponds):
    """It tests on what it trained on."""

    def test_data(self, folder: Path) -> Split:
        return self._draw(0, self.examples)


@dataclass(frozen=True, kw_only=True)
class Rewarding(PondBalance):
    """It pays for keeping the law."""

    def violations(self, predictions: Tensor, drivers: dict[str, Tensor]) -> Tensor:
        return predictions[..., 0].diff(dim=1) - drivers["inflow"][:, 1:]


@pytest.fixture(autouse=True)
def registered(monkeypatch: pytest.MonkeyPatch) -> None:
    for room, plugin in (
        (registry.rules, Foreseeing),
        (registry.cells, Forgetful),
        (registry.tasks, Leaking),
        (registry.penalties, Rewarding),
    ):
        monkeypatch.setitem(room._plugins, plugin.name, plugin)


class TestForeseeing(RuleContract):
    @pytest.fixture
    def rule(self) -> Foreseeing:
        return Foreseeing()


class TestForgetful(CellContract):
    @pytest.fixture
    def cell(self) -> Forgetful:
        return Forgetful()


class TestLeaking(TaskContract):
    @pytest.fixture
    def spec(self) -> str:
        return "ponds:examples=20"

    @pytest.fixture
    def task(self, spec: str, folder: Path) -> LoadedTask:
        torch.manual_seed(0)
        return tasks.load(spec, folder)


class TestRewarding(PenaltyContract):
    @pytest.fixture
    def penalty(self) -> Rewarding:
        return Rewarding()
