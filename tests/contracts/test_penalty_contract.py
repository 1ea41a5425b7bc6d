"""Every registered penalty keeps the contract, unasked, and another package adds one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch
from torch import Tensor

from optcell_search import registry, tasks
from optcell_search.penalties import Penalty
from optcell_search.penalties.base import Drivers
from optcell_search.space import SearchSpace
from optcell_search.testing import PenaltyContract

# Values that make sense for a driver of this name; one of another system is between 0 and 1.
SCALES = {"long_wave": 300.0, "short_wave": 200.0, "relative_humidity": 80.0, "area": 1e5}


class TestPenalties(PenaltyContract):
    @pytest.fixture(params=registry.penalties.names())
    def penalty(self, request: pytest.FixtureRequest) -> Penalty:
        plugin: Penalty = registry.penalties.get(request.param)()
        return plugin

    @pytest.fixture
    def drivers(self, penalty: Penalty) -> Mapping[str, Tensor]:
        stream = torch.Generator().manual_seed(0)
        drivers = {}
        for name in penalty.needs:
            shape = (3, 4) if name in {"area", "thickness"} else (3, 6)
            values = 0.5 + 0.5 * torch.rand(shape, generator=stream, dtype=torch.float64)
            drivers[name] = SCALES.get(name, 1.0) * values
        return drivers


@dataclass(frozen=True, kw_only=True)
class TankBalance(Penalty):
    """Water in a tank changes by what flows in: |Δ level − inflow| beyond 1 cm."""

    name: ClassVar[str] = "tank_balance"
    title: ClassVar[str] = "water that a tank gains beside its inflow"
    unit: ClassVar[str] = "m"
    needs: ClassVar[tuple[str, ...]] = ("inflow",)

    def violations(self, predictions: Tensor, drivers: Drivers) -> Tensor:
        gap = predictions[..., 0].diff(dim=1) - drivers["inflow"][:, 1:]
        return torch.relu(gap.abs() - 0.01)


def test_another_package_adds_one_in_ten_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    found = registry.Registry("penalty", "penalties")
    entry = EntryPoint("tank", f"{__name__}:TankBalance", found.group)
    monkeypatch.setattr(EntryPoint, "load", lambda self: TankBalance)
    monkeypatch.setattr(registry, "entry_points", lambda group: [entry])
    assert "tank_balance" in found.names()
    monkeypatch.setattr(registry, "penalties", found)
    space = SearchSpace(cells=["gru"], rules=["gd"], penalty={"tank_balance": {"weight": 0.5}})
    options: dict[str, Any] = space.sample(0).to_dict()["penalty"]
    assert options == {"tank_balance": {"weight": 0.5}}
    law = found.get("tank_balance")(**options["tank_balance"])
    level = torch.tensor([[[1.0], [1.5], [1.6]]])
    drivers = {"inflow": torch.tensor([[9.0, 0.5, 0.0]])}
    assert float(law.penalty(level, drivers)) == pytest.approx(0.09 / 2, abs=1e-6)
    assert not law.applies({"rain"})
    assert not law.applies(())


def test_columns_of_a_users_table_are_drivers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = registry.Registry("penalty", "penalties")
    found.__dict__["_plugins"] = {"tank_balance": TankBalance}
    monkeypatch.setattr(registry, "penalties", found)
    rows = ["tank,hour,inflow,level"]
    for tank in range(8):
        level = 0.1 * tank
        for hour in range(5):
            level += 0.25
            rows.append(f"{tank},{hour},0.25,{level:.2f}")
    (tmp_path / "tank.csv").write_text("\n".join(rows))
    task = tasks.load(f"{tmp_path / 'tank.csv'}:sequence=tank,time=hour,target=level")
    assert list(task.metrics) == [
        "mse", "mae", "rmse", "r2", "tank_balance", "tank_balance_share",
    ]  # fmt: skip
    split = task.train
    outputs = (split.targets - task.goal.offset[0]) / task.goal.scale[0]
    right = task.score(outputs, split.targets, split.drivers)
    assert right["tank_balance"] < 1e-6
    constant = task.score(torch.zeros_like(outputs), split.targets, split.drivers)
    assert constant["tank_balance"] == pytest.approx(0.24, abs=1e-6)
    (tmp_path / "short.csv").write_text("\n".join(rows[:-1]))  # tanks of unequal lengths
    short = tasks.load(f"{tmp_path / 'short.csv'}:sequence=tank,time=hour,target=level")
    assert list(short.metrics) == ["mse", "mae", "rmse", "r2"]
