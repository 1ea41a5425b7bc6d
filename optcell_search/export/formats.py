"""Other forms of an exported model, written where torch can: model.pt2 and step.onnx.

Both come from one traced step, (x_t, state) to (y_t, state): `step.onnx` is that step, `model.pt2`
runs it over time. Tracing a whole sequence instead would fix the number of steps, since torch
unrolls loops over time, its own LSTM's included.
"""

from __future__ import annotations

import copy
import importlib
import importlib.util
import logging
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from ..cells import OptCell, State
from ..cells.model.front import Front
from ..kernels import backend
from .description import Model

if TYPE_CHECKING:
    from torch.utils import _pytree as pytree

_TOLERANCE = 1e-4
# Any sizes do that differ from each other and from 1, which torch.export takes for fixed.
_BATCH, _STEPS = 3, 6
_OTHER_BATCH, _OTHER_STEPS = 5, 11
_ONNX = ("onnx", "onnxruntime", "onnxscript")
_TREES, _SCAN = "torch.utils._pytree", "torch._higher_order_ops.scan"

Outcome = dict[str, Any]
Shapes = tuple[Any, ...]


def write_formats(model: Model, input_size: int, folder: Path) -> dict[str, Outcome]:
    """Write ``model.pt2`` and ``step.onnx`` as far as torch can.

    Args:
        model: in evaluation mode.
        input_size: features per step.
        folder: where the files go.

    Returns:
        By file name ``{"written": True}``, or ``{"written": False, "reason": …}``; with
        ``step.onnx`` also the tensors of the state, in order: name, shape, type, initial value.
    """
    if model.cell.bidirectional:
        said = "a backward direction needs the whole sequence, so there is no single step"
        refused = {"written": False, "reason": said}
        return {"model.pt2": refused, "step.onnx": refused}
    if not model.streams:
        said = "values are relative to the last one of a window, so there is no single step"
        refused = {"written": False, "reason": said}
        return {"model.pt2": refused, "step.onnx": refused}
    if any(isinstance(part, Front) and part.stride > 1 for part in model.modules()):
        said = "with a stride not every step is taken by the recurrence, so no step is like another"
        refused = {"written": False, "reason": said}
        return {"model.pt2": refused, "step.onnx": refused}
    return {
        "model.pt2": _attempt(
            lambda path: _write_program(model, input_size, path), folder / "model.pt2"
        ),
        "step.onnx": _attempt(
            lambda path: _write_step(model, input_size, path), folder / "step.onnx"
        ),
    }


def _attempt(write: Callable[[Path], Outcome], path: Path) -> Outcome:
    # What the exporters log and warn about is told in one line, the reason.
    logging.disable(logging.ERROR)
    try:
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")
            return {"written": True, **write(path)}
    except Exception as error:  # exporters raise whatever the code they trace comes upon
        path.unlink(missing_ok=True)
        cause: BaseException = error
        while cause.__cause__ is not None:  # the last one says what it was, the first only where
            cause = cause.__cause__
        first = next(iter(str(cause).strip().splitlines()), "")
        # Of a package that is not there, the text says all there is to say.
        plain = isinstance(cause, ModuleNotFoundError)
        return {"written": False, "reason": first if plain else f"{type(cause).__name__}: {first}"}
    finally:
        logging.disable(logging.NOTSET)


def _inner(module: str) -> Any:
    """Import a module of torch's own, which torch does not promise to keep.

    Without it a form is left out, with this for a reason; the package itself needs none of them.
    """
    try:
        return importlib.import_module(module)
    except ImportError:
        said = f"torch {torch.__version__} has no {module}, which this form is written with"
        raise RuntimeError(said) from None


class _Step(nn.Module):
    """One step with the state as plain tensors: x (B, features) to y (B, outputs)."""

    def __init__(self, model: Model, layout: pytree.TreeSpec) -> None:
        super().__init__()
        self.model = model
        self.layout = layout

    def forward(self, x: Tensor, *state: Tensor) -> tuple[Tensor, ...]:
        """Return y and the next state."""
        trees = _inner(_TREES)
        before = trees.tree_unflatten(list(state), self.layout)
        y, after = self.model.stream(x.unsqueeze(1), before)
        return (y.squeeze(1), *trees.tree_leaves(after))


class _Program(nn.Module):
    """A traced step over time: x (B, T, features) to the model's outputs."""

    def __init__(self, step: nn.Module, like: list[Tensor], last: bool) -> None:
        super().__init__()
        self.step = step
        self.like = [(_shared(leaf), leaf.shape[1:], leaf.dtype) for leaf in like]
        self.last = last

    def forward(self, x: Tensor) -> Tensor:
        """Return (B, outputs), or (B, T, outputs) where every step is read."""
        # The one loop that torch.export keeps as a loop; without it every T would be a program.
        scan = _inner(_SCAN).scan

        def advance(state: list[Tensor], x_t: Tensor) -> tuple[list[Tensor], Tensor]:
            y, *after = self.step(x_t, *state)
            # What a scan returns must not be what it was given.
            return [leaf.clone() for leaf in after], y.clone()

        start = [
            x.new_zeros(1 if shared else x.shape[0], *shape, dtype=dtype)
            for shared, shape, dtype in self.like
        ]
        _, outputs = scan(advance, start, x, dim=1)
        result: Tensor = outputs[:, -1] if self.last else outputs
        return result


def _shared(leaf: Tensor) -> bool:
    """Whether a part of the state is one for all sequences, such as a count of steps."""
    return len(leaf) == 1


def _start(model: Model, x: Tensor) -> tuple[list[Tensor], pytree.TreeSpec]:
    """Return the state before the first step. That it is zero throughout, the checks show."""
    _, after = model.stream(x[:, :1])
    trees = _inner(_TREES)
    zeros: State = trees.tree_map(torch.zeros_like, after)
    state: tuple[list[Tensor], pytree.TreeSpec] = trees.tree_flatten(zeros)
    return state


def _trace(model: Model, input_size: int) -> tuple[torch.export.ExportedProgram, list[Tensor]]:
    """Return the traced step, and the state before the first one."""
    x = torch.randn(_BATCH, 1, input_size)
    state, layout = _start(model, x)
    batch = torch.export.Dim("batch")
    shapes: Shapes = ({0: batch}, tuple({} if _shared(leaf) else {0: batch} for leaf in state))
    # These forms are for inference: torch cannot differentiate the loop of model.pt2.
    step = _Step(copy.deepcopy(model).requires_grad_(False), layout).eval()
    for module in step.modules():
        if isinstance(module, OptCell):
            module.freeze()
    # In plain torch operators: the fast kernels' own would have to be there wherever it is loaded.
    with backend("reference"):
        return torch.export.export(step, (x[:, 0], *state), dynamic_shapes=shapes), state


def _module(step: torch.export.ExportedProgram) -> nn.Module:
    """Return a traced step as a module whose every tensor is a parameter or a buffer."""
    module = step.module()
    known = dict(module.named_buffers())
    for name, constant in step.constants.items():
        # Numbers that the code makes tensors of; a second trace passes by plain attributes.
        if name not in known:
            owner, _, attribute = name.rpartition(".")
            delattr(module.get_submodule(owner), attribute)
            module.get_submodule(owner).register_buffer(attribute, constant, persistent=False)
    return module


def _write_program(model: Model, input_size: int, path: Path) -> Outcome:
    step, state = _trace(model, input_size)
    program = torch.export.export(
        _Program(_module(step), state, model.reads == "last"),
        (torch.randn(_BATCH, _STEPS, input_size),),
        dynamic_shapes=({0: torch.export.Dim("batch"), 1: torch.export.Dim("time")},),
    )
    torch.export.save(program, path)
    for sizes in ((_OTHER_BATCH, _OTHER_STEPS), (1, 1)):
        x = torch.randn(*sizes, input_size)
        with torch.enable_grad():  # as whoever loads it has it
            output = torch.export.load(path).module()(x)
        _require_equal(output, model(x))
    return {}


def _write_step(model: Model, input_size: int, path: Path) -> Outcome:
    missing = [name for name in _ONNX if importlib.util.find_spec(name) is None]
    if missing:
        brings = "optcell-search[export] brings them"
        raise ModuleNotFoundError(f"not installed: {', '.join(missing)}; {brings}")
    step, state = _trace(model, input_size)
    names = [f"state_{i}" for i in range(len(state))]
    torch.onnx.export(
        step,
        f=path,
        input_names=["x", *names],
        output_names=["y", *(f"next_{name}" for name in names)],
        external_data=False,
        verbose=False,
    )
    _check_step(model, input_size, path, names)
    return {
        "state": [
            {
                "name": name,
                "shape": [1 if _shared(leaf) else "batch", *leaf.shape[1:]],
                "type": str(leaf.dtype).removeprefix("torch."),
                "initial": 0,
            }
            for name, leaf in zip(names, state, strict=True)
        ]
    }


def _check_step(model: Model, input_size: int, path: Path, names: list[str]) -> None:
    """Run the written step over a sequence and compare it with the model."""
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    x = torch.randn(_OTHER_BATCH, _STEPS, input_size)
    state = [leaf.numpy() for leaf in _start(model, x)[0]]
    outputs = []
    for t in range(_STEPS):
        feed = dict(zip(names, state, strict=True))
        y, *state = session.run(None, {"x": x[:, t].numpy(), **feed})
        outputs.append(torch.from_numpy(y))
    _require_equal(torch.stack(outputs, 1), model.stream(x)[0])


def _require_equal(output: Tensor, expected: Tensor) -> None:
    difference = float((output - expected).abs().max())
    if not difference <= _TOLERANCE * max(1.0, float(expected.abs().max())):
        raise ArithmeticError(f"its outputs differ from the model's by {difference:.3g}")
