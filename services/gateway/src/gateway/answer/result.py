"""What a job delivered, as the API shows it."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from common.db.result import ResultRow
from gateway.answer.document import Answer
from gateway.creator import write_creator


class ResultAnswer(Answer, frozen=True, rename="camel", kw_only=True):
    """A creator of a job. `seq` orders a job's events and deliveries; `creator` is the same for every platform."""

    seq: int
    found_at: datetime
    enrichment: str | None
    platform: str
    creator: Mapping[str, Any]

    @classmethod
    def of(cls, row: ResultRow, platform: str) -> "ResultAnswer":
        return cls(
            seq=row.seq,
            found_at=row.delivered_at.astimezone(UTC),
            enrichment=row.enrichment,
            platform=platform,
            creator=write_creator(row.details),
        )


class ResultPage(Answer, frozen=True, rename="camel", kw_only=True):
    items: Sequence[ResultAnswer]
    next_cursor: str | None
