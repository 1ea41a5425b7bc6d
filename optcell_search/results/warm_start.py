"""What came of a warm start: how well the mixtures of rules ranked what was read off them."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..ledger.format import DUPLICATE_OF, METRICS, MIXTURE, READ_OFF, REQUEST, directions_in
from ..ledger.trials.trial_record import TrialRecord
from ..space import LARGEST
from .equal_cost import at_equal_cost
from .gain import COSTS
from .intervals import Interval
from .kendall import tau_within

_LOSS = "loss"


@dataclass(frozen=True)
class OfRule:
    """What a mixture tells of a rule, and what came of its candidate.

    Attributes:
        rule: its name.
        weight: alpha, which ranks nothing.
        without: loss of the mixture without it; the larger, the stronger the rule.
        alone: loss of the rule by itself, with the weights of the mixture. Of both `space.LARGEST`
            stands for what is not finite.
        trial: that trained its candidate to its end; None: none has.
        score: of that trial, None likewise.
    """

    rule: str
    weight: float
    without: float
    alone: float
    trial: int | None
    score: float | None


@dataclass(frozen=True)
class OfCell:
    """What the mixture of a cell tells.

    Attributes:
        cell: its name.
        trial: that trained the mixture.
        loss: of it, on the validation split.
        rules: the strongest first.
    """

    cell: str
    trial: int
    loss: float
    rules: tuple[OfRule, ...]

    @property
    def gap(self) -> float | None:
        """The discretisation gap: the mixture's loss less that of the strongest rule alone.

        None where one of the two is not finite.
        """
        alone = self.rules[0].alone
        return self.loss - alone if max(self.loss, alone) < LARGEST else None


@dataclass(frozen=True)
class WarmStart:
    """What came of a warm start.

    Attributes:
        label: what candidates are scored by.
        cells: those whose mixture is complete.
        tau: Kendall's, of the ranking of a cell's rules by `OfRule.without`, which the search went
            by, and that by their own score, over the pairs within each cell; None where too few
            are trained.
        gap: the mean of `OfCell.gap` over the cells that have one; None where none has.
        told: whether tau is above 0 by its interval: where not, nothing was told.
        sentence: all this in words.
    """

    label: str
    cells: tuple[OfCell, ...]
    tau: Interval | None
    gap: float | None
    told: bool
    sentence: str


def warm_start(records: Sequence[TrialRecord], attributes: Mapping[str, Any]) -> WarmStart | None:
    """Return what came of a run's warm start; None where it has none.

    Candidates are scored by the first objective, or by the validation loss where that is a cost.

    Args:
        records: all trials of the run.
        attributes: of its study.
    """
    request = attributes[REQUEST]
    mixtures = request.get("warm_start")
    if not mixtures:
        return None
    first, direction = next(iter(directions_in(request["objectives"]).items()))
    name, sign = (_LOSS, -1) if first in COSTS else (first, 1 if direction == "maximize" else -1)
    complete = [row for row in records if row.state == "COMPLETE" and DUPLICATE_OF not in row.known]
    by_key = {row.known["key"]: row for row in complete if "key" in row.known}
    cells = tuple(
        _of_cell(row, by_key, attributes.get(f"{READ_OFF}{row.number}"), name)
        for row in complete
        if row.known.get(MIXTURE) and row.known.get("candidate") in mixtures
    )
    tau = tau_within([_both(cell, sign) for cell in cells])
    told = tau is not None and tau.excludes_zero and tau.mean > 0
    label = f"validation {name.replace('_', ' ')}"
    gaps = [cell.gap for cell in cells if cell.gap is not None]
    gap = statistics.fmean(gaps) if gaps else None
    scores = {
        one.trial: one.score
        for cell in cells
        for one in cell.rules
        if one.trial is not None and one.score is not None
    }
    sentence = _sentence(len(mixtures), cells, tau, label) + _of_gap(cells, gap)
    sentence += at_equal_cost(records, request, scores, name, sign)
    return WarmStart(label, cells, tau, gap, told, sentence)


def _of_cell(row: TrialRecord, by_key: Mapping[str, TrialRecord], keys: Any, name: str) -> OfCell:
    found = row.known[MIXTURE]
    known = keys if isinstance(keys, Mapping) else {}

    def of_rule(rule: str) -> OfRule:
        trial = by_key.get(known.get(rule, ""))
        metrics = {} if trial is None else trial.known.get(METRICS, {})
        return OfRule(
            rule,
            found["weights"].get(rule, 0.0),
            found["without"][rule],
            found["alone"][rule],
            None if trial is None else trial.number,
            metrics.get(name),
        )

    order = sorted(found["without"], key=lambda rule: -found["without"][rule])
    cell = str(row.known["candidate"]["cell"]["name"])
    return OfCell(cell, row.number, found["loss"]["mixture"], tuple(map(of_rule, order)))


def _both(cell: OfCell, sign: int) -> tuple[list[float], list[float]]:
    scored = [(one.without, one.score) for one in cell.rules if one.score is not None]
    return [without for without, _ in scored], [sign * score for _, score in scored]


def _sentence(asked: int, cells: Sequence[OfCell], tau: Interval | None, label: str) -> str:
    if not cells:
        what = _many(asked, "mixture")
        return f"Warm start: of {what} none is complete, so nothing was read off."
    strongest = ", ".join(f"{one.rules[0].rule} on {one.cell}" for one in cells)
    of_all = "" if len(cells) == asked else f" ({len(cells)} of {asked} mixtures)"
    start = f"Warm start: the strongest rule is {strongest}{of_all}."
    if tau is None:
        return f"{start} Too few of the candidates read off are trained to say how well."
    agreement = (
        f"Kendall's τ between the mixtures' ranking of rules and the {label} of "
        f"{_many(tau.amount, 'candidate')} trained apart is {tau.mean:.2f} (95 % interval "
        f"{tau.low:.2f} to {tau.high:.2f})"
    )
    if not tau.excludes_zero:
        verdict = "the warm start told nothing"
    else:
        verdict = "they agree" if tau.mean > 0 else "the ranking is the wrong way round"
    return f"{start} {agreement}: {verdict}."


def _of_gap(cells: Sequence[OfCell], gap: float | None) -> str:
    """Return the discretisation gap in words, behind a space; nothing where none was read off."""
    if not cells:
        return ""
    what = (
        "The discretisation gap, the validation loss of the mixture less that of its strongest "
        "rule alone,"
    )
    without = [one.cell for one in cells if one.gap is None]
    if gap is None:
        return f" {what} is not finite."
    mean = " in the mean" if len(cells) - len(without) > 1 else ""
    besides = f", {', '.join(without)} left out, where it is not finite" if without else ""
    return f" {what} is {gap:+.3g}{mean}{besides}."


def _many(amount: int, what: str) -> str:
    return f"{amount} {what}{'' if amount == 1 else 's'}"
