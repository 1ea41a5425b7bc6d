"""Random cells, inputs, states and mishaps: each gives what the readable loop gives, or an error.

Run as a program it does the same without pytest, so that it can be run under ``python -O``.
"""

from __future__ import annotations

import copy
import math
import random
import sys
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence

from optcell_search import kernels
from optcell_search.cells import OptCell

F, H = 3, 4
TOLERANCE = {torch.float64: 1e-9, torch.float32: 1e-3, torch.bfloat16: 0.1, torch.float16: 0.05}
# What a user may meet. Anything else is a fault of ours.
ERRORS = (ValueError, RuntimeError, TypeError, IndexError, NotImplementedError)


class Own(Tensor):
    """A subclass that changes nothing."""


def leaves(value: Any) -> list[Tensor]:
    if isinstance(value, Tensor):
        return [value]
    return [leaf for part in value or () for leaf in leaves(part)]


def spread(x: Tensor, pick: random.Random) -> Tensor:
    """The same numbers, otherwise in memory."""
    way = pick.choice(["as it is", "turned", "stepped", "flipped", "negative", "subclass"])
    if way == "turned":
        return x.transpose(0, -1).contiguous().transpose(0, -1)
    if way == "stepped":
        return torch.stack([x, x + 1], -1)[..., 0]
    if way == "flipped":
        return x.flip(0).contiguous().flip(0)
    if way == "negative" and x.dtype in (torch.float32, torch.float64):
        return torch.complex(x, -x).conj().imag
    return x.as_subclass(Own) if way == "subclass" else x


def wrong(tensor: Tensor, pick: random.Random) -> Tensor:
    """A tensor that cannot stand where this one does."""
    tensor = tensor.detach()
    ways: list[Callable[[], Tensor]] = [
        lambda: tensor.double() if tensor.dtype != torch.float64 else tensor.float(),
        lambda: tensor.to(torch.int64),
        lambda: tensor.to("meta"),
        lambda: torch.cat([tensor, tensor]) if tensor.dim() else tensor.expand(3),
        lambda: tensor.unsqueeze(-1),
        lambda: tensor.to(torch.complex64),
    ]
    if tensor.dim() and tensor.shape[0] > 2:
        ways.append(lambda: tensor[: tensor.shape[0] // 2])
        ways.append(lambda: tensor[:1].expand(2, *tensor.shape[1:]))
    return pick.choice(ways)()


def wrong_input(x: Tensor, pick: random.Random) -> Tensor:
    """Numbers of another type, elsewhere, or not as many features."""
    x = x.as_subclass(Tensor)
    other = torch.float64 if x.dtype != torch.float64 else torch.float32
    ways = [x.to(other), x.to(torch.int64), x.to(torch.complex64), x.to("meta"), x.to_sparse()]
    return pick.choice([*ways, x[..., :-1], torch.cat([x, x], -1), x[..., None, None]])


def a_module(pick: random.Random) -> OptCell:
    return OptCell(
        F, H,
        cell=pick.choice(["lstm", "gru", "rnn", "orthogonal"]),
        rule=pick.choice(["gd", "heavy_ball", "nesterov", "adam", "rmsprop"]),
        num_layers=pick.choice([1, 1, 2]),
        bias=pick.random() < 0.8,
        batch_first=pick.random() < 0.3,
        bidirectional=pick.random() < 0.3,
        learn_rule=pick.random() < 0.3,
        dtype=pick.choice([torch.float32, torch.float64]),
    )  # fmt: skip


def moved(module: OptCell, pick: random.Random) -> OptCell:
    """The module behind one of the ways in which modules are moved, cast, copied and loaded."""
    way = pick.choice(["", "", "double", "bfloat16", "copy", "meta and assign", "to_empty", "half"])
    if way == "copy":
        return copy.deepcopy(module)
    if way == "meta and assign":
        weights = {name: weight.clone() for name, weight in module.state_dict().items()}
        other = copy.deepcopy(module).to("meta")
        other.load_state_dict(weights, assign=True)
        return other
    if way == "to_empty":
        module.to_empty(device="cpu")
        for weight in module.parameters():
            nn.init.uniform_(weight, -0.5, 0.5)
        module.reset_parameters()
        return module
    return getattr(module, way)() if way else module


def spoiled(module: OptCell, pick: random.Random) -> None:
    """Replace one of the module's weights by one that does not fit, by one of the ways."""
    names = [name for name, _ in module.named_parameters() if "rule_values" not in name]
    name = pick.choice(names)
    other = wrong(getattr(module, name), pick)
    floating = other.is_floating_point() or other.is_complex()
    replaced = nn.Parameter(other, requires_grad=floating)
    if pick.random() < 0.5 and other.dtype == getattr(module, name).dtype and other.is_cpu:
        getattr(module, name).data = other
    else:
        setattr(module, name, replaced)


def untouched(module: OptCell) -> None:
    """Let a module be."""


def an_input(
    module: OptCell, pick: random.Random, form: str, T: int, B: int
) -> Tensor | PackedSequence:
    dtype = next(module.parameters()).dtype
    if form == "unbatched":
        return spread(torch.randn(T, F, dtype=dtype), pick)
    if form == "packed":
        lengths = torch.tensor([T] + [pick.randint(1, T) for _ in range(B - 1)])
        x = spread(torch.randn(T, B, F, dtype=dtype), pick)
        return pack_padded_sequence(x, lengths, enforce_sorted=False)
    shape = (B, T, F) if module.batch_first else (T, B, F)
    x = torch.randn(shape, dtype=dtype)
    return x[:1].expand(shape) if pick.random() < 0.2 else spread(x, pick)


def outcome(module: OptCell, x: Any, state: Any, between: Callable[[OptCell], None]) -> Any:
    """All numbers that come of a call and its backward pass, or the error."""
    weights = list(module.parameters())
    try:
        output, end = module(x, state)
        found = [*leaves(output.data if isinstance(output, PackedSequence) else output)]
        found += leaves(end)
        between(module)
        loss = sum(part.sum() for part in found if part.requires_grad)
        if isinstance(loss, Tensor):
            torch.autograd.backward(loss)
            # Of no sequences there may be no gradient, or one of zeros.
            found += [torch.zeros_like(w) if w.grad is None else w.grad for w in weights]
        return [part.detach().clone() for part in found]
    except ERRORS as error:
        return error


def same(own: list[Tensor], truth: list[Tensor]) -> bool:
    # Behind RMSProp gradients are small differences of large terms: all share one scale.
    sizes = [part.abs().max().item() for part in truth if part.numel() and not part.is_meta]
    scale = max([1.0, *(size for size in sizes if math.isfinite(size))])

    def close(a: Tensor, b: Tensor) -> bool:
        bound = TOLERANCE.get(a.dtype, 0.0) * scale
        return (
            a.shape == b.shape
            and a.dtype == b.dtype
            and a.device == b.device
            and (a.is_meta or torch.allclose(a, b, rtol=0, atol=bound, equal_nan=True))
        )

    return len(own) == len(truth) and all(map(close, own, truth))


def a_case(seed: int) -> str:
    """Run one case; say how it ended, or raise `SystemExit` where that is none of the ways."""
    pick = random.Random(seed)
    torch.manual_seed(seed)
    module = moved(a_module(pick), pick)
    form = pick.choice(["padded", "padded", "unbatched", "packed"])
    T, B = pick.choice([1, 2, 9, 17]), pick.choice([1, 2, 5])
    x: Any = an_input(module, pick, form, T, B)
    state = None
    if pick.random() < 0.4:
        with torch.no_grad():
            state = module(x)[1]
    mishap = pick.choice(
        ["none"] * 4 + ["input", "weight", "state", "other's state", "between", "empty", "no batch"]
    )
    between: Callable[[OptCell], None] = untouched
    if mishap == "input" and not isinstance(x, PackedSequence):
        x = wrong_input(x, pick)
    elif mishap == "input":
        x = PackedSequence(wrong_input(x.data, pick), *x[1:])
    elif mishap == "weight":
        spoiled(module, pick)
    elif mishap == "state" and state is not None:
        layers = [[list(hidden), list(rule.traces), rule.steps] for hidden, rule in state]
        parts = pick.choice([part for layer in layers for part in layer[:2] if part])
        parts[pick.randrange(len(parts))] = wrong(pick.choice(parts), pick)
        state = tuple(
            type(layer)(tuple(hidden), type(layer.rule)(tuple(traces), steps))
            for layer, (hidden, traces, steps) in zip(state, layers, strict=True)
        )
    elif mishap == "other's state":
        other = a_module(pick)
        with torch.no_grad():
            state = other(an_input(other, pick, "padded", 2, B))[1]
    elif mishap == "between":
        between = partial(spoiled, pick=random.Random(seed))
    elif mishap == "empty" and form != "packed":
        x = x.narrow(1 if form == "padded" and module.batch_first else 0, 0, 0)
    elif mishap == "no batch" and form == "padded":
        x = x.narrow(0 if module.batch_first else 1, 0, 0)
    else:
        mishap = "none"
    twin = copy.deepcopy(module)
    own = outcome(module, x, state, between)
    with kernels.backend("reference"):
        # What befalls a module after its forward pass changes no gradient of that pass.
        truth = outcome(twin, x, state, untouched)
    what = f"case {seed}: {module}, {form}, {T} steps, {B} sequences, mishap: {mishap}"
    if isinstance(own, Exception):
        if mishap == "none":
            raise SystemExit(f"{what}: {type(own).__name__}: {own}")
        return f"{mishap}: {type(own).__name__}"
    if mishap in ("input", "weight", "state", "empty"):
        raise SystemExit(f"{what}: numbers where an error belongs")
    if isinstance(truth, Exception):
        raise SystemExit(f"{what}: numbers, and the readable loop says {truth}")
    if not same(own, truth):
        raise SystemExit(f"{what}: other numbers than the readable loop")
    return f"{mishap}: equal"


def run(first: int, cases: int) -> Counter[str]:
    """Run some cases and count how they ended."""
    return Counter(map(a_case, range(first, first + cases)))


if __name__ == "__main__":
    for how, count in sorted(run(int(sys.argv[1]), int(sys.argv[2])).items()):
        print(f"{how}, {count}")
