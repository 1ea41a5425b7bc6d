"""Projection, filter and recurrence in one compiled pass, against the three one after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import torch
from loops_truth import GATES, TOLERANCE, close, draw, with_gradients, written_out
from torch import Tensor

from optcell_search import kernels
from optcell_search.kernels import reference
from optcell_search.kernels.compiled import build
from optcell_search.kernels.layout import STRETCH

pytestmark = pytest.mark.skipif(build.problem() is not None, reason=str(build.problem()))

# T, B, F, H: about the ends of a stretch of steps, of a tile of sequences, of a panel of columns
# and of a share of a thread.
SHAPES = [
    (1, 1, 1, 1),
    (STRETCH, 16, 2, 5),
    (STRETCH + 1, 17, 67, 7),
    (2 * STRETCH + 3, 37, 3, 33),
    (3, 70, 16, 65),
]


@pytest.fixture(autouse=True, params=[1, 3], ids=["1 thread", "3 threads"])
def _threads(request: pytest.FixtureRequest) -> Iterator[None]:
    torch.manual_seed(0)
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield
    torch.set_num_threads(before)


# Adam's filter of z, a linear rule's of the input, with and without a bias, and one that
# keeps no trace.
RULES = ["adam", "linear", "unbiased", "traceless"]


def drawn(kind: str, T: int, B: int, F: int, H: int, rule: str) -> dict[str, Tensor]:
    W = GATES[kind] * H
    inputs = {"x": draw(T, B, F), "w_ih": draw(W, F), "w_hh": draw(W, H), "b_hh": draw(W)}
    inputs |= {"h0": draw(B, H)} | ({"c0": draw(B, H)} if kind == "lstm" else {})
    if rule == "adam":
        inputs |= {"b_ih": draw(W), "v0": draw(B, W), "m0": draw(B, W).square() + 0.1}
        for name, value in {"mu": 0.6, "s": 0.7, "beta": 0.9, "eps": 1e-2}.items():
            inputs[name] = torch.tensor(value, dtype=torch.float64)
    else:
        # Factors of each sequence's own at an odd size, shared by all at an even one.
        factors = torch.rand(T, B if B % 2 else 1, 4, dtype=torch.float64)
        inputs |= {"linear": factors} | ({} if rule == "unbiased" else {"b_ih": draw(W)})
        if rule != "traceless":
            inputs["v0"] = draw(B, F + ("b_ih" in inputs))
    inputs |= {"w_ih": inputs["w_ih"] / F**0.5, "w_hh": inputs["w_hh"] / H**0.5}
    return {name: part.detach().requires_grad_() for name, part in inputs.items()}


def apart(kind: str, i: dict[str, Tensor], lengths: Tensor | None) -> dict[str, Tensor]:
    """The readable loops, one after the other."""
    x, columns = i["x"], i["w_ih"]
    if "b_ih" in i:
        x = torch.cat([x, torch.ones_like(x[..., :1])], -1)
        columns = torch.cat([columns, i["b_ih"][:, None]], -1)
    if "linear" in i:
        filtered, ends = linear(x, i["linear"].unbind(-1), i.get("v0"), lengths)
        u = filtered @ columns.T
    else:
        u = x @ columns.T
        values = (i["mu"], i["s"], i["beta"], i["eps"])
        u, ends = reference.normalize(u, values, (i["v0"], i["m0"]), lengths)
    hidden = tuple(i[name] for name in ("h0", "c0") if name in i)
    return named(reference.recur(written_out(kind, i["w_hh"], i["b_hh"]), u, hidden), ends)


def linear(
    x: Tensor, factors: tuple[Tensor, ...], v0: Tensor | None, lengths: Tensor | None
) -> tuple[Tensor, tuple[Tensor, ...]]:
    d, a, c, e = (factor.unsqueeze(-1) for factor in factors)
    if v0 is None:
        return e * x, ()
    v = reference.scan(d, a * x, v0)
    last = lengths - 1 if lengths is not None else torch.full((x.shape[1],), len(x) - 1)
    return c * v + e * x, (v[last, torch.arange(x.shape[1])],)


def together(kind: str, i: dict[str, Tensor], lengths: Tensor | None) -> dict[str, Tensor]:
    rule = i["linear"] if "linear" in i else (i["mu"], i["s"], i["beta"], i["eps"])
    traces = tuple(i[name] for name in ("v0", "m0") if name in i)
    weights = kernels.LayerWeights(i["w_ih"], i.get("b_ih"), i["w_hh"], i["b_hh"])
    hidden = tuple(i[name] for name in ("h0", "c0") if name in i)
    history, ends = kernels.fused_layer(kind, i["x"], weights, hidden, rule, traces, lengths)
    return named(history, ends)


def named(history: tuple[Tensor, ...], ends: tuple[Tensor, ...]) -> dict[str, Tensor]:
    return dict(zip("hc", history, strict=False)) | dict(zip("vm", ends, strict=False))


def compare(
    kind: str, inputs: dict[str, Tensor], lengths: Tensor | None, dtype: torch.dtype
) -> None:
    truth = apart(kind, inputs, lengths)
    weights = {name: torch.randn_like(part) for name, part in truth.items()}
    if lengths is not None:
        # What comes after the end of a sequence means nothing.
        valid = (torch.arange(len(inputs["x"]))[:, None] < lengths).unsqueeze(-1)
        weights |= {name: weights[name] * valid for name in "hc" if name in weights}
        truth |= {name: truth[name] * valid for name in "hc" if name in truth}
    own = {name: part.detach().to(dtype).requires_grad_() for name, part in inputs.items()}
    found = together(kind, own, lengths)
    if lengths is not None:
        found |= {name: found[name] * valid for name in "hc" if name in found}
    expected = with_gradients(truth, inputs, weights)
    found = with_gradients(found, own, weights)
    # The gradients of a rule's values are sums over everything, in which much cancels: in float32
    # the readable loops themselves are off by 3e-5.
    values = {name: expected.pop(name) for name in ("mu", "s", "beta", "eps") if name in expected}
    close(found, expected, TOLERANCE[dtype])
    close(found, values, 10 * TOLERANCE[dtype])


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("kind", GATES)
@pytest.mark.parametrize("shape", SHAPES)
def test_all_that_comes_out_in_float64(
    kind: str, shape: tuple[int, int, int, int], rule: str
) -> None:
    compare(kind, drawn(kind, *shape, rule), None, torch.float64)


# In float32 sizes from 128 on are for matrix tiles, on processors that have them: full ones, and
# such as are empty in part in every direction, by two and one at a time.
@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("kind", ["lstm", "gru", "rnn_tanh"])
@pytest.mark.parametrize("size", [(37, 3, 33), (16, 32, 128), (39, 67, 141)])
def test_all_that_comes_out_in_float32(kind: str, size: tuple[int, int, int], rule: str) -> None:
    compare(kind, drawn(kind, 2 * STRETCH + 3, *size, rule), None, torch.float32)


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("kind", ["lstm", "gru"])
def test_the_rule_stands_still_beyond_a_sequences_end(kind: str, rule: str) -> None:
    T, B = 2 * STRETCH + 3, 19
    lengths = torch.cat([torch.tensor([T, STRETCH, 1]), torch.randint(1, T, (B - 3,))])
    compare(kind, drawn(kind, T, B, 3, 5, rule), lengths, torch.float64)


@pytest.mark.parametrize("features", [3, 16])
@pytest.mark.parametrize(
    "without", [("x",), ("linear",), ("v0",), ("linear", "v0"), ("x", "linear", "v0")]
)
@pytest.mark.parametrize("rule", ["adam", "linear"])
def test_gradients_that_nobody_wants_change_no_others(
    rule: str, without: tuple[str, ...], features: int
) -> None:
    inputs = drawn("lstm", 11, 19, features, 5, rule)
    weights = {"h": torch.randn(11, 19, 5, dtype=torch.float64)}
    weights["v"] = torch.randn_like(inputs["v0"])
    full = with_gradients(together("lstm", inputs, None), inputs, weights)
    fixed = {name: inputs.pop(name).detach() for name in without if name in inputs}
    part = with_gradients(together("lstm", inputs | fixed, None), inputs, weights)
    assert set(full) - set(part) == set(fixed)
    for name, value in part.items():
        assert torch.equal(value, full[name]), name


LOSSES: dict[str, Callable[[Tensor], Tensor]] = {
    "sum": lambda h: h.sum(),
    "mean over time": lambda h: h.mean(0).square().sum(),
    "one sequence": lambda h: h[:, 1].square().sum(),
    "batch first": lambda h: (h.transpose(0, 1) * torch.arange(h.numel()).view(3, 11, 5)).sum(),
    "features first": lambda h: (h.movedim(2, 0) * torch.arange(h.numel()).view(5, 11, 3)).sum(),
}


@pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)
def test_the_gradient_may_lie_in_memory_in_any_way(loss: Callable[[Tensor], Tensor]) -> None:
    inputs = drawn("lstm", 11, 3, 2, 5, "linear")
    truth = torch.autograd.grad(loss(apart("lstm", inputs, None)["h"]), list(inputs.values()))
    found = torch.autograd.grad(loss(together("lstm", inputs, None)["h"]), list(inputs.values()))
    close(dict(zip(inputs, found, strict=True)), dict(zip(inputs, truth, strict=True)))


@pytest.mark.parametrize("rule", ["adam", "linear"])
def test_nan_reaches_its_own_sequence_alone(rule: str) -> None:
    inputs = {n: p.detach() for n, p in drawn("lstm", 12, 3, 2, 4, rule).items()}
    inputs["x"][2, 1, 0] = torch.nan
    h = together("lstm", inputs, None)["h"]
    assert h[2:, 1].isnan().all()
    assert not h[:, [0, 2]].isnan().any()
    assert not h[:2].isnan().any()


def test_numbers_too_large_to_square_give_finite_steps() -> None:
    """Where m overflows, v / sqrt(m) is still a number of the size of a step."""
    inputs = {n: p.detach().float() for n, p in drawn("lstm", 4, 2, 1, 4, "adam").items()}
    inputs["x"] = torch.full_like(inputs["x"], 1e25)
    assert together("lstm", inputs, None)["h"].isfinite().all()


def test_numbers_too_small_to_be_normal_stay_what_they_are_outside() -> None:
    tiny = torch.full((1,), 1e-40)
    inputs = {n: p.detach().float() for n, p in drawn("rnn_relu", 1, 1, 1, 1, "traceless").items()}
    for name in inputs:
        inputs[name].fill_(1e-40 if name == "x" else float(name in ("w_ih", "linear")))
    assert together("rnn_relu", inputs, None)["h"].item() in (0, tiny.item())
    assert (tiny * 1).item() > 0
