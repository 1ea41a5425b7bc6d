"""Trials of a search side by side in one process, an epoch of each at a time. No Ray."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence

from optcell_search.training import DivergedError, Form, Population, form
from optcell_search.training.population.paying import paying

from .ending import failure, out_of_memory, release
from .job import Job, Report
from .session import Session


class Slots:
    """Trains the trials that it is given; those of one form take their steps together.

    A trial comes to what it comes to alone, up to rounding, whoever is trained beside it, and one
    that fails or diverges ends alone. Where an epoch of several breaks off, its trials come to the
    end of their last one again, each from its own checkpoint, and go on: half as many at a time
    from then on where it was for lack of memory, else one by one for this epoch, which shows whose
    fault it was.
    """

    def __init__(self) -> None:
        self._jobs: dict[int, Job] = {}
        self._sessions: dict[int, Session] = {}
        self._populations: defaultdict[Form, list[Population]] = defaultdict(list)
        self._most: dict[Form, int] = {}

    def take(self, jobs: Iterable[Job]) -> None:
        """Give trials a slot each; what they come to is told by the next `epoch`."""
        self._jobs |= {job.number: job for job in jobs}

    def drop(self, numbers: Iterable[int]) -> None:
        """Take trials out of their slots."""
        for number in numbers:
            self._jobs.pop(number, None)
            if (session := self._sessions.pop(number, None)) is not None:
                self._leave(session)

    def epoch(self) -> list[Report]:
        """Train one epoch of each trial; of one that goes on, tell first what its checkpoint held.

        Returns:
            A report of each trial, by number. Those that are done or have failed are out.
        """
        reports: list[Report] = []
        groups: defaultdict[Form, list[Session]] = defaultdict(list)
        for job in self._jobs.values():
            session, report = self._begun(job)
            if report is None and session is not None:
                groups[form(job.candidate)].append(session)
            elif report is not None:
                reports.append(report)
        for kind, sessions in groups.items():
            reports += self._trained(kind, sessions)
        if done := [report.number for report in reports if report.done]:
            self.drop(done)
            release()
        return sorted(reports, key=lambda report: report.number)

    def _begun(self, job: Job) -> tuple[Session | None, Report | None]:
        """Return a trial's session, and what is to be told of it before more is trained."""
        session = self._sessions.get(job.number)
        try:
            if session is None:
                session = self._sessions[job.number] = Session(job)
            return session, session.restored()
        except Exception as error:
            # Whatever a cell, a rule or a task does wrong is a result of this candidate.
            return None, failure(job.number, error)

    def _trained(self, kind: Form, sessions: Sequence[Session]) -> list[Report]:
        """Train one epoch of trials of one form."""
        reports: list[Report] = []
        placed = self._placed(kind, sessions, self._populations[kind])
        while placed:
            population, members = placed.pop()
            try:
                companies = population.companies
                outcomes = population.epoch()
            except Exception as error:
                if len(members) == 1:
                    reports.append(failure(members[0].job.number, error))
                    continue
                scarce = out_of_memory(error)
            else:
                each = zip(members, outcomes, companies, strict=True)
                reports += [_told(*one) for one in each]
                continue
            # Not within the clause, where the exception holds on to what is to be let go.
            self._populations[kind].remove(population)
            del population
            left = self._again(members, reports)
            if scarce:
                self._most[kind] = max(1, len(members) // 2)
                # Populations of their own: others have had their turn, or have their members told.
                apart: list[Population] = []
                placed += self._placed(kind, left, apart)
                self._populations[kind] += apart
            else:
                reports += [_attempt(session.job.number, session.advance) for session in left]
        return reports

    def _placed(
        self, kind: Form, sessions: Sequence[Session], populations: list[Population]
    ) -> list[tuple[Population, list[Session]]]:
        """Give every trial of a form a place in some populations, to which new ones are added.

        Returns:
            Who is in which population, in its order.
        """
        whose = {id(session.trainings[0]): session for session in sessions}
        inside = {id(one) for population in populations for one in population.trainings}
        for session in sessions:
            if id(session.trainings[0]) in inside:
                continue
            room = next((one for one in populations if one.free), None)
            if room is None:
                room = Population(self._size(kind, session))
                populations.append(room)
            room.add(session.trainings[0])
        return [
            (one, [whose[id(training)] for training in one.trainings])
            for one in populations
            if one.trainings and id(one.trainings[0]) in whose
        ]

    def _size(self, kind: Form, session: Session) -> int:
        job = session.job
        if kind not in self._most:
            self._most[kind] = job.population or paying(job.candidate, session.trainings[0].task)
        return self._most[kind]

    def _again(self, members: Sequence[Session], reports: list[Report]) -> list[Session]:
        """Bring trials to the end of their last epoch again; return those that came there."""
        for session in members:
            session.forget()
        left = []
        for session in members:
            try:
                session.again()
            except Exception as error:
                del self._sessions[session.job.number]
                reports.append(failure(session.job.number, error))
            else:
                left.append(session)
        return left

    def _leave(self, session: Session) -> None:
        kind = form(session.job.candidate)
        for population in self._populations[kind]:
            if session.trainings[0] in population.trainings:
                population.remove(session.trainings[0])
        self._populations[kind] = [one for one in self._populations[kind] if one.trainings]


def _told(session: Session, outcome: Mapping[str, float] | DivergedError, company: int) -> Report:
    if isinstance(outcome, DivergedError):
        return failure(session.job.number, outcome)
    return _attempt(session.job.number, lambda: session.take([outcome], company))


def _attempt(number: int, report: Callable[[], Report]) -> Report:
    try:
        return report()
    except Exception as error:
        return failure(number, error)
