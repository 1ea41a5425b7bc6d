from __future__ import annotations

import shutil
from pathlib import Path

import optuna
import pytest
from runs import a_request, cluster, faulty_rule, postgresql, tiny
from zones import kathmandu

from optcell_search.ledger.format import finalized_key
from optcell_search.ledger.opening import make_ledger
from optcell_search.ledger.trials.ending import Beside

__all__ = ["cluster", "faulty_rule", "kathmandu", "postgresql", "tiny"]


@pytest.fixture(scope="module")
def sound(tiny: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with two trials that are complete and one in training."""
    folder = tmp_path_factory.mktemp("sound") / "run"
    folder.mkdir()
    request = a_request(tiny)
    request.write(folder)
    ledger = make_ledger(request, folder)
    for number in range(3):
        sampler = optuna.samplers.RandomSampler(seed=number)
        trial = ledger.ask(request.search_space, sampler)
        assert trial is not None
        ledger.report(number, 1, {"accuracy": 0.25, "loss": 1.0})
        if number < 2:
            ledger.complete(number, {"accuracy": 0.5, "loss": 1.0}, Beside(gradients={1: 0.5}))
    ledger.note(finalized_key(0), {"seeds": [1], "validation": {"accuracy": [0.5]},
                             "test": {"accuracy": [0.5]}, "failed": {}, "epochs": 1})  # fmt: skip
    ledger.close()
    return folder


@pytest.fixture
def folder(sound: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(sound, tmp_path / "run"))
