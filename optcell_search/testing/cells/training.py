"""That a cell can be trained, alone and as one of a population."""

from __future__ import annotations

import copy

import torch
from torch import Tensor
from torch.func import functional_call, grad_and_value, stack_module_state, vmap

from ...cells import Cell, SequenceModel
from ...training.recipe.groups import parameter_groups
from .making import WithEveryRule, make, sequence


class Training(WithEveryRule):
    """The gradients of a cell."""

    def test_gradients_of_an_all_zero_input_are_finite(self, cell: Cell, rule: str) -> None:
        module = make(cell, rule, bias=False).train()
        x = torch.zeros(6, 2, 3, dtype=torch.float64, requires_grad=True)
        module(x)[0].square().sum().backward()
        assert x.grad is not None
        assert x.grad.isfinite().all()
        for name, parameter in module.named_parameters():
            assert parameter.grad is None or parameter.grad.isfinite().all(), name

    def test_one_step_of_descent_lowers_the_loss(self, cell: Cell, rule: str) -> None:
        torch.manual_seed(0)
        model = SequenceModel(3, 2, 8, cell=cell, rule=rule, dtype=torch.float64)
        x = sequence(5, 6).transpose(0, 1)
        target = torch.zeros(6, 2, dtype=torch.float64)
        optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
        losses = []
        for _ in range(2):
            loss = torch.nn.functional.mse_loss(model(x), target)
            losses.append(loss.item())
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
        assert losses[1] < losses[0]

    def test_weight_decay_leaves_alone_what_the_cell_names(self, cell: Cell) -> None:
        """A stack of two layers, with no gradient anywhere."""
        torch.manual_seed(0)
        model = SequenceModel(3, 2, 8, cell=cell, rule="gd", num_layers=2, norm="layer")
        for weight in model.parameters():
            torch.nn.init.constant_(weight, 0.5)
            weight.grad = torch.zeros_like(weight)
        groups = parameter_groups(model, 0.1)
        torch.optim.AdamW(groups, weight_decay=1.0).step()
        kept = {name for name, weight in model.named_parameters() if bool((weight == 0.5).all())}
        assert kept == {f"cell.layers.{i}.{name}_l0" for i in (0, 1) for name in cell.undecayed}

    def test_an_average_of_weights_is_what_it_was_after_each_step(self, cell: Cell) -> None:
        """However the cell writes its weights then: `Cell.after_step`, `Cell.follow`."""
        live = make(cell, "gd")
        average = copy.deepcopy(live)
        for weight in (*live.parameters(), *average.parameters()):
            weight.data += 0.1 * torch.randn_like(weight)
        x = sequence(5)
        expected = average(x)[0]
        for _ in range(200):
            live.after_step()
            average.follow(live)
            for own, other in zip(average.buffers(), live.buffers(), strict=True):
                own.copy_(other)
        torch.testing.assert_close(average(x)[0], expected, rtol=1e-8, atol=1e-10)

    def test_candidates_mapped_over_are_the_candidates_one_by_one(
        self, cell: Cell, rule: str
    ) -> None:
        modules = []
        for seed in range(2):
            module = make(cell, rule, num_layers=2, bidirectional=True, learn_rule=True)
            torch.manual_seed(seed)
            module.reset_parameters()
            for value in module.rule_values.parameters():
                value.data += 0.5 * seed
            modules.append(module)
        x = sequence(4)

        def loss(parameters: dict[str, Tensor], buffers: dict[str, Tensor]) -> Tensor:
            output: Tensor = functional_call(modules[0], (parameters, buffers), (x,))[0]
            return output.square().sum()

        parameters, buffers = stack_module_state(modules)
        mapped, losses = vmap(grad_and_value(loss))(parameters, buffers)
        for k, module in enumerate(modules):
            own = module(x)[0].square().sum()
            torch.testing.assert_close(losses[k], own, rtol=1e-11, atol=0)
            own.backward()
            for name, parameter in module.named_parameters():
                # A weight that a switch of the cell leaves without a use has none.
                expected = torch.zeros_like(parameter) if parameter.grad is None else parameter.grad
                got = mapped[name][k]
                torch.testing.assert_close(got, expected, rtol=1e-8, atol=1e-11, msg=name)
