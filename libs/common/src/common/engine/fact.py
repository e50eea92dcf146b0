"""What a decision may know: frozen facts, read under the job's lock."""

from dataclasses import dataclass

from common.domain.creator import Match
from common.domain.job import JobStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFacts:
    """A job's limits and counters. delivered + pending never exceeds target; reserve is 0 while that is open."""

    status: JobStatus
    target: int
    delivered: int
    pending: int
    reserve: int
    pages: int
    pages_max: int

    @property
    def open_places(self) -> int:
        """How many more candidates could still become creators."""
        return self.target - self.delivered - self.pending


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchFacts:
    """`cursor` is what the page in hand was asked with; `barren_pages` those in a row with nobody new; `match` what the
    search asks for."""

    cursor: str | None
    barren_pages: int
    match: Match
