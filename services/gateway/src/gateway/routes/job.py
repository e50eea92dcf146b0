"""Jobs: created, listed, read, cancelled, retried, extended, deleted."""

from uuid import UUID

from litestar import Request, Response, delete, get, post
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.params import FromPath, RawBody

from common.crash import CrashPoint
from common.db.job_list import list_jobs
from common.db.poll import JobView, read_job
from common.domain.step import DueStep
from common.transaction.deletion import delete_job
from common.transaction.failure import cancel_job
from common.transaction.reopening import Renewal, extend_job, retry_job
from gateway.answer.job import JobAnswer, JobPage, JobSummary
from gateway.auth.principal import Principal
from gateway.body import ExtensionBody, JobBody, read_body
from gateway.composition import Gateway
from gateway.conditional import answer_unless_known
from gateway.creation import create, create_once
from gateway.idempotency import HEADER, REPLAYED, job_of, read_key
from gateway.job_limit import renewal_under
from gateway.job_query import JOB_PARAMETERS, read_job_query
from gateway.limit import tell_credits
from gateway.parameter import read_parameters
from gateway.problem import not_found
from gateway.query import read_id, read_limit, write_cursor
from gateway.quota import deletion_problems, reopening_problems

JOBS = "/api/v1/jobs"
PATH = f"{JOBS}/{{job_id:str}}"
POLL_AFTER_S = 2
_PRIVATE = {"Cache-Control": "private, no-cache"}


@post(JOBS, status_code=202)
async def create_own_job(
    body: RawBody,
    request: Request[Principal, None, State],
    gateway: NamedDependency[Gateway],
    principal: NamedDependency[Principal],
) -> Response[bytes]:
    """202 once the job is committed. With an `Idempotency-Key` a repetition is answered as the first time."""
    given = read_body(JobBody, body)
    wish = given.wish()
    key = read_key(request.headers.get(HEADER), given)
    try:
        if key is None:
            created = await create(gateway, principal, wish)
            answer, is_replay = JobAnswer.of(await _view(gateway, principal, created.job_id)).encoded(), False
        else:
            answer, is_replay = await create_once(gateway, principal, wish, key)
    finally:
        await tell_credits(gateway, request.scope, principal.owner)
    headers = {"Location": f"{JOBS}/{job_of(answer)}", "Retry-After": str(POLL_AFTER_S), **_PRIVATE}
    if is_replay:
        headers[REPLAYED] = "true"
    return Response(answer, status_code=202, headers=headers, media_type="application/json")


@get(JOBS)
async def list_own_jobs(
    request: Request[Principal, None, State], gateway: NamedDependency[Gateway], principal: NamedDependency[Principal]
) -> Response[bytes]:
    """Newest first; `nextCursor` asks for the next page, null ends."""
    asked = read_parameters(request.scope["query_string"], JOB_PARAMETERS)
    limit = read_limit(asked.get("limit"))
    query = read_job_query(asked, owner=principal.owner, count_max=limit + 1)
    async with gateway.door(principal).connection() as connection:
        lines = await list_jobs(connection, query)
    shown = lines[:limit]
    page = JobPage(
        items=[JobSummary.of(line) for line in shown],
        next_cursor=write_cursor(shown[-1].id) if len(lines) > limit else None,
    )
    return Response(page.encoded(), headers=_PRIVATE, media_type="application/json")


@delete(PATH, status_code=204)
async def delete_own_job(
    job_id: FromPath[str], gateway: NamedDependency[Gateway], principal: NamedDependency[Principal]
) -> None:
    """The job and its creators are gone, what it cost stays in the usage; 409 while it is under way."""
    view = await _view(gateway, principal, read_id(job_id))
    with deletion_problems():
        await delete_job(await gateway.unit(principal), view.id, by=principal.user_id)
    gateway.resources.crash.reach(CrashPoint.DELETION_COMMITTED)
    await gateway.resources.hints.give(view.id)


@get(PATH)
async def read_own_job(
    job_id: FromPath[str],
    request: Request[Principal, None, State],
    gateway: NamedDependency[Gateway],
    principal: NamedDependency[Principal],
) -> Response[bytes]:
    """Everything about the job but its creators. Its tag is of the content: credits move without an event."""
    wanted_id = read_id(job_id)
    state = await gateway.states.read(owner=principal.owner, job_id=wanted_id)
    if state is None:
        raise not_found()
    kept = gateway.shelf.find(state)
    if kept is None:
        view = await _view(gateway, principal, wanted_id)
        kept = gateway.shelf.keep(view, JobAnswer.of(view).encoded())
    return answer_unless_known(kept.content, request.scope, cache_control="private, no-cache", tag=kept.tag)


@post(f"{PATH}/cancel", status_code=200)
async def cancel_own_job(
    job_id: FromPath[str], gateway: NamedDependency[Gateway], principal: NamedDependency[Principal]
) -> Response[bytes]:
    """The job as it is now; a final job stays as it is."""
    view = await _view(gateway, principal, read_id(job_id))
    if not view.status.is_final:
        _, due = await cancel_job(await gateway.unit(principal), view.id)
        gateway.resources.crash.reach(CrashPoint.CANCEL_COMMITTED)
        await gateway.resources.hints.give(view.id)
        await gateway.publication.publish(gateway.door(principal), due)
        view = await _view(gateway, principal, view.id)
    return Response(JobAnswer.of(view).encoded(), headers=_PRIVATE, media_type="application/json")


@post(f"{PATH}/retry", status_code=200)
async def retry_own_job(
    job_id: FromPath[str], gateway: NamedDependency[Gateway], principal: NamedDependency[Principal]
) -> Response[bytes]:
    """Go on with a job that ended in error or timeout; 409 for any other."""
    view = await _view(gateway, principal, read_id(job_id))
    renewal = Renewal.under(await gateway.resources.settings.current())
    with reopening_problems(gateway.resources.clock.now()):
        due = await retry_job(await gateway.unit(principal), view.id, renewal)
    return await _reopened(gateway, principal, view.id, due)


@post(f"{PATH}/extend", status_code=200)
async def extend_own_job(
    job_id: FromPath[str],
    body: RawBody,
    gateway: NamedDependency[Gateway],
    principal: NamedDependency[Principal],
) -> Response[bytes]:
    """Go on with a completed job towards a higher target; 409 for any other."""
    given = read_body(ExtensionBody, body)
    view = await _view(gateway, principal, read_id(job_id))
    with reopening_problems(gateway.resources.clock.now()):
        renewal = renewal_under(given.limits, await gateway.resources.settings.current())
        unit = await gateway.unit(principal)
        due = await extend_job(unit, view.id, renewal, target=given.target_results)
    return await _reopened(gateway, principal, view.id, due)


async def _reopened(gateway: Gateway, principal: Principal, job_id: UUID, due: list[DueStep]) -> Response[bytes]:
    gateway.resources.crash.reach(CrashPoint.REOPENING_COMMITTED)
    await gateway.resources.hints.give(job_id)
    await gateway.publication.publish(gateway.door(principal), due)
    view = await _view(gateway, principal, job_id)
    return Response(JobAnswer.of(view).encoded(), headers=_PRIVATE, media_type="application/json")


async def _view(gateway: Gateway, principal: Principal, job_id: UUID) -> JobView:
    async with gateway.door(principal).connection() as connection:
        view = await read_job(connection, owner=principal.owner, job_id=job_id)
    if view is None:
        raise not_found()
    return view
