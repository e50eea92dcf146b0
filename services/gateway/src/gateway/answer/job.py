"""A job, as the API shows it."""

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from common.db.job_list import JobLine
from common.db.poll import JobView, SearchView
from common.domain.outcome import Outcome
from common.engine.forecast import Course, Forecast, Sample, forecast
from gateway.answer.document import Answer


class Counts(Answer, frozen=True, rename="camel", kw_only=True):
    """`items_seen` is the sum of `outcomes`. `rules` says of an outcome which rules it comes from, where rules decide
    it: a filter's name, or that with `:unknown`."""

    delivered: int
    pending: int
    reserve: int
    items_seen: int
    outcomes: Mapping[str, int]
    rules: Mapping[str, Mapping[str, int]]


class Calls(Answer, frozen=True, rename="camel", kw_only=True):
    total: int
    pages: int
    profiles: int


class Credits(Answer, frozen=True, rename="camel", kw_only=True):
    spent: int
    reserved: int
    granted: int
    max: int


class SearchAnswer(Answer, frozen=True, rename="camel", kw_only=True):
    kind: str
    query: str
    status: str
    end_reason: str | None
    pages: int

    @classmethod
    def of(cls, view: SearchView) -> "SearchAnswer":
        return cls(kind=view.kind, query=view.query, status=view.status, end_reason=view.end_reason, pages=view.pages)


class Limits(Answer, frozen=True, rename="camel", kw_only=True):
    """What is in force for this job: what the settings allowed when its run began, or less if less was asked for."""

    pages_max: int
    credits_max: int
    parallel_searches_max: int
    timeout_seconds: int
    delay_between_calls_seconds: float


class Remaining(Answer, frozen=True, rename="camel", kw_only=True):
    min_seconds: int
    max_seconds: int


class Estimate(Answer, frozen=True, rename="camel", kw_only=True):
    """As of the job's last commit, so that it changes only with the job."""

    as_of: datetime
    creators_per_minute: float | None
    remaining: Remaining | None

    @classmethod
    def of(cls, view: JobView) -> "Estimate | None":
        """None unless the job is under way: nothing tells how long a pause or a queue lasts."""
        if view.waiting_on is not None or not view.samples:
            return None
        *earlier, last = sorted((Sample(**dict(sample)) for sample in view.samples), key=lambda sample: sample.at)
        told = forecast(
            Course(
                target=view.target_results,
                pages_max=view.pages_max,
                deadline_at=view.deadline_at,
                earlier=earlier,
                last=last,
            )
        )
        return cls(
            as_of=told.as_of.astimezone(UTC),
            creators_per_minute=told.creators_per_minute,
            remaining=_remaining(told),
        )


def _remaining(told: Forecast) -> Remaining | None:
    if told.remaining is None:
        return None
    shortest, longest = told.remaining
    return Remaining(min_seconds=math.floor(shortest.total_seconds()), max_seconds=math.ceil(longest.total_seconds()))


class JobAnswer(Answer, frozen=True, rename="camel", kw_only=True):
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
    tags: Sequence[str]
    keywords: Sequence[str] | None
    target: str | None
    region: str | None
    filters: Mapping[str, Any] | None
    limits: Limits
    searches: Sequence[SearchAnswer]
    target_results: int
    seq: int
    progress: float
    estimate: Estimate | None
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
            tags=view.tags,
            keywords=view.keywords,
            target=view.target,
            region=view.region,
            filters=view.filters,
            limits=Limits(
                pages_max=view.pages_max,
                credits_max=view.credits_max,
                parallel_searches_max=view.parallel_searches_max,
                timeout_seconds=round(view.timeout.total_seconds()),
                delay_between_calls_seconds=view.delay_between_calls.total_seconds(),
            ),
            searches=[SearchAnswer.of(search) for search in view.searches],
            target_results=view.target_results,
            seq=view.event_seq,
            progress=view.progress,
            estimate=Estimate.of(view),
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


class JobSummary(Answer, frozen=True, rename="camel", kw_only=True):
    """A job in a list."""

    id: UUID
    platform: str
    mode: str
    status: str
    stop_reason: str | None
    error: str | None
    campaign_id: UUID | None
    tags: Sequence[str]
    keywords: Sequence[str] | None
    target: str | None
    target_results: int
    delivered: int
    progress: float
    credits_spent: int
    run: int
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None

    @classmethod
    def of(cls, line: JobLine) -> "JobSummary":
        return cls(**dict(line))


class JobPage(Answer, frozen=True, rename="camel", kw_only=True):
    items: Sequence[JobSummary]
    next_cursor: str | None
