"""Decides how fast a job goes, and how long it is likely to go on, from a few of its commits.

A forecast is as of the job's last commit, so that it changes only when the job does. It is a range: the lower end is
the faster of the two paces that were seen (of the run, of the last minutes) with a margin, the upper end the slower
one; what else ends a job, its deadline and its limit of pages, cuts both.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

MARGIN = 1.25
FIRST_PACE_AFTER = timedelta(seconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """What had been delivered, and how many pages bought, when a commit of the job was made."""

    at: datetime
    delivered: int
    pages: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """A job under way. `earlier`: samples of this run to measure the pace from, before `last`."""

    target: int
    pages_max: int
    deadline_at: datetime | None
    earlier: Sequence[Sample]
    last: Sample


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """`creators_per_minute` is the pace of the last minutes. `remaining`: from, to; None while nothing tells."""

    as_of: datetime
    creators_per_minute: float | None
    remaining: tuple[timedelta, timedelta] | None


def forecast(course: Course) -> Forecast:
    """None for what cannot be told: before there are two commits, or while nothing is delivered."""
    last = course.last
    usable = [sample for sample in course.earlier if last.at - sample.at >= FIRST_PACE_AFTER]
    paces = [(last.delivered - one.delivered) / (last.at - one.at).total_seconds() for one in usable]
    return Forecast(
        as_of=last.at,
        creators_per_minute=round(paces[-1] * 60, 1) if paces else None,
        remaining=_remaining(course, paces, usable),
    )


def _remaining(course: Course, paces: Sequence[float], usable: Sequence[Sample]) -> tuple[timedelta, timedelta] | None:
    last = course.last
    places = max(0, course.target - last.delivered)
    known = [pace for pace in paces if pace > 0]
    longest = _longest(course, usable)
    if not known:
        return None if longest is None else (timedelta(0), longest)
    shortest_s, longest_s = places / (max(known) * MARGIN), places * MARGIN / min(known)
    upper = timedelta(seconds=longest_s)
    if longest is not None:
        upper = min(upper, longest)
    return min(timedelta(seconds=shortest_s), upper), upper


def _longest(course: Course, usable: Sequence[Sample]) -> timedelta | None:
    """When the deadline or the limit of pages ends it at the latest; None: there is no telling."""
    ends: list[timedelta] = []
    if course.deadline_at is not None:
        ends.append(max(timedelta(0), course.deadline_at - course.last.at))
    for sample in usable[-1:]:
        pages = course.last.pages - sample.pages
        if pages > 0:
            elapsed = course.last.at - sample.at
            ends.append(max(0, course.pages_max - course.last.pages) * elapsed / pages * MARGIN)
    return min(ends, default=None)
