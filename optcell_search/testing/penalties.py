"""What every penalty must keep."""

from __future__ import annotations

import math
from collections.abc import Mapping

import pytest
import torch
from torch import Tensor

from .. import registry
from ..hyperparameters import Real, specification
from ..penalties import Penalty
from ..space import SearchSpace
from ..tasks.describing import TAKEN

B, T, D = 3, 6, 4


class PenaltyContract:
    """Subclass it and supply the fixture `penalty`.

    Three sequences of six steps of four values between 5 and 25 are judged, beside drivers of
    (3, 6) numbers between 0.5 and 1. Override `predictions` or `drivers` where the penalty needs
    others: predictions that break the law somewhere, in sequences that can be judged one by one.
    """

    @pytest.fixture
    def penalty(self) -> Penalty:
        """Return the penalty to test, an object."""
        raise NotImplementedError("supply the fixture `penalty`")

    @pytest.fixture
    def predictions(self) -> Tensor:
        """Return the (sequences, time, values) float64 predictions to judge."""
        stream = torch.Generator().manual_seed(1)
        return 5 + 20 * torch.rand(B, T, D, generator=stream, dtype=torch.float64)

    @pytest.fixture
    def drivers(self, penalty: Penalty) -> Mapping[str, Tensor]:
        """Return the drivers that the penalty needs, float64, each (sequences, ...)."""
        stream = torch.Generator().manual_seed(0)
        return {
            name: 0.5 + 0.5 * torch.rand(B, T, generator=stream, dtype=torch.float64)
            for name in penalty.needs
        }

    def test_it_says_what_it_is(self, penalty: Penalty) -> None:
        assert registry.penalties.get(penalty.name) is type(penalty)
        assert penalty.title
        assert "\n" not in penalty.title
        assert penalty.unit
        assert penalty.needs
        assert type(penalty).__doc__
        weight = specification(type(penalty))["weight"]
        assert isinstance(weight, Real)
        assert weight.valid_low == 0

    def test_violations_are_never_negative_and_have_gradients(
        self, penalty: Penalty, predictions: Tensor, drivers: Mapping[str, Tensor]
    ) -> None:
        outputs = predictions.float().requires_grad_()
        single = {name: values.float() for name, values in drivers.items()}
        violations = penalty.violations(outputs, single)
        assert (violations >= 0).all()
        assert violations.isfinite().all()
        assert violations.any(), "the predictions keep the law: this test shows nothing"
        penalty.penalty(outputs, single).backward()  # type: ignore[no-untyped-call]
        assert outputs.grad is not None
        assert outputs.grad.isfinite().all()
        assert outputs.grad.any()

    def test_gradient_is_that_of_finite_differences(
        self, penalty: Penalty, predictions: Tensor, drivers: Mapping[str, Tensor]
    ) -> None:
        predictions.requires_grad_()
        assert torch.autograd.gradcheck(
            lambda x: penalty.penalty(x, drivers), (predictions,), eps=1e-5
        )

    def test_metrics_add_up_over_batches_and_are_the_penalty(
        self, penalty: Penalty, predictions: Tensor, drivers: Mapping[str, Tensor]
    ) -> None:
        whole = penalty.finish(penalty.tally(predictions, drivers))
        assert tuple(whole) == penalty.metrics
        assert not TAKEN & {*penalty.metrics}, "a table of trials calls something else so"
        assert whole[penalty.name] == pytest.approx(float(penalty.penalty(predictions, drivers)))
        assert 0 < whole[f"{penalty.name}_share"] <= 1
        first = penalty.tally(predictions[:1], {k: v[:1] for k, v in drivers.items()})
        rest = penalty.tally(predictions[1:], {k: v[1:] for k, v in drivers.items()})
        assert penalty.finish(first + rest) == pytest.approx(whole)

    def test_it_applies_where_all_its_drivers_are(self, penalty: Penalty) -> None:
        assert penalty.applies({*penalty.needs, "one_more"})
        assert not penalty.applies(())
        for missing in penalty.needs:
            assert not penalty.applies({*penalty.needs, "one_more"} - {missing})

    def test_weights_below_zero_are_refused_where_the_space_is_read(self, penalty: Penalty) -> None:
        for weight in (-1.0, {"low": -1.0, "high": 1.0}, math.nan):
            with pytest.raises(ValueError, match=rf"penalty\.{penalty.name}\.weight: .* <= value"):
                SearchSpace(
                    cells=["lstm"], rules=["gd"], penalty={penalty.name: {"weight": weight}}
                )
