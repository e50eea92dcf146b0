"""What became of everything that a job saw, and what was paid for it."""

from typing import Any

from common.domain.call import CallKind, CallStatus
from common.domain.outcome import Enrichment
from gateway.answer.call import CallPage
from gateway.answer.funnel import FunnelAnswer
from gateway.answer.usage import UsagePage
from gateway.contract.header import ETAG
from gateway.contract.operation import Answer, Link, Operation, Parameter, json_of
from gateway.contract.parameter import CURSOR, IF_NONE_MATCH, JOB_ID, LIMIT
from gateway.contract.reply import NOT_MODIFIED
from gateway.problem import Kind
from gateway.usage import DAYS_DEFAULT, DAYS_MAX

_OUTCOMES = [
    {"outcome": "delivered", "rule": None, "count": 20},
    {"outcome": "duplicate", "rule": None, "count": 4},
    {"outcome": "filtered", "rule": "followersMin", "count": 6},
]
_FUNNEL = {
    "itemsSeen": 30,
    "outcomes": _OUTCOMES,
    "enrichment": {kind.value: 10 if kind in (Enrichment.BOUGHT, Enrichment.CACHED) else 0 for kind in Enrichment},
    "searches": [{"kind": "keyword", "query": "vegan food", "pages": 1, "itemsSeen": 30, "outcomes": _OUTCOMES}],
}
_CALL = {
    "id": "01930000-0000-7000-8000-0000000000c1",
    "openedAt": "2026-03-01T09:00:02Z",
    "settledAt": "2026-03-01T09:00:04Z",
    "kind": "page",
    "endpoint": "/v1/tiktok/search/keyword",
    "search": {"kind": "keyword", "query": "vegan food"},
    "step": 0,
    "status": "settled",
    "reason": None,
    "httpStatus": 200,
    "creditsReserved": 1,
    "creditsCharged": 1,
    "milliseconds": 1840,
    "bytes": 96412,
}
_SUMS = {"calls": 12, "pages": 2, "profiles": 10, "creditsCharged": 12, "creditsReserved": 0, "creditsUnknown": 1}
_USAGE = {
    "from": "2026-02-28",
    "to": "2026-03-01",
    "items": [{"day": "2026-03-01", "jobId": JOB_ID, **_SUMS}],
    "totals": _SUMS,
    "nextCursor": None,
}
_NEXT_CALLS = {
    "nextPage": Link(
        operation_id="listCalls", parameters={"jobId": "$request.path.jobId", "cursor": "$response.body#/nextCursor"}
    )
}
_NEXT_USAGE = {"nextPage": Link(operation_id="readUsage", parameters={"cursor": "$response.body#/nextCursor"})}
_DAY = {"type": "string", "format": "date"}


def _parameter(name: str, description: str, schema: dict[str, Any], example: Any) -> Parameter:
    return Parameter(name=name, where="query", description=description, schema=schema, example=example)


KIND = _parameter(
    "kind", "Only calls for this.", {"type": "string", "enum": [kind.value for kind in CallKind]}, "profile"
)
STATUS = _parameter(
    "status",
    "Only calls that stand like this. `unknown`: no answer came, it counts as charged.",
    {"type": "string", "enum": [status.value for status in CallStatus]},
    "unknown",
)
FROM = _parameter(
    "from",
    f"The first day, in UTC; {DAYS_DEFAULT} days up to `to` if not given, at most {DAYS_MAX}.",
    _DAY,
    "2026-02-28",
)
TO = _parameter("to", "The last day, in UTC; today if not given.", _DAY, "2026-03-01")
GROUP_BY = _parameter(
    "groupBy",
    "By what rows are told apart: some of `day`, `platform`, `job`, with commas.",
    {"type": "string", "default": "day"},
    "day,job",
)
USAGE_CURSOR = _parameter(
    "cursor",
    "`nextCursor` of the page before, asked for with the same `groupBy`; without it, the first page.",
    {"type": "string", "pattern": "^[A-Za-z0-9_-]{28,100}$"},
    None,
)

OPERATIONS: tuple[Operation, ...] = (
    Operation(
        method="GET",
        path="/api/v1/jobs/{jobId}/funnel",
        id="readFunnel",
        tag="jobs",
        summary="What became of everything that a job saw",
        description="Every item that the upstream gave has one outcome: `itemsSeen` is the sum of the counts, over all "
        "and in every search, in one snapshot.",
        parameters=(IF_NONE_MATCH,),
        answers=(Answer(200, "The funnel.", (json_of(FunnelAnswer, _FUNNEL),), headers=(ETAG,)), NOT_MODIFIED),
        problems=(Kind.VALIDATION,),
    ),
    Operation(
        method="GET",
        path="/api/v1/jobs/{jobId}/calls",
        id="listCalls",
        tag="jobs",
        summary="A job's paid calls, the oldest first",
        description="The ledger of a job. The order is that of the ids, which is that of opening as far as the "
        "workers' clocks agree: while the job runs, read the last page again for what came late.",
        parameters=(LIMIT, CURSOR, KIND, STATUS, IF_NONE_MATCH),
        answers=(
            Answer(
                200,
                "A page of calls.",
                (json_of(CallPage, {"items": [_CALL], "nextCursor": None}),),
                headers=(ETAG,),
                links=_NEXT_CALLS,
            ),
            NOT_MODIFIED,
        ),
    ),
    Operation(
        method="GET",
        path="/api/v1/usage",
        id="readUsage",
        tag="usage",
        summary="What your jobs cost",
        description="Sums over the calls of all jobs, also of those that were deleted. A call belongs to the day on "
        "which it was opened; days without a call have no row.",
        parameters=(FROM, TO, GROUP_BY, LIMIT, USAGE_CURSOR, IF_NONE_MATCH),
        answers=(
            Answer(200, "Rows and totals.", (json_of(UsagePage, _USAGE),), headers=(ETAG,), links=_NEXT_USAGE),
            NOT_MODIFIED,
        ),
    ),
)
