"""The old routes: a job is created and polled as the first frontend does it."""

from gateway.answer.legacy import WholePollAnswer
from gateway.answer.poll import CreatedAnswer
from gateway.body import ScrapingBody
from gateway.contract.header import ETAG
from gateway.contract.operation import Answer, Body, Link, Operation, Parameter, json_of
from gateway.contract.parameter import CAMPAIGN_ID, IF_NONE_MATCH, JOB_ID
from gateway.contract.reply import NOT_MODIFIED
from gateway.problem import Kind

POLLED_ID = Parameter(
    name="jobId",
    where="query",
    description="The job's id.",
    schema={"type": "string", "format": "uuid"},
    is_required=True,
    example=JOB_ID,
)
BODIES = {
    "keywords": {
        "keywords": ["vegan food", "#plantbased"],
        "targetResults": 100,
        "filters": {"followersMin": 1000, "followersMax": 500000, "hasEmail": True, "unknown": "drop"},
    },
    "similar": {"targetUsername": "mira.ovens", "targetResults": 50, "campaignId": CAMPAIGN_ID},
}
_CREATED = {"message": "TikTok job started", "jobId": JOB_ID, "qstashMessageId": "msg_7YoJxFpwkEy"}
_POLL = {
    "status": "processing",
    "processedResults": 1,
    "targetResults": 100,
    "error": None,
    "results": [
        {
            "id": "01930000-0000-7000-8000-0000000000c1",
            "jobId": JOB_ID,
            "createdAt": "2026-03-01T09:00:08.123456Z",
            "creators": [
                {
                    "creator": {
                        "name": "Mira Ovens",
                        "followers": 48200,
                        "avatarUrl": None,
                        "profilePicUrl": None,
                        "bio": "Vegan bread, every day. mira@example.com",
                        "emails": ["mira@example.com"],
                        "uniqueId": "mira.ovens",
                        "verified": False,
                    },
                    "video": {
                        "description": "Sourdough without eggs #vegan",
                        "url": "https://www.tiktok.com/@mira.ovens/video/7345678901234567890",
                        "statistics": {"likes": 9100, "comments": 214, "shares": 87, "views": 120400},
                    },
                    "hashtags": ["vegan"],
                    "platform": "TikTok",
                }
            ],
        }
    ],
    "progress": 1.0,
}
_CREATED_ID = {"jobId": "$response.body#/jobId"}
_LINKS = {
    "readJob": Link(operation_id="readJob", parameters=_CREATED_ID),
    "listResults": Link(operation_id="listResults", parameters=_CREATED_ID),
    "cancelJob": Link(operation_id="cancelJob", parameters=_CREATED_ID),
    "pollJob": Link(
        operation_id="pollJob",
        parameters={"platform": "$request.path.platform", "query.jobId": "$response.body#/jobId"},
    ),
}

OPERATIONS: tuple[Operation, ...] = (
    Operation(
        method="POST",
        path="/api/scraping/{platform}",
        id="startJob",
        tag="scraping",
        summary="Create a job",
        description="By `keywords` or by likeness to `targetUsername`: one of the two. Once it is answered, the job is "
        "committed and goes on by itself. `qstashMessageId` is null if it waits for its turn or the sweep starts it.",
        body=Body(model=ScrapingBody, examples=BODIES),
        answers=(Answer(200, "The job is created.", (json_of(CreatedAnswer, _CREATED),), links=_LINKS),),
        problems=(Kind.CONFLICT, Kind.UNSUPPORTED, Kind.QUOTA, Kind.CREDITS_USED_UP, Kind.PLATFORM_NOT_STARTED),
    ),
    Operation(
        method="GET",
        path="/api/scraping/{platform}",
        id="pollJob",
        tag="scraping",
        summary="A job with all its creators",
        description="One element of `results` for each step that found some. Whoever wants pages reads `listResults`.",
        parameters=(POLLED_ID, IF_NONE_MATCH),
        answers=(Answer(200, "The job.", (json_of(WholePollAnswer, _POLL),), headers=(ETAG,)), NOT_MODIFIED),
    ),
)
