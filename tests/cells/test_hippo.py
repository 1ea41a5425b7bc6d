"""The HiPPO cell: its equations, and where the rule acts."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
import written_out
from torch import Tensor

from optcell_search import OptCell, cells, registry
from optcell_search.cells.memory.measures import continuous


def written_hippo(cell: cells.HiPPO, ours: OptCell, x: Tensor, rule: str) -> Tensor:
    """Return h_1 .. h_T, step by step, as in the paper's equations (8) to (11)."""
    H, M, N = 4, cell.memory_size, cell.order
    w = {name.removesuffix("_l0"): p for name, p in ours.state_dict(keep_vars=True).items()}
    rows = {"k": slice(0, H), "g": slice(H, 2 * H), "f": slice(-M, None)}
    if not cell.gate:
        del rows["g"]
    if cell.memory_input == "hidden":
        del rows["f"]
    u = {}
    for part, at in rows.items():
        z = [x_t @ w["weight_ih"][at].T + w["bias_ih"][at] for x_t in x]
        on = cell.rule_on == "both" or (cell.rule_on == "memory") == (part == "f")
        values = ours.rule_values(torch.float64)
        u[part] = list(written_out.RULES[rule](z, **values)) if on else z
    A, B = continuous(cell.measure, N)
    eye = torch.eye(N, dtype=torch.float64)
    h = torch.zeros(2, H, dtype=torch.float64)
    m = torch.zeros(2, M, N, dtype=torch.float64)
    outputs = []
    for t in range(len(x)):
        f = torch.zeros(2, M, dtype=torch.float64)
        if cell.memory_input != "hidden":
            f = f + u["f"][t]
        if cell.memory_input != "input":
            f = f + h @ w["weight_fh"].T
        if cell.memory_activation == "tanh":
            f = torch.tanh(f)
        if cell.discretisation == "zoh":
            # A signal held for a step: of length 1 / timescale, or for LegS log((t + 1) / t),
            # which is endless at first: nothing is left of what was there before.
            step = (
                1 / cell.timescale if cell.measure != "legs" else math.log((t + 1) / t) if t else 0
            )
            A_t = torch.linalg.matrix_exp(A * step) if step else 0 * eye
            B_t = torch.linalg.inv(A) @ (A_t - eye) @ B
        else:
            step = 1 / (t + 1) if cell.measure == "legs" else 1 / cell.timescale
            inverse = torch.linalg.inv(eye - A * step / 2)
            A_t, B_t = inverse @ (eye + A * step / 2), inverse @ B * step
        m = torch.einsum("nk,bmk->bmn", A_t, m) + f[:, :, None] * B_t
        read = torch.zeros(2, 2 * H, dtype=torch.float64)
        if cell.memory_to_hidden:
            read = m.reshape(2, M * N) @ w["weight_hm"].T
        k = torch.tanh(u["k"][t] + read[:, :H])
        if cell.gate:
            g = torch.sigmoid(u["g"][t] + read[:, H:])
            h = (1 - g) * h + g * k
        else:
            h = k
        outputs.append(h)
    return torch.stack(outputs)


SWITCHES = [
    *({"measure": measure} for measure in ("legs", "legt", "lagt")),
    *({"measure": measure, "discretisation": "zoh"} for measure in ("legs", "legt", "lagt")),
    *({"rule_on": part} for part in ("memory", "hidden")),
    {"gate": False},
    {"gate": False, "rule_on": "memory"},
    {"memory_input": "input", "rule_on": "hidden"},
    {"memory_input": "hidden"},
    {"memory_to_hidden": False},
    {"memory_activation": "tanh"},
]


@pytest.mark.parametrize("options", SWITCHES, ids=str)
@pytest.mark.parametrize("rule", ["nesterov", "adam"])
def test_outputs_and_gradients_equal_the_written_out_loop(
    options: dict[str, object], rule: str
) -> None:
    torch.manual_seed(0)
    cell = cells.HiPPO(order=5, memory_size=2, timescale=7.0, **options)  # type: ignore[arg-type]
    ours = OptCell(3, 4, cell=cell, rule=rule, dtype=torch.float64)
    x = torch.randn(8, 2, 3, dtype=torch.float64, requires_grad=True)
    named = {"x": x, **dict(ours.named_parameters())}
    output, _ = ours(x)
    truth = written_hippo(cell, ours, x, rule)
    torch.testing.assert_close(output, truth, rtol=1e-10, atol=1e-12)
    probe = torch.randn_like(truth)
    got = torch.autograd.grad((output * probe).sum(), list(named.values()), allow_unused=True)
    true = torch.autograd.grad((truth * probe).sum(), list(named.values()), allow_unused=True)
    for name, left, right in zip(named, got, true, strict=True):
        if right is None:
            assert left is None or not left.any(), name
        else:
            torch.testing.assert_close(left, right, rtol=1e-8, atol=1e-11, msg=name)


@pytest.mark.parametrize("rule", registry.rules.names())
def test_where_the_rule_acts_decides_what_its_memory_holds(rule: str) -> None:
    widths = {}
    for part in ("memory", "hidden", "both"):
        cell = cells.HiPPO(order=4, memory_size=2, rule_on=part)
        module = OptCell(3, 5, cell=cell, rule=rule)
        _, state = module(torch.randn(3, 1, 3))
        z = cell.input_projection(module._weights(0), torch.randn(3, 1, 3), None)
        widths[part] = z.shape[-1]
        if not module.rule.linear:
            # Of a sum of rules the linear parts keep traces of the narrow input and of the bias.
            narrow = {3 + 1} if module.rule.parts(module.rule_values()) else set()
            assert {t.shape[-1] for t in state[0].rule.traces} == {widths[part]} | narrow
    assert widths == {"memory": 2, "hidden": 10, "both": 12}


def test_stacked_modules_map_like_separate_ones() -> None:
    modules = [OptCell(3, 4, cell=cells.HiPPO(order=6)) for _ in range(3)]
    weights, buffers = torch.func.stack_module_state(modules)  # type: ignore[arg-type]
    x = torch.randn(5, 2, 3)

    def run(weights: dict[str, Tensor], buffers: dict[str, Tensor]) -> Tensor:
        output: Tensor = torch.func.functional_call(modules[0], (weights, buffers), (x,))[0]
        return output

    mapped = torch.func.vmap(run)(weights, buffers)
    expected = torch.stack([one(x)[0] for one in modules])
    torch.testing.assert_close(mapped, expected, rtol=1e-5, atol=1e-6)


def test_a_memory_of_order_0_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match=r"hippo\.order = 0 is out of range; valid: integers, 1"):
        cells.HiPPO(order=0)


@pytest.mark.parametrize("switch", [{"memory_input": "hidden"}, {"memory_to_hidden": False}])
def test_a_rule_on_a_memory_without_an_input_or_a_reader_acts_on_the_hidden_state(
    switch: dict[str, Any],
) -> None:
    torch.manual_seed(0)
    on_memory = OptCell(3, 5, cell=cells.HiPPO(order=4, rule_on="memory", **switch), rule="adam")
    on_hidden = OptCell(3, 5, cell=cells.HiPPO(order=4, rule_on="hidden", **switch), rule="adam")
    on_hidden.load_state_dict(on_memory.state_dict())
    x = torch.randn(6, 2, 3)
    assert torch.equal(on_memory(x)[0], on_hidden(x)[0])


@pytest.mark.parametrize("measure", ["legs", "legt", "lagt"])
def test_a_memory_of_half_precision_counts_on_and_loses_nothing(measure: str) -> None:
    """From step 256 on a number in bfloat16 stands still, and 1 - 1/512 is 1."""
    torch.manual_seed(0)
    cell = cells.HiPPO(measure=measure, order=4, timescale=512)
    module = OptCell(1, 4, cell=cell, rule="gd").bfloat16()
    x = torch.randn(700, 2, 1).bfloat16()
    double = OptCell(1, 4, cell=cell, rule="gd", dtype=torch.float64)
    weights = {
        name: value for name, value in module.double().state_dict().items() if "memory" not in name
    }
    double.load_state_dict(weights, strict=False)
    module = module.bfloat16()
    with torch.no_grad():
        truth, (end,) = double(x.double())
        whole, (state,) = module(x)
        first, half_way = module(x[:300])
        rest, _ = module(x[300:], half_way)
    assert whole.dtype == torch.bfloat16
    assert ((whole - truth).norm() / truth.norm()) < 0.02
    assert ((state.hidden[1] - end.hidden[1]).norm() / end.hidden[1].norm()) < 0.02
    assert torch.equal(torch.cat([first, rest]), whole)
    module.freeze()
    assert torch.equal(module(x)[0], whole)
    if measure == "legs":
        assert state.hidden[2] == 700
