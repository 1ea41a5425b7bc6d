"""What is read off a trained mixture, against networks put together by hand, in float64."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
import torch

from optcell_search import tasks
from optcell_search.cells import SequenceModel
from optcell_search.rules import Mixture
from optcell_search.space import Candidate, SearchSpace, mixtures
from optcell_search.tasks import LoadedTask
from optcell_search.training import Training, evaluate, read_mixture

RULES = ("gd", "heavy_ball", "adam")
VALUES = {"gd_s": 0.5, "heavy_ball_mu": 0.9, "heavy_ball_s": 0.7, "adam_mu": 0.3, "adam_s": 0.4}


def a_mixture(cell: str = "rnn", learned: bool = True, **model: Any) -> Candidate:
    switches = {name: name in RULES for name in ("gd", "heavy_ball", "nesterov", "adam", "rmsprop")}
    # Adam has nearly all of the weight.
    rule = {"name": "mixture", **switches, **VALUES, "adam_logit": 3.0, "adam_beta": 0.8}
    return Candidate.from_dict(
        {
            "cell": {"name": cell},
            "rule": rule,
            "model": {"hidden_size": 6, "learn_rule": learned, **model},
        }
    )


@pytest.fixture(scope="module")
def digits() -> LoadedTask:
    small = tasks.load("digits").beginning(64, 48)
    return small.split_anew(*(as_float64(split) for split in (small.train, small.validation)))


def as_float64(split: Any) -> Any:
    return dataclasses.replace(split, inputs=split.inputs.double())


def double(candidate: Candidate, task: LoadedTask, seed: int = 0) -> SequenceModel:
    torch.manual_seed(seed)
    model = candidate.build(task).double()
    assert isinstance(model, SequenceModel)
    return model


def by_hand(model: SequenceModel, task: LoadedTask, rule: Mixture) -> float:
    """The loss of the same weights behind a rule that is not learned."""
    twin = SequenceModel(
        task.input_size, task.output_size, 6, cell="rnn", rule=rule, dtype=torch.float64
    )
    weights = {k: v for k, v in model.state_dict().items() if "rule_values" not in k}
    twin.load_state_dict(weights)
    with torch.no_grad():
        outputs = twin(task.validation.inputs)
    return float(torch.nn.functional.cross_entropy(outputs, task.validation.targets))


@pytest.mark.parametrize("learned", [True, False])
def test_losses_without_a_rule_and_of_it_alone_are_those_of_networks_made_so(
    digits: LoadedTask, learned: bool
) -> None:
    candidate = a_mixture(learned=learned)
    model = double(candidate, digits)
    random = torch.random.get_rng_state()
    told = read_mixture(candidate, [(model, digits)])
    assert torch.equal(torch.random.get_rng_state(), random)
    rule = Mixture(**dict[str, Any](candidate.rule_options))
    for name in RULES:
        others = [other for other in RULES if other != name]
        off = dict.fromkeys(("nesterov", "rmsprop", name), False)
        kept = {k: v for k, v in rule.values().items() if any(k.startswith(o) for o in others)}
        expected = by_hand(model, digits, Mixture(**dict[str, Any](kept | off)))
        assert told["without"][name] == pytest.approx(expected, rel=1e-7)
        alone = dict.fromkeys(("nesterov", "rmsprop", *others), False)
        own = {k: v for k, v in rule.values().items() if k.startswith(name)}
        expected = by_hand(model, digits, Mixture(**dict[str, Any](own | alone)))
        assert told["alone"][name] == pytest.approx(expected, rel=1e-7)
    assert told["loss"]["mixture"] == pytest.approx(
        evaluate(model, digits.validation, digits)["loss"], rel=1e-12
    )
    assert told["values"] == pytest.approx({**VALUES, "adam_beta": 0.8}, rel=1e-6)
    assert sum(told["weights"].values()) == pytest.approx(1.0)


def test_the_strongest_rule_is_the_one_that_is_missed_and_not_that_of_the_largest_weight(
    digits: LoadedTask,
) -> None:
    candidate = a_mixture()
    model = double(candidate, digits)
    # What heavy ball alone answers is the truth: so the mixture's answers are made by it.
    truth = candidate.build(
        digits, rule=Mixture(**dict[str, Any](candidate.rule_options)).only(["heavy_ball"])
    ).double()
    truth.load_state_dict(model.state_dict())
    with torch.no_grad():
        for one in (model, truth):
            one.readout.weight *= 100
        labels = truth(digits.validation.inputs).argmax(-1)
    known = dataclasses.replace(digits.validation, targets=labels)
    task = digits.split_anew(digits.train, known)
    with torch.no_grad():
        # Adam's part is nearly nothing, though its weight is the largest.
        model.cell.rule_values.adam_s.fill_(-30.0)
    told = read_mixture(candidate, [(model, task)])
    assert max(told["weights"], key=lambda rule: told["weights"][rule]) == "adam"
    assert max(told["without"], key=lambda rule: told["without"][rule]) == "heavy_ball"
    assert min(told["alone"], key=lambda rule: told["alone"][rule]) == "heavy_ball"


def test_several_trainings_and_layers_tell_their_means(digits: LoadedTask) -> None:
    candidate = a_mixture("gru", num_layers=2, norm="layer")
    models = [double(candidate, digits, seed) for seed in (0, 1)]
    with torch.no_grad():
        for shift, value in enumerate(
            parameter
            for model in models
            for name, parameter in model.named_parameters()
            if name.endswith("heavy_ball_mu")
        ):
            value += 0.1 * shift
    each = [read_mixture(candidate, [(model, digits)]) for model in models]
    both = read_mixture(candidate, [(model, digits) for model in models])
    for part in both:
        for name, value in both[part].items():
            assert value == pytest.approx((each[0][part][name] + each[1][part][name]) / 2)
    mus = [one["values"]["heavy_ball_mu"] for one in each]
    assert VALUES["heavy_ball_mu"] < mus[0] < mus[1] < 1


def test_a_loss_that_is_not_finite_ranks_last_and_is_a_number(digits: LoadedTask) -> None:
    candidate = a_mixture()
    model = double(candidate, digits)
    with torch.no_grad():
        model.readout.weight.fill_(torch.nan)
    told = read_mixture(candidate, [(model, digits)])
    assert set(told["alone"].values()) == {1.7976931348623157e308}


@pytest.mark.parametrize("space", ["smoke", "conv_recurrent", "modern", "auto"])
def test_mixtures_of_other_cells_can_be_read(space: str) -> None:
    loaded = SearchSpace.load(space)
    task = tasks.load("digits:steps=image" if space == "conv_recurrent" else "digits")
    task = task.beginning(16, 8)
    changed: dict[str, Any] = {"rules": ["gd", "heavy_ball", "adam"], "rule": {}}
    if space == "conv_recurrent":
        changed["model"] = {"depth": 2}
    widened = SearchSpace.from_dict({**loaded.to_dict(), **changed})
    candidate = mixtures(widened)[0]
    training = Training(candidate, task, seed=0, epochs=1)
    told = read_mixture(candidate, [(training.model, task)])
    assert told["without"].keys() == told["alone"].keys() == set(RULES)
