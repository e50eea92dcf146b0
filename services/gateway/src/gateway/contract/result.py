"""What a job delivered."""

from gateway.answer.result import ResultPage
from gateway.contract.criteria import CRITERIA
from gateway.contract.header import ETAG
from gateway.contract.operation import Answer, Link, Operation, Parameter, json_of
from gateway.contract.parameter import IF_NONE_MATCH, LIMIT
from gateway.contract.reply import NOT_MODIFIED
from gateway.query import Sort
from gateway.selection import FIELDS_MAX

SORT = Parameter(
    name="sort",
    where="query",
    description="`found`: in the order of delivery. `likeness`: the most alike first. `followers`: those with the "
    "most followers first. Of whom the number is unknown comes last. If not given, `likeness` for a job by likeness, "
    "else `found`.",
    schema={"type": "string", "enum": [sort.value for sort in Sort]},
    example="found",
)
CURSOR = Parameter(
    name="cursor",
    where="query",
    description="`nextCursor` of the page before, asked for in the same order; without it, the first page. It is a "
    "place in the order, whatever the filters.",
    schema={"type": "string", "pattern": "^[A-Za-z0-9_-]{12,23}$"},
)
FIELDS = Parameter(
    name="fields",
    where="query",
    description=f"The fields that items carry, as at most {FIELDS_MAX} paths with commas; where they stand stays. "
    "Without it, all; with it, those that the schema requires besides are not there.",
    example="seq,creator.account.handle,creator.contact.emails.address",
)
CREATOR = {
    "version": 1,
    "account": {
        "platformId": "6812345678901234567",
        "handle": "mira.ovens",
        "name": "Mira Ovens",
        "url": "https://www.tiktok.com/@mira.ovens",
        "followers": 48200,
        "following": 310,
        "posts": 212,
        "verified": False,
        "private": False,
        "bio": "Vegan bread, every day. mira@example.com",
        "avatarUrl": None,
        "links": ["https://mira.example.com"],
        "emails": [],
        "country": "AT",
        "language": "de",
        "category": None,
        "topics": [],
        "hashtags": ["vegan", "bread"],
        "mentions": [],
        "createdAt": None,
        "lastPostedAt": "2026-02-27T18:04:11Z",
        "postsPerWeek": 3.5,
        "native": {},
    },
    "contact": {
        "emails": [{"address": "mira@example.com", "sources": ["bio"], "seenAt": "2026-03-01T09:00:07Z"}],
        "links": ["https://mira.example.com"],
        "accounts": [{"platform": "instagram", "handle": "mira.ovens", "url": "https://www.instagram.com/mira.ovens"}],
    },
    "content": {
        "platformId": "7345678901234567890",
        "url": "https://www.tiktok.com/@mira.ovens/video/7345678901234567890",
        "text": "Sourdough without eggs #vegan",
        "statistics": {"views": 120400, "likes": 9100, "comments": 214, "shares": 87, "saves": None},
        "postedAt": "2026-02-27T18:04:11Z",
        "language": "en",
        "hashtags": ["vegan"],
        "mentions": [],
    },
    "matched": {"kind": "keyword", "query": "vegan food"},
    "likeness": None,
    "profileSeenAt": "2026-03-01T09:00:07Z",
}
RESULT = {
    "seq": 7,
    "foundAt": "2026-03-01T09:00:08Z",
    "enrichment": "bought",
    "platform": "tiktok",
    "creator": CREATOR,
}
_NEXT = {
    "nextPage": Link(
        operation_id="listResults", parameters={"jobId": "$request.path.jobId", "cursor": "$response.body#/nextCursor"}
    )
}

OPERATIONS: tuple[Operation, ...] = (
    Operation(
        method="GET",
        path="/api/v1/jobs/{jobId}/results",
        id="listResults",
        tag="results",
        summary="A page of a job's creators",
        description="`nextCursor` asks for the next page; null ends. In the order `found` nothing is missed while the "
        "job runs, though null may end before it has found everything. In the other orders nothing comes twice, "
        "but who is found meanwhile and belongs before the place that was reached is missed until it is read from the "
        "start. The filters are those of a job, said of what it delivered.",
        parameters=(LIMIT, SORT, CURSOR, *CRITERIA, FIELDS, IF_NONE_MATCH),
        answers=(
            Answer(
                200,
                "The page.",
                (json_of(ResultPage, {"items": [RESULT], "nextCursor": None}),),
                headers=(ETAG,),
                links=_NEXT,
            ),
            NOT_MODIFIED,
        ),
    ),
)
