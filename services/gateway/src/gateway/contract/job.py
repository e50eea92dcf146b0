"""Jobs: created, listed, read, cancelled, retried, extended, deleted."""

from common.domain.job import JobStatus, Mode, PlatformName
from common.domain.outcome import Outcome
from gateway.answer.job import JobAnswer, JobPage
from gateway.body import ExtensionBody, JobBody
from gateway.contract.header import ETAG, LOCATION, REPLAYED, RETRY_AFTER
from gateway.contract.operation import Answer, Body, Link, Operation, Parameter, json_of
from gateway.contract.parameter import CAMPAIGN_ID, CURSOR, IDEMPOTENCY_KEY, IF_NONE_MATCH, JOB_ID, LIMIT
from gateway.contract.reply import NOT_MODIFIED
from gateway.problem import Kind

JOB = {
    "id": JOB_ID,
    "platform": "tiktok",
    "mode": "keyword",
    "status": "processing",
    "waitingOn": None,
    "waitingPosition": None,
    "waitingUntil": None,
    "stopReason": None,
    "error": None,
    "reference": None,
    "campaignId": CAMPAIGN_ID,
    "run": 1,
    "tags": ["spring"],
    "keywords": ["vegan food", "#plantbased"],
    "target": None,
    "region": None,
    "filters": {"followersMin": 1000, "unknown": "keep"},
    "limits": {
        "pagesMax": 200,
        "creditsMax": 1000,
        "parallelSearchesMax": 5,
        "timeoutSeconds": 1800,
        "delayBetweenCallsSeconds": 0.0,
    },
    "searches": [
        {"kind": "keyword", "query": "vegan food", "status": "active", "endReason": None, "pages": 2},
        {"kind": "hashtag", "query": "plantbased", "status": "ended", "endReason": "exhausted", "pages": 1},
    ],
    "targetResults": 100,
    "seq": 31,
    "progress": 24.0,
    "estimate": {
        "asOf": "2026-03-01T09:00:41Z",
        "creatorsPerMinute": 36.0,
        "remaining": {"minSeconds": 101, "maxSeconds": 158},
    },
    "counts": {
        "delivered": 24,
        "removed": 0,
        "pending": 2,
        "reserve": 0,
        "itemsSeen": 33,
        "outcomes": {outcome.value: 0 for outcome in Outcome}
        | {"delivered": 24, "pending": 2, "duplicate": 3, "filtered": 4},
        "rules": {"filtered": {"followersMin": 4}},
    },
    "calls": {"total": 29, "pages": 3, "profiles": 26},
    "credits": {"spent": 29, "reserved": 2, "granted": 31, "max": 1000},
    "createdAt": "2026-03-01T09:00:00Z",
    "startedAt": "2026-03-01T09:00:01Z",
    "deadlineAt": "2026-03-01T09:30:01Z",
    "endedAt": None,
    "resultsRemovedAt": None,
}
_CANCELLED = JOB | {"status": "cancelled", "stopReason": "cancelled", "endedAt": "2026-03-01T09:02:00Z"}
_PENDING = {"status": "pending", "startedAt": None, "deadlineAt": None, "estimate": None}
_PENDING_AGAIN = JOB | _PENDING | {"run": 2}
_NEW = JOB | _PENDING | {"seq": 1, "progress": 0.0}
_LINE = {
    name: JOB[name] for name in ("id", "platform", "mode", "status", "stopReason", "error", "campaignId", "tags")
} | {
    "keywords": JOB["keywords"],
    "target": None,
    "targetResults": 100,
    "delivered": 24,
    "progress": 24.0,
    "creditsSpent": 29,
    "run": 1,
    "createdAt": JOB["createdAt"],
    "startedAt": JOB["startedAt"],
    "endedAt": None,
}
BODIES = {
    "keyword": {
        "platform": "tiktok",
        "mode": "keyword",
        "keywords": ["vegan food", "#plantbased"],
        "targetResults": 100,
        "campaignId": CAMPAIGN_ID,
        "filters": {"followersMin": 1000, "hasEmail": True, "unknown": "drop"},
        "limits": {"creditsMax": 1000, "timeoutSeconds": 1800},
        "tags": ["spring"],
    },
    "similar": {"platform": "instagram", "mode": "similar", "target": "@mira.ovens", "targetResults": 50},
}
_STATUSES = "|".join(status.value for status in JobStatus)
LISTING = (
    LIMIT,
    CURSOR,
    Parameter(
        name="status",
        where="query",
        description="Only jobs in one of these states, separated by commas.",
        schema={"type": "string", "pattern": f"^({_STATUSES})(,({_STATUSES}))*$"},
        example="pending,processing",
    ),
    Parameter(
        name="platform",
        where="query",
        description="Only jobs on this platform.",
        schema={"type": "string", "enum": [name.value for name in PlatformName]},
        example="tiktok",
    ),
    Parameter(
        name="mode",
        where="query",
        description="Only jobs of this mode.",
        schema={"type": "string", "enum": [mode.value for mode in Mode]},
        example="keyword",
    ),
    Parameter(
        name="campaignId",
        where="query",
        description="Only jobs of this campaign.",
        schema={"type": "string", "format": "uuid"},
        example=CAMPAIGN_ID,
    ),
    Parameter(
        name="tag",
        where="query",
        description="Only jobs that have all these tags, separated by commas.",
        schema={"type": "string", "pattern": "^[^,]{1,50}(,[^,]{1,50}){0,19}$"},
        example="spring",
    ),
)
_SAME_JOB = {"jobId": "$response.body#/id"}
LINKS = {
    "readJob": Link(operation_id="readJob", parameters=_SAME_JOB),
    "listResults": Link(operation_id="listResults", parameters=_SAME_JOB),
    "cancelJob": Link(operation_id="cancelJob", parameters=_SAME_JOB),
    "retryJob": Link(operation_id="retryJob", parameters=_SAME_JOB),
    "extendJob": Link(operation_id="extendJob", parameters=_SAME_JOB),
    "deleteJob": Link(operation_id="deleteJob", parameters=_SAME_JOB),
}

OPERATIONS: tuple[Operation, ...] = (
    Operation(
        method="POST",
        path="/api/v1/jobs",
        id="createJob",
        tag="jobs",
        summary="Create a job",
        description="For every platform and both modes. The job is stored when this is answered; with an "
        "`Idempotency-Key` a repetition within 24 hours is answered as the first time, whatever became of the job.",
        parameters=(IDEMPOTENCY_KEY,),
        body=Body(model=JobBody, examples=BODIES),
        answers=(
            Answer(
                202,
                "The job, accepted.",
                (json_of(JobAnswer, _NEW),),
                headers=(LOCATION, RETRY_AFTER, REPLAYED),
                links=LINKS,
            ),
        ),
        problems=(
            Kind.CONFLICT,
            Kind.KEY_IN_FLIGHT,
            Kind.KEY_REUSED,
            Kind.UNSUPPORTED,
            Kind.QUOTA,
            Kind.CREDITS_USED_UP,
            Kind.PLATFORM_NOT_STARTED,
        ),
    ),
    Operation(
        method="GET",
        path="/api/v1/jobs",
        id="listJobs",
        tag="jobs",
        summary="Your jobs",
        description="Newest first; `nextCursor` asks for the next page, null ends.",
        parameters=LISTING,
        answers=(Answer(200, "A page of jobs.", (json_of(JobPage, {"items": [_LINE], "nextCursor": None}),)),),
    ),
    Operation(
        method="DELETE",
        path="/api/v1/jobs/{jobId}",
        id="deleteJob",
        tag="jobs",
        summary="Delete a job",
        description="The job and all its creators are gone for good; what it cost stays in the usage. 409 while it is "
        "under way: cancel it first.",
        answers=(Answer(204, "It is gone."),),
        problems=(Kind.CONFLICT,),
    ),
    Operation(
        method="GET",
        path="/api/v1/jobs/{jobId}",
        id="readJob",
        tag="jobs",
        summary="A job",
        description="Everything about it but its creators.",
        parameters=(IF_NONE_MATCH,),
        answers=(Answer(200, "The job.", (json_of(JobAnswer, JOB),), headers=(ETAG,), links=LINKS), NOT_MODIFIED),
    ),
    Operation(
        method="POST",
        path="/api/v1/jobs/{jobId}/cancel",
        id="cancelJob",
        tag="jobs",
        summary="Cancel a job",
        description="A final job stays as it is. What was delivered stays.",
        answers=(Answer(200, "The job as it is now.", (json_of(JobAnswer, _CANCELLED),)),),
    ),
    Operation(
        method="POST",
        path="/api/v1/jobs/{jobId}/retry",
        id="retryJob",
        tag="jobs",
        summary="Go on with a job that failed",
        description="For a job that ended in error or timeout: it goes on where it stopped, in another run, and pays "
        "for nothing twice.",
        answers=(Answer(200, "The job, pending again.", (json_of(JobAnswer, _PENDING_AGAIN),)),),
        problems=(Kind.CONFLICT, Kind.QUOTA, Kind.CREDITS_USED_UP),
    ),
    Operation(
        method="POST",
        path="/api/v1/jobs/{jobId}/extend",
        id="extendJob",
        tag="jobs",
        summary="Go on with a completed job towards a higher target",
        description="What the job had in reserve is delivered first.",
        body=Body(model=ExtensionBody, examples={"extension": {"targetResults": 200, "limits": {"creditsMax": 2000}}}),
        answers=(Answer(200, "The job, pending again.", (json_of(JobAnswer, _PENDING_AGAIN),)),),
        problems=(Kind.CONFLICT, Kind.QUOTA, Kind.CREDITS_USED_UP),
    ),
)
