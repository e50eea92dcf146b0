"""The ledger as a job's owner reads it: one paid call after the other. Every statement carries the owner."""

from datetime import datetime
from uuid import UUID

from psycopg.rows import class_row

from common.db.pool import Connection
from common.domain.call import CallKind, CallStatus
from common.domain.model import Model


class CallRow(Model):
    """One paid call. `search_kind` and `search_query` None: its search is gone. Credits and all that an answer tells
    are None while it is open."""

    id: UUID
    opened_at: datetime
    settled_at: datetime | None
    kind: CallKind
    path: str
    search_kind: str | None
    search_query: str | None
    step: int
    status: CallStatus
    reason: str | None
    http_status: int | None
    credits_reserved: int
    credits_charged: int | None
    milliseconds: int | None
    bytes: int | None


class CallQuery(Model):
    """Which calls are asked for: those after `after`, of one kind and status if given."""

    owner: str
    job_id: UUID
    after: UUID | None
    kind: CallKind | None
    status: CallStatus | None
    count_max: int


async def list_calls(connection: Connection, query: CallQuery) -> list[CallRow]:
    """In the order of their ids, which is that of their opening as far as the workers' clocks agree: while the job
    runs, one whose worker's clock is behind may appear before a place that was read."""
    async with connection.cursor(row_factory=class_row(CallRow)) as cursor:
        await cursor.execute(
            """select c.id, c.opened_at, c.settled_at, c.kind, c.path, q.kind as search_kind, q.query as search_query,
                   c.step, c.status, c.reason, c.http_status, c.credits_reserved, c.credits_charged, c.milliseconds,
                   c.bytes
               from upstream_calls c left join searches q on q.id = c.search_id
               where c.job_id = %(job_id)s and c.owner = %(owner)s
                 and c.id > coalesce(%(after)s::uuid, '00000000-0000-0000-0000-000000000000')
                 and (%(kind)s::text is null or c.kind = %(kind)s::text)
                 and (%(status)s::text is null or c.status = %(status)s::text)
               order by c.id limit %(count_max)s""",
            query.model_dump(),
        )
        return await cursor.fetchall()
