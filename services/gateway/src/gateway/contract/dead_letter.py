"""Dead letters, for administrators."""

from gateway.answer.dead_letter import DeadLetterAnswer, DeadLetterPage
from gateway.contract.operation import Answer, Link, Operation, Parameter, json_of
from gateway.contract.parameter import CURSOR, JOB_ID, LIMIT
from gateway.problem import Kind

_LETTER_ID = Parameter(
    name="letterId",
    where="path",
    description="The letter's id.",
    schema={"type": "string", "format": "uuid"},
    is_required=True,
    example="01930000-0000-7000-8000-0000000000d1",
)
_STATE = Parameter(
    name="state",
    where="query",
    description="Only the open ones, only those that are settled, or all.",
    schema={"type": "string", "enum": ["open", "resolved", "all"], "default": "open"},
    example="all",
)
_JOB = Parameter(
    name="jobId",
    where="query",
    description="Only those of this job.",
    schema={"type": "string", "format": "uuid"},
    example=JOB_ID,
)
_REFERENCE = Parameter(
    name="reference",
    where="query",
    description="Only those with this reference, as a failed job shows it.",
    schema={"type": "string", "pattern": "^[A-Za-z0-9_-]{1,64}$"},
    example="9f86d081884c",
)
_LETTER = {
    "id": _LETTER_ID.example,
    "createdAt": "2026-03-01T09:12:00Z",
    "reason": "attempts_used_up",
    "reference": "9f86d081884c",
    "details": {"reference": "9f86d081884c", "attempts": 5},
    "jobId": JOB_ID,
    "jobStatus": "error",
    "owner": "user:user_2NNEqL2nrIRdJ194ndJqAHwEfxC",
    "platform": "tiktok",
    "search": {"id": "01930000-0000-7000-8000-0000000000e1", "kind": "keyword", "query": "vegan food"},
    "step": 3,
    "generation": 1,
    "resolvedAt": None,
    "resolution": None,
    "resolvedBy": None,
}
_FIRST = {"letterId": "$response.body#/items/0/id"}
_LINKS = {
    "readDeadLetter": Link(operation_id="readDeadLetter", parameters=_FIRST),
    "redriveDeadLetter": Link(operation_id="redriveDeadLetter", parameters=_FIRST),
    "discardDeadLetter": Link(operation_id="discardDeadLetter", parameters=_FIRST),
    "nextPage": Link(operation_id="listDeadLetters", parameters={"cursor": "$response.body#/nextCursor"}),
}


def _settled(resolution: str) -> dict[str, object]:
    by = {"resolvedAt": "2026-03-01T10:00:00Z", "resolvedBy": "user_2NNEqL2nrIRdJ194ndJqAHwEfxC"}
    return {**_LETTER, **by, "resolution": resolution}


OPERATIONS: tuple[Operation, ...] = (
    Operation(
        method="GET",
        path="/api/v1/dead-letters",
        id="listDeadLetters",
        tag="administration",
        summary="Dead letters, newest first",
        description="Steps that were given up, of all owners. `nextCursor` asks for the next page; null ends.",
        parameters=(_STATE, _JOB, _REFERENCE, LIMIT, CURSOR),
        answers=(
            Answer(200, "A page.", (json_of(DeadLetterPage, {"items": [_LETTER], "nextCursor": None}),), links=_LINKS),
        ),
        problems=(Kind.FORBIDDEN,),
    ),
    Operation(
        method="GET",
        path="/api/v1/dead-letters/{letterId}",
        id="readDeadLetter",
        tag="administration",
        summary="A dead letter",
        description="With its search and what became of its job since; null if they are gone.",
        parameters=(_LETTER_ID,),
        answers=(Answer(200, "The letter.", (json_of(DeadLetterAnswer, _LETTER),)),),
        problems=(Kind.FORBIDDEN,),
    ),
    Operation(
        method="POST",
        path="/api/v1/dead-letters/{letterId}/redrive",
        id="redriveDeadLetter",
        tag="administration",
        summary="Drive a letter's step again",
        description="A search of a job that still runs goes on at the page that failed; a job that ended in error or "
        "timeout is retried as a whole, which settles its other letters too. 409 says why nothing was done.",
        parameters=(_LETTER_ID,),
        answers=(Answer(200, "The letter as it is now.", (json_of(DeadLetterAnswer, _settled("redriven")),)),),
        problems=(Kind.FORBIDDEN, Kind.CONFLICT),
    ),
    Operation(
        method="POST",
        path="/api/v1/dead-letters/{letterId}/discard",
        id="discardDeadLetter",
        tag="administration",
        summary="Put a letter away",
        description="Its job stays as it is. 409 if it was settled before.",
        parameters=(_LETTER_ID,),
        answers=(Answer(200, "The letter as it is now.", (json_of(DeadLetterAnswer, _settled("discarded")),)),),
        problems=(Kind.FORBIDDEN, Kind.CONFLICT),
    ),
)
