"""What a job delivered, as the API shows it."""

from collections.abc import Sequence
from datetime import UTC, datetime

from common.db.result import ResultRow
from common.domain.job import PlatformName
from common.domain.outcome import Enrichment
from gateway.answer.document import Answer
from gateway.creator import CreatorDocument, write_creator


class ResultAnswer(Answer, frozen=True, rename="camel", kw_only=True):
    """A creator of a job. `seq` orders a job's events and deliveries; `creator` is the same for every platform."""

    seq: int
    found_at: datetime
    enrichment: Enrichment | None
    platform: PlatformName
    creator: CreatorDocument

    @classmethod
    def of(cls, row: ResultRow, platform: PlatformName) -> "ResultAnswer":
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
