"""A job, as the API shows it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Literal, cast
from uuid import UUID

from msgspec import Meta

from common.db.job_list import JobLine
from common.db.poll import JobView, SearchView
from common.domain.job import JobStatus, Mode, PlatformName, StopReason, WaitingOn
from common.domain.outcome import Outcome
from gateway.answer.document import Answer
from gateway.answer.estimate import Estimate

SearchStatus = Literal["waiting", "active", "ended"]
EndReason = Literal[
    "exhausted",
    "cursor_stuck",
    "repeated",
    "nothing_new",
    "call_limit",
    "credit_limit",
    "deadline",
    "refused",
    "shape",
    "not_found",
    "failed",
    "job_ended",
]
_OUTCOME_NAMES = {"propertyNames": {"$ref": "#/components/schemas/Outcome"}}
# Every outcome is there, with 0 if nothing came to it.
ByOutcome = Annotated[
    Mapping[Outcome, int],
    Meta(
        extra_json_schema={
            **_OUTCOME_NAMES,
            "properties": {outcome.value: {"type": "integer"} for outcome in Outcome},
            "required": [outcome.value for outcome in Outcome],
        }
    ),
]
Rules = Annotated[Mapping[Outcome, Mapping[str, int]], Meta(extra_json_schema=_OUTCOME_NAMES)]
# What was understood of a body's filters, in the body's own words.
FiltersDocument = Annotated[Mapping[str, Any], Meta(extra_json_schema={"$ref": "#/components/schemas/FiltersBody"})]


class Counts(Answer, frozen=True, rename="camel", kw_only=True):
    """`items_seen` is the sum of `outcomes`. Of the delivered, `removed` are no longer kept. `rules` says of an
    outcome which rules it comes from, where rules decide it: a filter's name, or that with `:unknown`."""

    delivered: int
    removed: int
    pending: int
    reserve: int
    items_seen: int
    outcomes: ByOutcome
    rules: Rules


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
    """`query` is null where it was found with creators that were removed since."""

    kind: str
    query: str | None
    status: SearchStatus
    end_reason: EndReason | None
    pages: int

    @classmethod
    def of(cls, view: SearchView) -> "SearchAnswer":
        return cls(
            kind=view.kind,
            query=view.query,
            status=cast(SearchStatus, view.status),
            end_reason=cast(EndReason | None, view.end_reason),
            pages=view.pages,
        )


class Limits(Answer, frozen=True, rename="camel", kw_only=True):
    """What is in force for this job: what the settings allowed when its run began, or less if less was asked for."""

    pages_max: int
    credits_max: int
    parallel_searches_max: int
    timeout_seconds: int
    delay_between_calls_seconds: float


class JobAnswer(Answer, frozen=True, rename="camel", kw_only=True):
    id: UUID
    platform: PlatformName
    mode: Mode
    status: JobStatus
    waiting_on: WaitingOn | None
    waiting_position: int | None
    waiting_until: datetime | None
    stop_reason: StopReason | None
    error: str | None
    reference: str | None
    campaign_id: UUID | None
    run: int
    tags: Sequence[str]
    keywords: Sequence[str] | None
    target: str | None
    region: str | None
    filters: FiltersDocument | None
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
    results_removed_at: datetime | None

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
                removed=view.removed_count,
                pending=view.pending_count,
                reserve=view.reserve_count,
                items_seen=view.items_count,
                outcomes={outcome: view.outcomes.get(outcome, 0) for outcome in Outcome},
                rules=view.rules,
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
            results_removed_at=view.creators_removed_at,
        )


class JobSummary(Answer, frozen=True, rename="camel", kw_only=True):
    """A job in a list."""

    id: UUID
    platform: PlatformName
    mode: Mode
    status: JobStatus
    stop_reason: StopReason | None
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
