"""Jobs: created, listed, read, cancelled, retried, extended, deleted."""

from common.domain.job import JobStatus, Mode, PlatformName
from common.domain.outcome import Outcome
from gateway.answer.job import JobAnswer, JobPage
from gateway.body import ExtensionBody, JobBody
from gateway.contract.header import ETAG, LOCATION, REPLAYED, RETRY_AFTER
from gateway.contract.operation import Answer, Body, Link, Operation, Parameter, json_of
from gateway.contract.parameter import CAMPAIGN_ID, CURSOR, IDEMPOTENCY_KEY, IF_NONE_MATCH, JOB_ID, LIMIT
from gateway.contract.reply import NOT_MODIFIED
from gateway.job_query import TAGS_ASKED_MAX
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
    "region": "AT",
    "filters": {"followersMin": 1000, "unknown": "keep"},
    "limits": {
        "pagesMax": 100,
        "creditsMax": 1000,
        "parallelSearchesMax": 3,
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
        "asOf": "2026-03-01T09:00:40Z",
        "creatorsPerMinute": 36.0,
        "remaining": {"minSeconds": 60, "maxSeconds": 240},
    },
    "counts": {
        "delivered": 24,
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
}
_CANCELLED = JOB | {
    "status": "cancelled",
    "stopReason": "cancelled",
    "estimate": None,
    "endedAt": "2026-03-01T09:02:00Z",
}
_PENDING_AGAIN = JOB | {"status": "pending", "run": 2, "estimate": None, "startedAt": None, "deadlineAt": None}
_NEW = JOB | {
    "status": "pending",
    "progress": 0.0,
    "estimate": None,
    "searches": [],
    "seq": 0,
    "startedAt": None,
    "deadlineAt": None,
}
_SAME_JOB = {"jobId": "$response.body#/id"}
LINKS = {
    "readJob": Link(operation_id="readJob", parameters=_SAME_JOB),
    "listResults": Link(operation_id="listResults", parameters=_SAME_JOB),
    "cancelJob": Link(operation_id="cancelJob", parameters=_SAME_JOB),
    "retryJob": Link(operation_id="retryJob", parameters=_SAME_JOB),
    "extendJob": Link(operation_id="extendJob", parameters=_SAME_JOB),
}

_STATUS = "|".join(JobStatus)
_SUMMARY = {
    "id": JOB_ID,
    "platform": "tiktok",
    "mode": "keyword",
    "status": "processing",
    "stopReason": None,
    "error": None,
    "campaignId": CAMPAIGN_ID,
    "tags": ["spring"],
    "keywords": ["vegan food", "#plantbased"],
    "target": None,
    "targetResults": 100,
    "delivered": 24,
    "progress": 24.0,
    "creditsSpent": 29,
    "run": 1,
    "createdAt": "2026-03-01T09:00:00Z",
    "startedAt": "2026-03-01T09:00:01Z",
    "endedAt": None,
}
_BODIES = {
    "keywords": {
        "platform": "tiktok",
        "mode": "keyword",
        "keywords": ["vegan food", "#plantbased"],
        "targetResults": 100,
        "filters": {"followersMin": 1000, "hasEmail": True, "unknown": "drop"},
        "limits": {"creditsMax": 200},
        "tags": ["spring"],
    },
    "similar": {"platform": "tiktok", "mode": "similar", "target": "mira.ovens", "targetResults": 50},
}
_FIRST = {"jobId": "$response.body#/items/0/id"}
_LIST_LINKS = {
    "readFirstJob": Link(operation_id="readJob", parameters=_FIRST),
    "listResultsOfFirstJob": Link(operation_id="listResults", parameters=_FIRST),
    "nextPage": Link(operation_id="listJobs", parameters={"cursor": "$response.body#/nextCursor"}),
}
_FILTERS = (
    Parameter(
        name="status",
        where="query",
        description="Those in one of these states, by comma.",
        schema={"type": "string", "pattern": f"^({_STATUS})(,({_STATUS}))*$"},
        example="pending,processing",
    ),
    Parameter(
        name="platform",
        where="query",
        description="Those of this platform.",
        schema={"type": "string", "enum": [name.value for name in PlatformName]},
        example="tiktok",
    ),
    Parameter(
        name="mode",
        where="query",
        description="Those of this mode.",
        schema={"type": "string", "enum": [mode.value for mode in Mode]},
        example="keyword",
    ),
    Parameter(
        name="campaignId",
        where="query",
        description="Those of this campaign.",
        schema={"type": "string", "format": "uuid"},
        example=CAMPAIGN_ID,
    ),
    Parameter(
        name="tag",
        where="query",
        description=f"Those that have all of these tags, by comma; at most {TAGS_ASKED_MAX}.",
        example="spring,ovens",
    ),
)

OPERATIONS: tuple[Operation, ...] = (
    Operation(
        method="POST",
        path="/api/v1/jobs",
        id="createJob",
        tag="jobs",
        summary="Create a job",
        description="Once it is answered, the job is committed and goes on by itself. With an `Idempotency-Key` a "
        "repetition is answered as the first time, and nothing is created twice.",
        parameters=(IDEMPOTENCY_KEY,),
        body=Body(model=JobBody, examples=_BODIES),
        answers=(
            Answer(
                202,
                "The job, and its address; ask there how far it is.",
                (json_of(JobAnswer, _NEW),),
                headers=(LOCATION, RETRY_AFTER, REPLAYED),
                links=LINKS,
            ),
        ),
        problems=(
            Kind.UNSUPPORTED,
            Kind.QUOTA,
            Kind.PLATFORM_NOT_STARTED,
            Kind.KEY_IN_FLIGHT,
            Kind.KEY_REUSED,
        ),
    ),
    Operation(
        method="GET",
        path="/api/v1/jobs",
        id="listJobs",
        tag="jobs",
        summary="Jobs, newest first",
        description="`nextCursor` asks for the next page; null ends. A parameter that is not known is an error.",
        parameters=(LIMIT, CURSOR, *_FILTERS),
        answers=(
            Answer(200, "A page.", (json_of(JobPage, {"items": [_SUMMARY], "nextCursor": None}),), links=_LIST_LINKS),
        ),
    ),
    Operation(
        method="DELETE",
        path="/api/v1/jobs/{jobId}",
        id="deleteJob",
        tag="jobs",
        summary="Delete a job",
        description="The job and its creators are gone; what it cost stays in the usage. Not while it is under way.",
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
        problems=(Kind.CONFLICT, Kind.QUOTA),
    ),
    Operation(
        method="POST",
        path="/api/v1/jobs/{jobId}/extend",
        id="extendJob",
        tag="jobs",
        summary="Go on with a completed job towards a higher target",
        description="What the job had in reserve is delivered first.",
        body=Body(model=ExtensionBody, examples={"extension": {"targetResults": 200}}),
        answers=(Answer(200, "The job, pending again.", (json_of(JobAnswer, _PENDING_AGAIN),)),),
        problems=(Kind.CONFLICT, Kind.QUOTA),
    ),
)
