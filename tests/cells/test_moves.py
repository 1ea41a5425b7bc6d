"""A cell moved, cast, emptied, copied and loaded in every way torch has, and its rule's values."""

from __future__ import annotations

import copy
import io
import pickle
from collections.abc import Callable

import pytest
import torch
from torch import nn

from optcell_search import OptCell, registry, rules
from optcell_search.cells.conv import OptConvCell
from optcell_search.rules import Rule

RULES = [
    rules.GradientDescent(s=0.3),
    rules.HeavyBall(mu=0.7, s=0.3),
    rules.Nesterov(s=0.3, restart=7),
    rules.Adam(mu=0.1, s=0.3, beta=0.999, eps=1e-5),
    rules.RMSProp(s=0.3, beta=0.999),
]
MODULES: dict[str, Callable[..., nn.Module]] = {
    "alone": lambda rule, **kw: OptCell(3, 5, rule=rule, **kw),
    "inside": lambda rule, **kw: nn.Sequential(OptCell(3, 5, rule=rule, **kw)),
    "maps": lambda rule, **kw: OptConvCell(3, 5, cell="conv_gru", rule=rule, **kw),
}


def through_a_file(module: nn.Module) -> nn.Module:
    buffer = io.BytesIO()
    torch.save(module, buffer)
    buffer.seek(0)
    loaded: nn.Module = torch.load(buffer, weights_only=False)
    return loaded


def assigned(module: nn.Module) -> nn.Module:
    empty = copy.deepcopy(module).to("meta")
    empty.load_state_dict(module.state_dict(), assign=True)
    return empty


def assigned_double(module: nn.Module) -> nn.Module:
    empty = copy.deepcopy(module).to("meta")
    doubled = {key: value.double() for key, value in module.state_dict().items()}
    empty.load_state_dict(doubled, assign=True)
    return empty


def swapping(move: Callable[[nn.Module], nn.Module]) -> Callable[[nn.Module], nn.Module]:
    def moved(module: nn.Module) -> nn.Module:
        torch.__future__.set_swap_module_params_on_conversion(True)
        try:
            return move(module)
        finally:
            torch.__future__.set_swap_module_params_on_conversion(False)

    return moved


MOVES: dict[str, Callable[[nn.Module], nn.Module]] = {
    "float64": lambda m: m.to(torch.float64),
    "float32": lambda m: m.double().to(torch.float32),
    "half and back": lambda m: m.half().float(),
    "bfloat16": lambda m: m.bfloat16(),
    "bfloat16 and double": lambda m: m.bfloat16().double(),
    "type": lambda m: m.type(torch.float64),
    "type of whole numbers": lambda m: m.type(torch.float32),
    "to_empty": lambda m: m.to_empty(device="cpu"),
    "meta and to_empty": lambda m: m.to("meta").to_empty(device="cpu"),
    "double on the way": lambda m: m.to("meta").double().to_empty(device="cpu"),
    "assigned": assigned,
    "assigned double": assigned_double,
    "copied": copy.deepcopy,
    "copied half-way": lambda m: copy.deepcopy(m.to("meta")).to_empty(device="cpu"),
    "pickled": lambda m: pickle.loads(pickle.dumps(m)),
    "through a file": through_a_file,
    "shared": lambda m: m.share_memory(),
    "swapped": swapping(lambda m: m.double()),
    "swapped and emptied": swapping(lambda m: m.to_empty(device="cpu")),
    "again": lambda m: m.half().to("meta").float().to_empty(device="cpu").double().float(),
}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
@pytest.mark.parametrize("kind", MODULES)
@pytest.mark.parametrize("move", MOVES)
@pytest.mark.filterwarnings("ignore:TypedStorage")
def test_fixed_values_are_what_they_were(rule: Rule, kind: str, move: str) -> None:
    module = MOVES[move](MODULES[kind](rule))
    cell = module[0] if isinstance(module, nn.Sequential) else module
    values = cell.rule_values()
    assert set(values) == set(rule.values())
    weight = next(p for n, p in cell.named_parameters() if "rule_values" not in n)
    for key, value in values.items():
        wanted = getattr(rule, key)
        assert value.device == weight.device
        if isinstance(wanted, float):
            wide = torch.float64 if weight.dtype == torch.float64 else torch.float32
            assert value.dtype == wide
            assert value.item() == torch.tensor(wanted, dtype=wide).item()
        else:
            assert value.dtype == torch.int64
            assert value.item() == wanted


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_emptied_and_reset_learned_values_start_where_they_started(rule: Rule) -> None:
    fresh = OptCell(3, 5, rule=rule, learn_rule=True)
    for module in (
        OptCell(3, 5, rule=rule, learn_rule=True).to_empty(device="cpu"),
        OptCell(3, 5, rule=rule, learn_rule=True, device="meta").to_empty(device="cpu"),
        nn.utils.skip_init(OptCell, 3, 5, rule=rule, learn_rule=True),
    ):
        for parameter in module.parameters():
            nn.init.constant_(parameter, 1e6)
        module.reset_parameters()
        torch.testing.assert_close(module.rule_values(), fresh.rule_values())
        assert all(weight.abs().max() <= 5**-0.5 for weight in module.all_weights[0])


def test_moved_with_a_graph_alive_its_gradients_still_come() -> None:
    module = OptCell(3, 5, rule="adam")
    loss = module(torch.randn(4, 2, 3))[0].sum()
    module.float().share_memory()
    loss.backward()
    assert all(p.grad is not None for p in module.parameters())


def test_moved_to_another_device_every_buffer_goes() -> None:
    module = OptCell(3, 5, rule="nesterov").to("meta")
    assert {b.device.type for b in module.buffers()} == {"meta"}
    assert {v.device.type for v in module.rule_values().values()} == {"meta"}


@pytest.mark.parametrize("cell", ["lstm", "orthogonal", "hippo", "reservoir"])
def test_made_empty_and_loaded_it_computes_what_it_computed(cell: str) -> None:
    module = OptCell(3, 5, cell=cell, rule="nesterov")
    x = torch.randn(4, 2, 3)
    empty = OptCell(3, 5, cell=cell, rule="nesterov", device="meta")
    filled = copy.deepcopy(empty).to_empty(device="cpu")
    filled.load_state_dict(module.state_dict())
    empty.load_state_dict(module.state_dict(), assign=True)
    for other in (filled, empty):
        torch.testing.assert_close(other(x), module(x), rtol=0, atol=0)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("cell", registry.cells.names())
def test_a_cell_of_half_precision_goes_on_from_its_own_state(cell: str, dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    module = OptCell(3, 4, cell=cell).to(dtype)
    x = torch.randn(12, 2, 3).to(dtype)
    whole, _ = module(x)
    first, state = module(x[:5])
    rest, _ = module(x[5:], state)
    assert whole.dtype == rest.dtype == dtype
    bound = 16 * torch.finfo(dtype).eps * max(1.0, whole.detach().abs().max().item())
    torch.testing.assert_close(torch.cat([first, rest]), whole, rtol=0, atol=bound)
