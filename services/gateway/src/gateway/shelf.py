"""Answers about jobs that were written before: as long as a job stands where it stood, its answer is the same.

The rule: nothing is told from here but to whom the database has just told where the job stands. Nothing is kept longer
than a minute, so that what is changed by hand, past the job's row, is seen too.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from common.db.poll import JobState, JobView
from common.domain.job import WaitingOn
from gateway.etag import tag_of_content

KEPT_MAX: Final = 2_000
KEPT_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class Kept:
    """An answer under its tag."""

    content: bytes
    tag: str
    standing: tuple[int, int, str | None, datetime | None]
    until: float


class JobShelf:
    """`now` is in seconds from whenever."""

    def __init__(self, *, now: Callable[[], float] = time.monotonic, kept_max: int = KEPT_MAX) -> None:
        self._now = now
        self._kept_max = kept_max
        self._kept: dict[UUID, Kept] = {}

    def find(self, state: JobState) -> Kept | None:
        """What was answered when the job stood there."""
        kept = self._kept.get(state.id)
        standing = (state.revision, state.event_seq, state.waiting_on, state.waiting_until)
        if kept is None or kept.standing != standing or self._now() >= kept.until:
            return None
        return kept

    def keep(self, view: JobView, content: bytes) -> Kept:
        """The answer that was made of this view. One that says how many others wait before it is not kept."""
        standing = (view.revision, view.event_seq, view.waiting_on, view.waiting_until)
        kept = Kept(content, tag_of_content(content), standing, self._now() + KEPT_S)
        self._kept.pop(view.id, None)
        if view.waiting_on != WaitingOn.OWNER_LIMIT:
            if len(self._kept) >= self._kept_max:
                del self._kept[next(iter(self._kept))]  # the oldest
            self._kept[view.id] = kept
        return kept
