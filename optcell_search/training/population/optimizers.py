"""The optimizers of many trainings as one: each row has its own rate, decay, clip and steps."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from optcell_search.training.recipe.schedule import changes
from optcell_search.training.trainer import Training

from .stack import Stack

# What torch's optimizers keep of each weight.
_MOMENTS = {
    "rmsprop": ("square_avg",),
    "adam": ("exp_avg", "exp_avg_sq"),
    "adamw": ("exp_avg", "exp_avg_sq"),
}


class Optimizers:
    """Steps the weights of K trainings by their gradients as each one's own optimizer would.

    What the trainings' optimizers keep becomes views of its rows. How often they have stepped is
    what the trainings say; `tell` tells their optimizers.

    Args:
        trainings: of one kind of optimizer.
        stack: of their live models.
    """

    def __init__(self, trainings: Sequence[Training], stack: Stack) -> None:
        self._trainings = list(trainings)
        self._stack = stack
        self._kind = trainings[0].candidate.training.optimizer
        settings = [training.candidate.training for training in trainings]
        self._changing = any(map(changes, settings))
        self._decays = any(one.weight_decay for one in settings)
        self._clip = self._column([training.clip for training in trainings])
        self._clips = any(math.isfinite(training.clip) for training in trainings)
        self._moments = [torch.zeros_like(stack.numbers) for _ in _MOMENTS[self._kind]]
        self._groups = self._adopt()
        self._rates = self._each("lr")
        self._decay = self._each("weight_decay")
        # Columns of weights that the loss depends on; torch steps no others.
        self._used: Tensor | None = None

    def _column(self, values: Sequence[float]) -> Tensor:
        return torch.tensor(values, dtype=torch.float64).to(self._stack.numbers).unsqueeze(1)

    @torch.no_grad()
    def _adopt(self) -> Tensor | None:
        """Make the optimizers' states views; return each column's group, if there are several."""
        stack = self._stack
        group_of: dict[str, int] = {}
        for k, training in enumerate(self._trainings):
            own = dict(training.live.named_parameters())
            groups = training.optimizer.param_groups
            for name in stack.columns:
                weight = own[name]
                state = training.optimizer.state[weight]
                for key, moment in zip(_MOMENTS[self._kind], self._moments, strict=True):
                    row = stack.rows(moment, name, weight.shape)[k]
                    if key in state:
                        row.copy_(state[key])
                    state[key] = row
                # Where torch counts: a fused step reads it on the device.
                place = weight.device if training.optimizer.defaults.get("fused") else "cpu"
                state.setdefault("step", torch.zeros((), device=place))
                if not k and len(groups) > 1:
                    group_of[name] = next(
                        i for i, group in enumerate(groups)
                        if any(weight is one for one in group["params"])
                    )  # fmt: skip
        if not group_of:
            return None
        index = torch.zeros(stack.numbers.shape[1], dtype=torch.int64)
        for name, number in group_of.items():
            index[stack.columns[name]] = number
        return index.to(stack.numbers.device)

    def _each(self, option: str) -> Tensor:
        """Return an option of the optimizers, (K, 1) or, where a model has groups, (K, N)."""
        each = [[g[option] for g in one.optimizer.param_groups] for one in self._trainings]
        values = torch.tensor(each, dtype=torch.float64).to(self._stack.numbers)
        return values[:, :1] if self._groups is None else values[:, self._groups]

    def prepare(self) -> None:
        """Set the learning rates of the next step."""
        if self._changing:
            for training in self._trainings:
                training.prepare()
            self._rates = self._each("lr")

    @torch.no_grad()
    def step(self, gradients: Sequence[Tensor | None]) -> Tensor:
        """Change the weights by the gradients of `Stack.weights`; return the norms (K,).

        Each training's norm is that of all its gradients, before they are clipped.
        """
        numbers = self._stack.numbers
        parts = [
            numbers.new_zeros(len(numbers), part.stop - part.start)
            if gradient is None
            else gradient.reshape(len(numbers), -1)
            for gradient, part in zip(gradients, self._stack.columns.values(), strict=True)
        ]
        G = torch.cat(parts, 1)
        norms: Tensor = torch.linalg.vector_norm(G, dim=1)
        if self._clips:
            # As torch's clip_grad_norm_ does.
            G *= (self._clip / (norms.unsqueeze(1) + 1e-6)).clamp(max=1.0)
        if self._decays and self._used is None:
            known = zip(gradients, parts, strict=True)
            self._used = torch.cat([torch.full_like(part[0], g is not None) for g, part in known])
        if self._kind == "rmsprop":
            self._rmsprop(numbers, G)
        else:
            self._adam(numbers, G)
        return norms

    def _decayed(self, W: Tensor) -> Tensor:
        assert self._used is not None
        return W * self._used * self._decay

    def _rmsprop(self, W: Tensor, G: Tensor) -> None:
        (square,) = self._moments
        if self._decays:
            G += self._decayed(W)
        alpha = self._trainings[0].optimizer.defaults["alpha"]
        eps = self._trainings[0].optimizer.defaults["eps"]
        square.mul_(alpha).addcmul_(G, G, value=1 - alpha)
        W.addcdiv_(G.mul_(-self._rates), square.sqrt().add_(eps))

    def _adam(self, W: Tensor, G: Tensor) -> None:
        mean, square = self._moments
        defaults = self._trainings[0].optimizer.defaults
        (beta1, beta2), eps = defaults["betas"], defaults["eps"]
        if self._decays and self._kind == "adamw":
            W.sub_(self._decayed(W).mul_(self._rates))
        elif self._decays:
            G += self._decayed(W)
        mean.lerp_(G, 1 - beta1)
        square.mul_(beta2).addcmul_(G, G, value=1 - beta2)
        steps = [training.steps + 1 for training in self._trainings]
        first = self._column([1 - beta1**step for step in steps])
        second = self._column([math.sqrt(1 - beta2**step) for step in steps])
        W.addcdiv_(mean * (-self._rates / first), square.sqrt().div_(second).add_(eps))

    @torch.no_grad()
    def tell(self) -> None:
        """Let each training's optimizer know its number of steps, and hold no gradient."""
        for training in self._trainings:
            for state in training.optimizer.state.values():
                state["step"].fill_(training.steps)
            training.optimizer.zero_grad()

    @torch.no_grad()
    def release(self) -> None:
        """Give every optimizer tensors of its own."""
        self.tell()
        for training in self._trainings:
            for state in training.optimizer.state.values():
                for key in _MOMENTS[self._kind]:
                    state[key] = state[key].clone()

    def silence(self, k: int) -> None:
        """Forget what one training's optimizer kept, and stop it."""
        for moment in self._moments:
            moment[k] = 0
