"""What is trained before any other: mixtures of rules, a user's candidates, the plain cells."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from optcell_search.space import MIXTURE, Candidate, SearchSpace, mixtures
from optcell_search.space.files import parse
from optcell_search.training.budget import FEWEST

_KEY = "candidate"
# Of the epochs of others, those of a first result: of the digits' validation split a cycle of 12
# epochs gets 98.95 % right after 2.9 s of processor, where one of 80 epochs has 97.2 % by then and
# 99.3 % after 8 s (one training each).
_SHARE = 1 / 8
_LARGEST_SHARE = 1 / 2


def read_first(path: str | Path, space: SearchSpace) -> tuple[dict[str, Any], ...]:
    """Return the candidates of a file, as plain data.

    The file is what the page's "Copy as TOML" gives, a search space with one value for everything;
    or several of these, each under ``[[candidate]]``.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is not TOML, leaves something open, or names what the space does not hold.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file; valid: a TOML file with candidates")
    data = parse(path.read_bytes(), str(path))
    several = data.get(_KEY)
    if several is None:
        return (_candidate(data, str(path), space),)
    if not isinstance(several, list) or not several or data.keys() != {_KEY}:
        raise ValueError(f"{path}: valid: one candidate, or each under [[{_KEY}]] and nothing else")
    found = [_candidate(one, f"{path}, candidate {i}", space) for i, one in enumerate(several, 1)]
    return tuple(found)


def mixtures_of(
    asked: str, space: SearchSpace, num_trials: int | None, sampler: str
) -> tuple[dict[str, Any], ...]:
    """Return the mixtures of rules that a warm start begins with, as plain data.

    Args:
        asked: what is to be read off, "mixture".
        space: that is searched.
        num_trials: that there are to be; None: nobody knows.
        sampler: of the search.

    Raises:
        ValueError: there is no such warm start, or none here.
    """
    if asked != MIXTURE:
        raise ValueError(f"unknown warm_start {asked!r}; valid: {MIXTURE}")
    where = f"warm_start = {asked}"
    if sampler == "grid":
        raise ValueError(f"{where}: what is read off is on no grid; valid: another sampler")
    try:
        found = mixtures(space)
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from error
    if num_trials is not None and num_trials <= len(found):
        raise ValueError(
            f"{where} takes a trial for each cell, {len(found)} of num_trials = {num_trials}; "
            f"valid: {len(found) + 1} trials or more"
        )
    return tuple(one.to_dict() for one in found)


def with_plain(asked: tuple[dict[str, Any], ...], space: SearchSpace) -> tuple[dict[str, Any], ...]:
    """Return candidates, and behind them the plain cells of the space that are not among them."""
    known = {Candidate.from_dict(one).key for one in asked}
    plain = [one for one in space.plain() if one.key not in known]
    return (*asked, *(one.to_dict() for one in plain))


def a_first_result(space: SearchSpace, epochs: int) -> tuple[dict[str, Any], ...]:
    """Return the first plain cell with an eighth of the epochs, or 10 if that is more.

    It is for those who wait: a whole training of a good candidate may take a tenth of the time of a
    search. There is none where it would take more than half of one.

    Args:
        space: that is searched.
        epochs: budget of a candidate.
    """
    share = max(_SHARE, FEWEST / epochs)
    if share > _LARGEST_SHARE:
        return ()
    return tuple(
        dataclasses.replace(one, training=dataclasses.replace(one.training, share=share)).to_dict()
        for one in space.plain()[:1]
    )


def _candidate(data: Any, where: str, space: SearchSpace) -> dict[str, Any]:
    one = SearchSpace.from_dict(data, where)
    if one.size != 1:
        names = [name for name, domain in one.domains.items() if domain.size != 1]
        names += [kind for kind in ("cells", "rules") if len(getattr(one, kind)) > 1]
        raise ValueError(f"{where}: {', '.join(names)}: left open; valid: one value each")
    candidate = one.sample()
    if candidate not in space:
        raise ValueError(f"{where}: not in the search space: {_outside(one, space)}")
    return candidate.to_dict()


def _outside(one: SearchSpace, space: SearchSpace) -> str:
    """Return in words what a space of one candidate has that the search space has not."""
    for kind in ("cells", "rules"):
        (name,) = getattr(one, kind)
        if name not in getattr(space, kind):
            return f"{kind} = {name!r}; valid: {', '.join(getattr(space, kind))}"
    for name, domain in one.domains.items():
        (value,) = domain.grid(1)
        if name in space.domains and value not in space.domains[name]:
            return f"{name} = {value!r}; valid: {space.domains[name].plain()}"
    return f"penalties; valid: {', '.join(space.penalties) or 'none'}"
