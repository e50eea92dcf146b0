"""What a file is made of: creators as they were found, and the lines that a preset makes of them."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from common.domain.creator import Creator, Email
from common.domain.job import PlatformName
from common.domain.outcome import Enrichment
from gateway.answer.document import Answer

# A tuple is a list, a dict what only its platform has; None is unknown.
Value = str | int | float | bool | datetime | UUID | tuple[Any, ...] | dict[str, Any] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A creator. `answer` makes the document that the API shows of it; `seq` and `enrichment` are a job's to know."""

    platform: PlatformName
    creator: Creator
    found_at: datetime
    last_found_at: datetime
    job_ids: tuple[UUID, ...]
    answer: Callable[[], Answer]
    seq: int | None = None
    enrichment: Enrichment | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """One row of a file: a creator, or one of their addresses."""

    entry: Entry
    email: Email | None = None
