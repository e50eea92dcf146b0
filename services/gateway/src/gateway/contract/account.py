"""The account: its deletion."""

from gateway.answer.account import AccountDeletionAnswer
from gateway.contract.operation import Answer, Operation, Parameter, json_of
from gateway.problem import Kind

_OWNER = "org:org_2NNEqL2nrIRdJ194ndJqAHwEfxC"
_CONFIRM = Parameter(
    name="confirm",
    where="query",
    description="The owner, as `GET /api/v1/me` names it: lest it happens by accident.",
    schema={"type": "string", "pattern": "^(org|user):[A-Za-z0-9_]{1,120}$"},
    is_required=True,
    example=_OWNER,
)
_DELETION = {
    "owner": _OWNER,
    "requestedAt": "2026-03-01T09:00:00Z",
    "jobs": 41,
    "activeJobs": 2,
    "campaigns": 3,
}

OPERATIONS: tuple[Operation, ...] = (
    Operation(
        method="DELETE",
        path="/api/v1/account",
        id="deleteAccount",
        tag="session",
        summary="Delete the account with all that is its owner's",
        description="Of the session's organisation, which only its administrators may, else of the user. Running jobs "
        "are cancelled, then jobs, creators, campaigns and keys are removed; what was spent stays in the books as "
        "nobody's. It takes minutes, and until the end of the day (UTC) if credits were spent today; meanwhile nothing "
        "new is taken (409). Asking again changes nothing. Afterwards the same person begins anew.",
        parameters=(_CONFIRM,),
        answers=(Answer(202, "It is under way: this will go.", (json_of(AccountDeletionAnswer, _DELETION),)),),
        problems=(Kind.FORBIDDEN,),
    ),
)
