"""Jobs: read, cancelled, retried, extended."""

from common.domain.outcome import Outcome
from gateway.answer.job import JobAnswer
from gateway.body import ExtensionBody
from gateway.contract.header import ETAG
from gateway.contract.operation import Answer, Body, Link, Operation, json_of
from gateway.contract.parameter import CAMPAIGN_ID, IF_NONE_MATCH, JOB_ID
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
    "keywords": ["vegan food", "#plantbased"],
    "target": None,
    "filters": {"followersMin": 1000, "unknown": "keep"},
    "searches": [
        {"kind": "keyword", "query": "vegan food", "status": "active", "endReason": None, "pages": 2},
        {"kind": "hashtag", "query": "plantbased", "status": "ended", "endReason": "exhausted", "pages": 1},
    ],
    "targetResults": 100,
    "progress": 24.0,
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
_CANCELLED = JOB | {"status": "cancelled", "stopReason": "cancelled", "endedAt": "2026-03-01T09:02:00Z"}
_PENDING_AGAIN = JOB | {"status": "pending", "run": 2, "startedAt": None, "deadlineAt": None}
_SAME_JOB = {"jobId": "$response.body#/id"}
LINKS = {
    "readJob": Link(operation_id="readJob", parameters=_SAME_JOB),
    "listResults": Link(operation_id="listResults", parameters=_SAME_JOB),
    "cancelJob": Link(operation_id="cancelJob", parameters=_SAME_JOB),
    "retryJob": Link(operation_id="retryJob", parameters=_SAME_JOB),
    "extendJob": Link(operation_id="extendJob", parameters=_SAME_JOB),
}

OPERATIONS: tuple[Operation, ...] = (
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
