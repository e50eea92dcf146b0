"""The deletion of an account, with everything that is its owner's."""

from contextlib import suppress

from litestar import Request, Response, delete
from litestar.datastructures import State
from litestar.di import NamedDependency

from common.crash import CrashPoint
from common.db.account import active_jobs_of
from common.errors import CallerError
from common.transaction.account import request_deletion
from common.transaction.failure import cancel_job
from common.transaction.lock import UnknownJobError
from gateway.answer.account import AccountDeletionAnswer
from gateway.auth.principal import Principal
from gateway.composition import Gateway
from gateway.parameter import read_parameters
from gateway.problem import Kind, ProblemError

PATH = "/api/v1/account"
PARAMETERS = frozenset({"confirm"})
CANCELLED_AT_ONCE_MAX = 20


@delete(PATH, status_code=202)
async def delete_own_account(
    request: Request[Principal, None, State], gateway: NamedDependency[Gateway], principal: NamedDependency[Principal]
) -> Response[bytes]:
    """202 once it is noted: from then on nothing new is taken. Jobs that run are cancelled now, so that spending stops;
    the sweep removes what there is."""
    asked = read_parameters(request.scope["query_string"], PARAMETERS)
    if not principal.may_delete_account:
        raise ProblemError(Kind.FORBIDDEN, "Only an administrator of the organisation may delete its account.")
    if asked.get("confirm") != principal.owner:
        raise CallerError("must repeat the owner, as the session names it", pointer="/confirm", code="confirm")
    resources = gateway.resources
    departure, estate = await request_deletion(gateway.door(principal), resources.clock, owner=principal.owner)
    resources.crash.reach(CrashPoint.ACCOUNT_COMMITTED)
    await _stop_jobs(gateway, principal)
    return Response(
        AccountDeletionAnswer.of(departure, estate).encoded(), status_code=202, media_type="application/json"
    )


async def _stop_jobs(gateway: Gateway, principal: Principal) -> None:
    async with gateway.door(principal).connection() as connection:
        jobs = await active_jobs_of(connection, owner=principal.owner, count_max=CANCELLED_AT_ONCE_MAX)
    for job_id in jobs:
        with suppress(UnknownJobError):
            await cancel_job(await gateway.unit(principal), job_id)
            gateway.resources.crash.reach(CrashPoint.CANCEL_COMMITTED)
            await gateway.resources.hints.give(job_id)
