"""Language models: vocabularies, streams, what is refused, and the state that is carried on."""

from __future__ import annotations

import dataclasses
import math
import zipfile
from pathlib import Path

import pytest
import torch

from optcell_search import tasks
from optcell_search.cells import SequenceModel, State
from optcell_search.raw.kinds.texts import vocabulary
from optcell_search.space import Candidate
from optcell_search.tasks import IGNORED, LoadedTask, NextSymbol, Split
from optcell_search.tasks.joining import whole_task
from optcell_search.tasks.language import preprocessing, streams
from optcell_search.training import Training, evaluate
from optcell_search.training.streams import stream_seed


def candidate(rule: str = "adam", **training: object) -> Candidate:
    return Candidate.from_dict(
        {
            "cell": {"name": "gru"},
            "rule": {"name": rule},
            "model": {"hidden_size": 6},
            "training": {"lr": 1e-2, **training},
        }
    )


@pytest.fixture
def text(tmp_path: Path) -> Path:
    path = tmp_path / "a.txt"
    path.write_text("".join("abcab cab! "[i * i % 11] for i in range(3000)) + "é" * 30)
    return path


@pytest.fixture
def brown(tmp_path: Path) -> Path:
    with zipfile.ZipFile(tmp_path / "brown.zip", "w") as file:
        file.writestr("brown/README", "no text")
        file.writestr("brown/cats.txt", "ca01 news")
        for number in range(20):
            words = " ".join(f"{w}{number % 3}/nn" for w in ("The", "cat", "1/2"))
            name = f"brown/c{'ab'[number // 10]}{number % 10 + 1:02d}"
            own = f"only{number}/nn ./.\n" * (2 if number % 10 == 9 else 1)
            file.writestr(name, f"\n\n\t{words} ./.\n\n{words} ./.\n{own}")
    return tmp_path


def test_the_most_frequent_words_are_known() -> None:
    assert vocabulary(["b", "a", "b", "c", "a", "b"], 3) == ("<unk>", "b", "a")
    assert vocabulary("xyx", 9) == ("<unk>", "x", "y")


def test_streams_go_on_where_the_text_goes_on() -> None:
    split = streams(
        "abcdefghijk",
        preprocessing(tuple("?abcdefghi"), unit="character", streams=2, where="here"),
    )
    assert split.inputs[..., 0].tolist() == [[1, 2, 3, 4, 5], [6, 7, 8, 9, 0]]
    assert split.targets.tolist() == [[2, 3, 4, 5, 6], [7, 8, 9, 0, 0]]


def test_too_short_a_text_is_refused_at_load(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("too short")
    with pytest.raises(ValueError, match=r"a\.txt, .* too few tokens: \d+; 32 streams need"):
        tasks.load("a.txt", tmp_path)


def test_a_text_of_one_letter_alone_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("a" * 2000)
    with pytest.raises(ValueError, match="every target of the training split is 'a', so there is"):
        tasks.load("a.txt", tmp_path)


def test_text_that_is_not_utf_8_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"abc\xff")
    with pytest.raises(ValueError, match="not UTF-8 at byte 3"):
        tasks.load("a.txt", tmp_path)


def test_characters_are_split_in_order_and_new_ones_unknown(text: Path) -> None:
    task = tasks.load(f"{text}:streams=4")
    whole = text.read_text()
    first = task.train.inputs[0, :40, 0].long().tolist()
    assert "".join(task.classes[number] for number in first) == whole[:40]
    assert "é" not in task.classes
    assert task.unseal().targets[-1, -1] == 0
    lengths = [split.targets.numel() for split in (task.train, task.validation, task.test)]
    assert lengths == pytest.approx([0.8 * len(whole), 0.1 * len(whole), 0.1 * len(whole)], rel=0.1)


def test_as_many_characters_are_known_as_asked_for(text: Path) -> None:
    task = tasks.load(f"{text}:streams=4,vocabulary=3")
    assert len(task.classes) == task.output_size == 3
    assert task.unseal().targets.max() == 2


def test_brown_reads_words_without_tags_and_splits_by_file(brown: Path) -> None:
    task = tasks.load("brown:streams=2", brown)
    assert {"The0", "1/20", ".", "<eos>", "<unk>"} <= set(task.classes)
    words = [task.classes[int(n)] for n in task.train.inputs[0, :5, 0]]
    assert words == ["The0", "cat0", "1/20", ".", "<eos>"]
    # Files 9 and 19 validate, 10 and 20 test: of each 2 sentences of 5 tokens, then 1 or 2 of 3.
    assert task.validation.inputs.shape == (2, 12, 1)
    assert task.unseal().inputs.shape == (2, 15, 1)
    own = {f"only{number}" for number in range(20) if number % 10 < 8}
    assert {word for word in task.classes if word.startswith("only")} == own
    assert len(task.classes) == 12 + len(own)


def test_brown_knows_as_many_words_as_it_is_asked_to(brown: Path) -> None:
    task = tasks.load("brown:streams=2,vocabulary=3", brown)
    # The end of a sentence and the full stop come once a sentence, no word as often.
    assert task.classes == ("<unk>", ".", "<eos>")
    for split in (task.train, task.validation, task.unseal()):
        assert split.targets.unique().tolist() == [0, 1, 2]


def test_brown_is_also_read_from_its_folder(brown: Path) -> None:
    zipped = tasks.load("brown:streams=2", brown)
    with zipfile.ZipFile(brown / "brown.zip") as file:
        file.extractall(brown)
    (brown / "brown.zip").unlink()
    assert tasks.load("brown:streams=2", brown).fingerprint == zipped.fingerprint


def test_brown_that_is_missing_or_damaged_says_so(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"brown\.zip .* nltk\.download"):
        tasks.load("brown", tmp_path)
    (tmp_path / "brown.zip").write_bytes(b"PK no zip")
    with pytest.raises(ValueError, match=r"brown\.zip: damaged, or no zip file"):
        tasks.load("brown", tmp_path)


def test_a_brown_archive_with_a_damaged_text_says_so(brown: Path) -> None:
    with zipfile.ZipFile(brown / "brown.zip", "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("brown/ca01", "The/at cat/nn ./.\n" * 200)
        start = file.infolist()[0].header_offset + 30 + len("brown/ca01")
    content = bytearray((brown / "brown.zip").read_bytes())
    content[start] ^= 0xFF  # the kind of the first block, of which there is none like that
    (brown / "brown.zip").write_bytes(content)
    with pytest.raises(ValueError, match=r"brown\.zip: damaged, or no zip file: Error -3"):
        tasks.load("brown", brown)


def test_a_folder_of_other_texts_than_browns_says_which(tmp_path: Path) -> None:
    (tmp_path / "brown").mkdir()
    (tmp_path / "brown" / "README").touch()
    with pytest.raises(ValueError, match=r"brown: holds none of the texts ca01 to cr09"):
        tasks.load("brown", tmp_path)
    (tmp_path / "brown" / "ca01").write_bytes(b"The/at caf\xe9/nn ./.")
    with pytest.raises(ValueError, match=r"brown.ca01: not ASCII at byte 10"):
        tasks.load("brown", tmp_path)


def test_perplexity_of_a_model_that_knows_nothing_is_the_number_of_symbols() -> None:
    goal = NextSymbol(symbols=8)
    scores = goal.finish(goal.tally(torch.zeros(2, 5, 8), torch.randint(8, (2, 5))))
    assert scores["perplexity"] == pytest.approx(8)
    assert scores["bits"] == pytest.approx(3)
    assert goal.finish(torch.tensor([[1e6, 1.0]]))["perplexity"] > 1e300
    assert math.isnan(goal.finish(torch.tensor([[math.nan, 1.0]]))["perplexity"])


def test_one_weight_embeds_and_reads_out() -> None:
    model = SequenceModel(1, 7, 5, cell="lstm", symbols=True, readout="every")
    assert sum(p.numel() for p in model.readout.parameters()) == 7 * 5 + 7
    assert model.cell.input_size == 5
    x = torch.tensor([[[2.0], [6.0]]])
    hidden, _ = model.cell(model.readout.weight[[2, 6]].unsqueeze(0))
    expected = hidden @ model.readout.weight.T + model.readout.bias
    torch.testing.assert_close(model(x), expected)
    packed = torch.nn.utils.rnn.pack_sequence([x[0]])
    torch.testing.assert_close(model(packed), expected)


def test_a_model_that_reads_ahead_is_refused() -> None:
    with pytest.raises(ValueError, match="reads ahead"):
        SequenceModel(1, 7, 5, symbols=True, bidirectional=True)


def test_evaluation_in_pieces_is_evaluation_of_the_whole(text: Path) -> None:
    """Perplexity must not depend on the pieces: h and the rules' traces go from one to the next."""
    whole = tasks.load(f"{text}:streams=4,chunk=100000")
    pieces = tasks.load(f"{text}:streams=4,chunk=7")
    model = candidate().build(whole)
    assert evaluate(model, pieces.validation, pieces) == pytest.approx(
        evaluate(model, whole.validation, whole), rel=1e-5
    )


def test_training_carries_the_state_and_cuts_the_gradients(text: Path) -> None:
    task = tasks.load(f"{text}:streams=4,chunk=9")
    short = Split(task.train.inputs[:, :20], task.train.targets[:, :20])
    cut = LoadedTask(task.task, Path(), data=dataclasses.replace(task._data, train=short))
    training = Training(candidate(optimizer="adam"), cut, seed=3)

    twin = Training(candidate(optimizer="adam"), cut, seed=3)
    model, losses = twin.model, []
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    order = torch.randperm(4, generator=torch.Generator().manual_seed(stream_seed(3, "order", 0)))
    state = None
    for start in (0, 9, 18):
        x, y = short.inputs[order, start : start + 9], short.targets[order, start : start + 9]
        outputs, state = model.stream(x, state)
        loss = torch.nn.functional.cross_entropy(outputs.flatten(0, 1), y.flatten())
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        losses.append(float(loss.detach()) * x.shape[1] / 20)
        state = State(
            layer._replace(
                hidden=tuple(h.detach() for h in layer.hidden),
                rule=layer.rule._replace(traces=tuple(q.detach() for q in layer.rule.traces)),
            )
            for layer in state
        )
    assert training.epoch()["train_loss"] == pytest.approx(sum(losses), rel=1e-5)
    for ours, theirs in zip(training.model.parameters(), model.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-6)


def test_a_language_model_learns(text: Path) -> None:
    task = tasks.load(f"{text}:streams=8,chunk=20")
    training = Training(candidate("heavy_ball"), task, seed=0)
    scores = [training.epoch() for _ in range(3)]
    assert scores[-1]["perplexity"] < scores[0]["perplexity"] < task.output_size
    assert scores[-1]["gradient_first"] > 0


def test_a_symbol_that_is_not_there_counts_nowhere() -> None:
    goal, outputs = NextSymbol(symbols=8), torch.randn(2, 5, 8, generator=torch.manual_seed(0))
    targets = torch.arange(10).view(2, 5) % 8
    targets[0, 3:] = IGNORED
    there = targets != IGNORED
    expected = torch.nn.functional.cross_entropy(outputs[there], targets[there])
    torch.testing.assert_close(goal.loss(outputs, targets), expected)
    scores = goal.finish(goal.tally(outputs, targets))
    assert scores["loss"] == pytest.approx(float(expected), rel=1e-6)


def test_the_whole_of_a_text_goes_on_in_its_streams_after_training(text: Path) -> None:
    task = tasks.load(f"{text}:streams=4,chunk=20")
    whole = whole_task(task).train
    steps = task.train.inputs.shape[1]
    for name in ("inputs", "targets"):
        values = getattr(whole, name)
        assert torch.equal(values[:, :steps], getattr(task.train, name))
        assert torch.equal(values[:, steps:], getattr(task.validation, name))
    # One stream a batch: none is without a target.
    scores = Training(candidate(batch_size=1), whole_task(task), seed=0).epoch()
    assert math.isfinite(scores["train_loss"])


def test_streams_of_other_numbers_cannot_be_one_whole(text: Path) -> None:
    task = tasks.load(f"{text}:streams=4")
    fewer = task.split_anew(task.train, task.validation.part(torch.arange(3)))
    with pytest.raises(ValueError, match=r"goes on in 3 streams where training has 4, .*no refit$"):
        whole_task(fewer)
