"""Dead letters, as the API shows them to administrators."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from common.db.administration import LetterRow
from gateway.answer.document import Answer


class DeadLetterSearch(Answer, frozen=True, rename="camel", kw_only=True):
    """`kind` and `query` are null if the search is gone."""

    id: UUID
    kind: str | None
    query: str | None


class DeadLetterAnswer(Answer, frozen=True, rename="camel", kw_only=True):
    """`owner`, `platform` and `job_status` are null if the job is gone. `details` are facts for people."""

    id: UUID
    created_at: datetime
    reason: str
    reference: str | None
    details: Mapping[str, Any]
    job_id: UUID | None
    job_status: str | None
    owner: str | None
    platform: str | None
    search: DeadLetterSearch | None
    step: int | None
    generation: int | None
    resolved_at: datetime | None
    resolution: str | None
    resolved_by: str | None

    @classmethod
    def of(cls, row: LetterRow) -> "DeadLetterAnswer":
        search = None if row.search_id is None else DeadLetterSearch(id=row.search_id, kind=row.kind, query=row.query)
        return cls(
            id=row.id,
            created_at=row.created_at,
            reason=row.reason,
            reference=row.reference,
            details=row.details,
            job_id=row.job_id,
            job_status=row.job_status,
            owner=row.owner,
            platform=row.platform,
            search=search,
            step=row.step,
            generation=row.generation,
            resolved_at=row.resolved_at,
            resolution=row.resolution,
            resolved_by=row.resolved_by,
        )


class DeadLetterPage(Answer, frozen=True, rename="camel", kw_only=True):
    items: Sequence[DeadLetterAnswer]
    next_cursor: str | None
