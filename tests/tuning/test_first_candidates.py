"""What a search is to train before the sampler has its say."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from runs import SPACE, a_request

from optcell_search.ledger.opening import make_ledger
from optcell_search.ledger.request import Request
from optcell_search.space import Candidate, SearchSpace, is_plain
from optcell_search.tuning.cluster.data_transfer import Source
from optcell_search.tuning.resolving import pilot
from optcell_search.tuning.resolving.first_candidates import a_first_result
from optcell_search.tuning.resolving.resolve import resolve
from optcell_search.tuning.search.candidates import CandidateQueue
from optcell_search.tuning.search.jobs import job_of
from optcell_search.tuning.store.file_systems import Location


def asked(monkeypatch: pytest.MonkeyPatch, space: Any = "auto", **options: Any) -> Request:
    monkeypatch.setattr(pilot, "seconds_an_epoch", lambda *_: 0.3)
    monkeypatch.setattr("optcell_search.tuning.resolving.resolve.available_cores", lambda: 2)
    return resolve(space, "digits", **{"preset": "good", "time": "2m", "workers": 2, **options})


def told(request: Request) -> list[tuple[str, str, float]]:
    each = [Candidate.from_dict(one).flat() for one in request.first]
    return [
        (str(one["cell"]), str(one["model.front"]), float(one["training.share"])) for one in each
    ]


def test_first_comes_one_that_is_soon_there(monkeypatch: pytest.MonkeyPatch) -> None:
    request = asked(monkeypatch)
    assert request.epochs == 80
    plain = [(cell, "serial", 1.0) for cell in ("gru", "lstm")]
    assert told(request) == [("gru", "serial", 0.125), *plain]
    # Neither without a limit in time nor in a search that goes by no clock.
    assert told(asked(monkeypatch, time=None, num_trials=5)) == plain
    assert told(asked(monkeypatch, deterministic=True)) == plain


def test_other_spaces_begin_with_their_plain_cells(monkeypatch: pytest.MonkeyPatch) -> None:
    assert told(asked(monkeypatch, SPACE)) == [("rnn", "none", 1.0)]


@pytest.mark.parametrize(("epochs", "share"), [(800, 0.125), (40, 0.25), (20, 0.5)])
def test_a_first_result_takes_an_eighth_or_ten_epochs(epochs: int, share: float) -> None:
    space = SearchSpace.from_dict(SPACE)
    (one,) = a_first_result(space, epochs)
    found = Candidate.from_dict(one)
    assert found.training.share == share
    assert not is_plain(found)
    assert a_first_result(space, 19) == ()


def test_a_share_that_the_space_does_not_leave_open_is_kept(tiny: str, tmp_path: Path) -> None:
    request = a_request(tiny)
    request = replace(request, first=(*a_first_result(request.search_space, 40), *request.first))
    with contextlib.closing(make_ledger(request, tmp_path)) as ledger:
        queue = CandidateQueue(ledger)
        first, second = queue.ask(), queue.ask()
        assert first is not None
        assert second is not None
        assert (first.candidate.training.share, second.candidate.training.share) == (0.25, 1.0)
        # Another candidate than the plain one, which is trained as well.
        assert replace(first.candidate, training=second.candidate.training) == second.candidate
        stored = [Candidate.from_dict(t.user_attrs["candidate"]) for t in ledger.trials()]
    assert stored == [first.candidate, second.candidate]
    jobs = [job_of(t, request, Source.of(request, tmp_path), Location("")) for t in (first, second)]
    assert [job.candidate.training.share for job in jobs] == [0.25, 1.0]
