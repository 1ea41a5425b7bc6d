"""What makes a pair of loops, one forward and one backward in time, one differentiable operator.

Each loop is an opaque custom operator of torch, so `torch.compile` takes it as one node, and has a
rule for `torch.func.vmap`. All tensors have candidates K in front; mapping over V weight sets folds
them into K, so that one call runs them all.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NoReturn

import torch
from torch import Tensor

from .watching import transformed, unwatched

# The name of the package that carries this room: an exported cell registers its own operators.
_NAMESPACE = __name__.rpartition(".kernels")[0].replace(".", "_")

Tensors = tuple[Tensor, ...]


@dataclass(frozen=True)
class Operator:
    """A loop over time as torch knows it, and as it is.

    Attributes:
        op: the custom operator.
        run: the loop itself, for plain tensors.
    """

    op: Any
    run: Callable[..., Any]


def operator(
    name: str,
    schema: str,
    run: Callable[..., Any],
    outputs: Callable[..., Any],
    check: Callable[..., None],
    main: int = 0,
    strided: int | None = None,
) -> Operator:
    """Register a loop with torch.

    Args:
        name: of the operator.
        schema: its signature in torch's schema language; every tensor is (K, ...).
        run: computes it, from contiguous tensors but for one.
        outputs: same arguments -> tensors of the right shapes, contents left open.
        check: same arguments; raises a ValueError where a tensor is not what `run` reads it as.
        main: which argument has all of K, T and B. Where that is empty nothing runs: a sum over
            nothing is 0.
        strided: which argument `run` takes as it lies in memory.
    """

    def run_contiguous(*args: Any) -> Any:
        if not args[main].numel():
            empty = outputs(*args)
            return empty.zero_() if isinstance(empty, Tensor) else tuple(e.zero_() for e in empty)
        check(*args)
        return run(
            *(
                _in_memory(arg, i == strided) if isinstance(arg, Tensor) else arg
                for i, arg in enumerate(args)
            )
        )

    label = f"{_NAMESPACE}::{name}"
    op = torch.library.custom_op(label, run_contiguous, mutates_args=(), schema=schema)

    def room(*args: Any) -> Any:
        _check_devices(name, args)
        return outputs(*args)

    op.register_fake(room)

    op.register_vmap(_folding(op))
    return Operator(op, run_contiguous)


def _check_devices(loop: str, args: tuple[Any, ...]) -> None:
    """Make sure that no tensor without memory sends torch here, past the loop itself.

    One tensor on the meta device is enough for that; what should hold the loop's numbers would be
    memory that nobody has written to.
    """
    devices = {arg.device for arg in args if isinstance(arg, Tensor)}
    if len(devices) > 1:
        raise ValueError(
            f"{loop}: Expected all tensors to be on the same device, but found "
            f"{' and '.join(sorted(map(str, devices)))}"
        )


def _in_memory(tensor: Tensor, strided: bool) -> Tensor:
    """Return a tensor whose numbers lie in memory as they are, in order unless it may be strided.

    A view like that of the imaginary part of a conjugate only says that its numbers are to be
    taken the other way round.
    """
    if tensor.is_neg():
        tensor = tensor.resolve_neg()
    return tensor if strided else tensor.contiguous()


def arguments(names: tuple[str, ...]) -> str:
    """Return tensors of these names as the schema language writes arguments."""
    return ", ".join(f"Tensor {name}" for name in names)


def tensors(count: int) -> str:
    """Return so many tensors as the schema language writes what comes back."""
    return f"({', '.join(['Tensor'] * count)})"


def _folding(function: Callable[..., Any]) -> Callable[..., tuple[Any, Any]]:
    """Return the rule of torch.func.vmap for a function of tensors (K, ...): V goes into K."""

    def fold(info: Any, in_dims: tuple[int | None, ...], *args: Any) -> tuple[Any, Any]:
        size = info.batch_size
        result = function(*map(lambda a, d: _fold(a, d, size), args, in_dims))
        if isinstance(result, Tensor):
            return _unfold(result, size), 0
        return tuple(_unfold(part, size) for part in result), (0,) * len(result)

    return fold


def _fold(arg: Any, dim: int | None, size: int) -> Any:
    if not isinstance(arg, Tensor):
        return arg
    stacked = arg.expand(size, *arg.shape) if dim is None else arg.movedim(dim, 0)
    return stacked.reshape(size * stacked.shape[1], *stacked.shape[2:])


def _unfold(result: Tensor, size: int) -> Tensor:
    return result.reshape(size, len(result) // size, *result.shape[1:])


def differentiable(
    forward: Operator,
    backward: Operator,
    keep: Callable[[tuple[Any, ...], Any], tuple[Tensors, tuple[Any, ...]]],
    gradients: Callable[[Callable[..., Any], Tensors, tuple[Any, ...], tuple[Any, ...]], Tensors],
    settle: Callable[[tuple[Any, ...]], tuple[Any, ...]] = lambda args: args,
) -> Callable[..., Any]:
    """Join two operators into one function with a gradient, once.

    Args:
        forward, backward: what `operator` returned.
        keep: (inputs, output) -> the tensors and the other values the backward pass needs.
        gradients: (backward, tensors kept, values kept, gradients of the outputs, each a tensor or
            None) -> gradients of the inputs.
        settle: inputs -> the same, with what depends on which of them want a gradient. A mapped
            tensor does not tell that; it is asked again once the mapping is folded away.

    The function raises `RuntimeError` where it is to be differentiated twice.
    """

    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        ctx.set_materialize_grads(False)
        tensors, ctx.values = keep(inputs, output)
        ctx.save_for_backward(*tensors)

    def forbid(ctx: Any, *grads: Any) -> NoReturn:
        raise RuntimeError(
            "optcell kernels can be differentiated once; for second derivatives, also by "
            "create_graph=True, run the forward pass under "
            'optcell_search.kernels.backend("reference")'
        )

    class Backward(torch.autograd.Function):
        @staticmethod
        def forward(*args: Any) -> Any:
            return backward.op(*args)

        @staticmethod
        def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
            pass

        backward = staticmethod(forbid)

        @staticmethod
        def vmap(info: Any, in_dims: tuple[int | None, ...], *args: Any) -> tuple[Any, Any]:
            # Where nothing else looks on, past torch's dispatcher.
            def run(*folded: Any) -> Any:
                return (backward.run if unwatched(folded) else Backward.apply)(*folded)

            return _folding(run)(info, in_dims, *args)

    class Mapped(torch.autograd.Function):
        """For torch.func."""

        @staticmethod
        def forward(*args: Any) -> Any:
            return forward.op(*args)

        @staticmethod
        def backward(ctx: Any, *grads: Any) -> Any:
            return gradients(Backward.apply, ctx.saved_tensors, ctx.values, grads)

        @staticmethod
        def vmap(info: Any, in_dims: tuple[int | None, ...], *args: Any) -> tuple[Any, Any]:
            # With one mapping and no more, this is the plain function of more candidates: what
            # torch would make of it maps every step of its gradient, too, which takes longer.
            return _folding(lambda *folded: apply(*settle(folded)))(info, in_dims, *args)

    Mapped.setup_context = staticmethod(setup_context)  # type: ignore[method-assign]

    class Plain(torch.autograd.Function):
        """Past torch's dispatcher, which takes longer than a short loop."""

        @staticmethod
        def forward(ctx: Any, *args: Any) -> Any:
            output = forward.run(*args)
            setup_context(ctx, args, output)
            return output

        @staticmethod
        def backward(ctx: Any, *grads: Any) -> Any:
            # With gradients on, somebody means to differentiate what comes out; and gradients may
            # come many at once, as for a Jacobian.
            plain = unwatched(grads) and not torch.is_grad_enabled()
            run = backward.run if plain else Backward.apply
            return gradients(run, ctx.saved_tensors, ctx.values, grads)

    def traced_backward(ctx: Any, *grads: Any) -> Any:
        return gradients(backward.op, ctx.saved_tensors, ctx.values, grads)

    # torch.compile traces the operators themselves; torch.func knows only the functions above.
    forward.op.register_autograd(traced_backward, setup_context=setup_context)
    backward.op.register_autograd(forbid, setup_context=lambda ctx, inputs, output: None)

    def apply(*args: Any) -> Any:
        if torch.compiler.is_compiling() and not transformed():
            return forward.op(*args)
        return (Plain if unwatched(args) else Mapped).apply(*args)  # type: ignore[no-untyped-call]

    return apply
