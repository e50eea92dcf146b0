"""What the API answers. Keys are camelCase, unknown is null."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec

from common.db.campaign import CampaignRow, CampaignView
from common.db.poll import JobPoll, JobView, SearchView
from common.db.result import ResultRow
from common.domain.outcome import Outcome
from gateway.creator import write_creator


class _Answer(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    def encoded(self) -> bytes:
        return msgspec.json.encode(self)


class CampaignAnswer(_Answer, frozen=True, rename="camel", kw_only=True):
    id: UUID
    name: str
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, row: CampaignRow) -> "CampaignAnswer":
        return cls(id=row.id, name=row.name, created_at=row.created_at, updated_at=row.updated_at)


class CampaignDetailAnswer(CampaignAnswer, frozen=True, rename="camel", kw_only=True):
    jobs_count: int

    @classmethod
    def of_view(cls, view: CampaignView) -> "CampaignDetailAnswer":
        return cls(
            id=view.id,
            name=view.name,
            created_at=view.created_at,
            updated_at=view.updated_at,
            jobs_count=view.jobs_count,
        )


class CampaignPage(_Answer, frozen=True, rename="camel", kw_only=True):
    items: Sequence[CampaignAnswer]
    next_cursor: str | None


class CreatedAnswer(_Answer, frozen=True, rename="camel", kw_only=True):
    """The old answer to a creation."""

    message: str
    job_id: UUID
    qstash_message_id: str | None


class PollAnswer(_Answer, frozen=True, rename="camel", kw_only=True):
    """The old answer to a poll. `results` is spliced in as Postgres made it."""

    status: str
    processed_results: int
    target_results: int
    error: str | None
    results: msgspec.Raw
    progress: float

    @classmethod
    def of(cls, poll: JobPoll) -> "PollAnswer":
        return cls(
            status=poll.status.value,
            processed_results=poll.delivered_count,
            target_results=poll.target_results,
            error=poll.error,
            results=msgspec.Raw(poll.results.encode()),
            progress=poll.progress,
        )


class Counts(_Answer, frozen=True, rename="camel", kw_only=True):
    """`items_seen` is the sum of `outcomes`. `rules` says of an outcome which rules it comes from, where rules decide
    it: a filter's name, or that with `:unknown`."""

    delivered: int
    pending: int
    reserve: int
    items_seen: int
    outcomes: Mapping[str, int]
    rules: Mapping[str, Mapping[str, int]]


class Calls(_Answer, frozen=True, rename="camel", kw_only=True):
    total: int
    pages: int
    profiles: int


class Credits(_Answer, frozen=True, rename="camel", kw_only=True):
    spent: int
    reserved: int
    granted: int
    max: int


class SearchAnswer(_Answer, frozen=True, rename="camel", kw_only=True):
    kind: str
    query: str
    status: str
    end_reason: str | None
    pages: int

    @classmethod
    def of(cls, view: SearchView) -> "SearchAnswer":
        return cls(kind=view.kind, query=view.query, status=view.status, end_reason=view.end_reason, pages=view.pages)


class JobAnswer(_Answer, frozen=True, rename="camel", kw_only=True):
    id: UUID
    platform: str
    mode: str
    status: str
    waiting_on: str | None
    waiting_position: int | None
    waiting_until: datetime | None
    stop_reason: str | None
    error: str | None
    reference: str | None
    campaign_id: UUID | None
    run: int
    keywords: Sequence[str] | None
    target: str | None
    filters: Mapping[str, Any] | None
    searches: Sequence[SearchAnswer]
    target_results: int
    progress: float
    counts: Counts
    calls: Calls
    credits: Credits
    created_at: datetime
    started_at: datetime | None
    deadline_at: datetime | None
    ended_at: datetime | None

    @classmethod
    def of(cls, view: JobView) -> "JobAnswer":
        return cls(
            id=view.id,
            platform=view.platform,
            mode=view.mode,
            status=view.status,
            waiting_on=view.waiting_on,
            waiting_position=view.waiting_position,
            waiting_until=view.waiting_until,
            stop_reason=view.stop_reason,
            error=view.error,
            reference=view.reference,
            campaign_id=view.campaign_id,
            run=view.run,
            keywords=view.keywords,
            target=view.target,
            filters=view.filters,
            searches=[SearchAnswer.of(search) for search in view.searches],
            target_results=view.target_results,
            progress=view.progress,
            counts=Counts(
                delivered=view.delivered_count,
                pending=view.pending_count,
                reserve=view.reserve_count,
                items_seen=view.items_count,
                outcomes={outcome.value: view.outcomes.get(outcome, 0) for outcome in Outcome},
                rules={outcome.value: rules for outcome, rules in view.rules.items()},
            ),
            calls=Calls(total=view.calls_count, pages=view.pages_count, profiles=view.calls_count - view.pages_count),
            credits=Credits(
                spent=view.credits_spent,
                reserved=view.credits_reserved,
                granted=view.credits_granted,
                max=view.credits_max,
            ),
            created_at=view.created_at,
            started_at=view.started_at,
            deadline_at=view.deadline_at,
            ended_at=view.ended_at,
        )


class ResultAnswer(_Answer, frozen=True, rename="camel", kw_only=True):
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


class ResultPage(_Answer, frozen=True, rename="camel", kw_only=True):
    items: Sequence[ResultAnswer]
    next_cursor: str | None
