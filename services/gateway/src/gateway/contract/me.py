"""Who asks."""

from gateway.answer.me import MeAnswer
from gateway.contract.operation import Answer, Operation, json_of

_ME = {
    "userId": "user_2NNEqL2nrIRdJ194ndJqAHwEfxC",
    "organisationId": "org_2NNEqL2nrIRdJ194ndJqAHwEfxC",
    "owner": "org:org_2NNEqL2nrIRdJ194ndJqAHwEfxC",
    "isAdministrator": False,
    "actor": None,
    "limits": {
        "activeJobs": 5,
        "creditsPerDay": {"limit": 5000, "grantedToday": 1110, "left": 3890, "resetsAt": "2026-03-02T00:00:00Z"},
    },
    "activeJobs": 2,
    "waitingJobs": 0,
}

OPERATIONS: tuple[Operation, ...] = (
    Operation(
        method="GET",
        path="/api/v1/me",
        id="readMe",
        tag="session",
        summary="Who asks, and what they may still do",
        description="The user and owner of the session, the limits in force for the owner, and how much of them the "
        "owner's jobs use. A day is one of UTC; null is no limit. `actor` is who acts for the user, if somebody does.",
        answers=(Answer(200, "The session.", (json_of(MeAnswer, _ME),)),),
    ),
)
