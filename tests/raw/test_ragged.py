"""Sequences kept without padding: what comes out is what padded ones give."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn.utils.rnn import PackedSequence, pad_packed_sequence

from optcell_search.cells import OptCell
from optcell_search.raw import ragged as module
from optcell_search.raw.ragged import Ragged, answered, batches, buckets, ragged, stored, unequal
from optcell_search.tasks import Split

LENGTHS = st.lists(st.integers(1, 9), min_size=1, max_size=8)


def made(lengths: list[int], width: int = 2, fill: float = 0.0) -> Ragged:
    values = torch.arange(1.0, sum(lengths) * width + 1, dtype=torch.float64).view(-1, width)
    return Ragged(values, torch.tensor(lengths), fill)


@given(LENGTHS, st.data())
@settings(max_examples=60)
def test_any_sequences_taken_are_those_of_the_padded_ones(
    lengths: list[int], data: st.DataObject
) -> None:
    chosen = data.draw(st.lists(st.integers(0, len(lengths) - 1), min_size=1, max_size=6))
    index = torch.tensor(chosen)
    inputs, targets = made(lengths), made(lengths, 1, torch.nan)
    groups = torch.arange(len(lengths))
    short = Split(inputs, targets, inputs.lengths, groups=groups)
    padded = Split(inputs.padded(), targets.padded(), inputs.lengths, groups=groups)
    batch, same = short.take(index), padded.take(index)
    longest = max(lengths[number] for number in chosen)
    assert batch.inputs.shape == (len(chosen), longest, 2)
    assert torch.equal(batch.inputs, same.inputs[:, :longest])
    assert not same.inputs[:, longest:].any()
    assert torch.equal(batch.targets.nan_to_num(-1), same.targets[:, :longest].nan_to_num(-1))
    assert batch.lengths is not None
    assert batch.lengths.tolist() == [lengths[number] for number in chosen]
    assert batch.groups is not None
    assert batch.groups.tolist() == chosen
    part = short.part(index)
    assert isinstance(part.inputs, Ragged)
    assert torch.equal(part.inputs.padded(), batch.inputs)
    for place, number in enumerate(chosen):
        assert torch.equal(part.sequence(place), padded.sequence(number))


@given(LENGTHS)
@settings(max_examples=40)
def test_padding_and_taking_it_off_again_changes_nothing(lengths: list[int]) -> None:
    one = made(lengths)
    again = ragged(one.padded(), one.lengths)
    assert one.shape == one.padded().shape
    assert torch.equal(again.values, one.values)
    assert again.lengths.tolist() == lengths


def test_only_very_unequal_sequences_are_kept_without_padding() -> None:
    """More than four times their own steps, and more than 4,194,304 of them."""
    few = torch.full((1000,), 10)
    assert unequal(torch.cat((few, torch.tensor([5_000]))))
    assert not unequal(torch.cat((few, torch.tensor([4_190]))))  # 1,001 x 4,190 steps: few
    assert not unequal(torch.full((1000,), 5_000))  # none is padding
    half = torch.cat((torch.full((500,), 9_000), torch.full((500,), 3_000)))
    assert not unequal(half)
    assert isinstance(stored(made([3, 1])), torch.Tensor)


@given(st.lists(st.integers(1, 5000), min_size=1, max_size=50))
@settings(max_examples=60)
def test_buckets_hold_lengths_within_a_factor_of_two(lengths: list[int]) -> None:
    found = buckets(torch.tensor(lengths))
    assert sorted(torch.cat(found).tolist()) == list(range(len(lengths)))
    for bucket in found:
        own = [lengths[number] for number in bucket.tolist()]
        assert max(own).bit_length() == min(own).bit_length()
    assert sorted(torch.cat(list(batches(torch.tensor(lengths)))).tolist()) == list(
        range(len(lengths))
    )


class Answers(nn.Module):
    """An LSTM of ours with a read-out of every step, or of the last."""

    def __init__(self, *, every: bool) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.cell = OptCell(2, 5, cell="lstm", rule="adam", dtype=torch.float64)
        self.every = every

    def forward(self, packed: PackedSequence) -> Any:
        out, state = self.cell(packed)
        padded, _ = pad_packed_sequence(out, batch_first=True)
        return padded if self.every else state[-1].hidden[0]


@pytest.mark.parametrize("every", [False, True])
def test_answers_come_in_the_order_of_the_sequences(
    every: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_STEPS", 40)  # several batches a bucket
    lengths = [3, 70, 1, 9, 8, 2, 33, 3, 15]
    inputs = made(lengths)
    inputs = Ragged(torch.sin(inputs.values), inputs.lengths)
    model = Answers(every=every)
    found = answered(model, inputs, every=every)
    alone = [answered(model, inputs.part(torch.tensor([i])), every=every) for i in range(9)]
    assert len(found) == (sum(lengths) if every else len(lengths))
    torch.testing.assert_close(found, torch.cat(alone), rtol=0, atol=1e-13)
