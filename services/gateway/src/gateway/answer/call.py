"""A job's paid calls, as the API shows them: what was asked of whom is there, how it was recognised is not."""

from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

from common.db.call import CallRow
from common.domain.call import CallKind, CallStatus
from gateway.answer.document import Answer


class CallSearch(Answer, frozen=True, rename="camel", kw_only=True):
    kind: str
    query: str


class CallAnswer(Answer, frozen=True, rename="camel", kw_only=True):
    """`credits_charged` is null while the call is open; of one that is `unknown` it is what was reserved."""

    id: UUID
    opened_at: datetime
    settled_at: datetime | None
    kind: CallKind
    endpoint: str
    search: CallSearch | None
    step: int
    status: CallStatus
    reason: str | None
    http_status: int | None
    credits_reserved: int
    credits_charged: int | None
    milliseconds: int | None
    bytes: int | None

    @classmethod
    def of(cls, row: CallRow) -> "CallAnswer":
        search = None
        if row.search_kind is not None and row.search_query is not None:
            search = CallSearch(kind=row.search_kind, query=row.search_query)
        return cls(
            id=row.id,
            opened_at=row.opened_at.astimezone(UTC),
            settled_at=row.settled_at and row.settled_at.astimezone(UTC),
            kind=row.kind,
            endpoint=row.path,
            search=search,
            step=row.step,
            status=row.status,
            reason=row.reason,
            http_status=row.http_status,
            credits_reserved=row.credits_reserved,
            credits_charged=row.credits_charged,
            milliseconds=row.milliseconds,
            bytes=row.bytes,
        )


class CallPage(Answer, frozen=True, rename="camel", kw_only=True):
    items: Sequence[CallAnswer]
    next_cursor: str | None
