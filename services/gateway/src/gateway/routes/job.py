"""Jobs: read, cancelled, retried, extended."""

from uuid import UUID

from litestar import Request, Response, get, post
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.params import FromPath, RawBody

from common.crash import CrashPoint
from common.db.poll import JobView, read_job
from common.domain.step import DueStep
from common.transaction.failure import cancel_job
from common.transaction.reopening import Renewal, extend_job, retry_job
from gateway.answer.job import JobAnswer
from gateway.auth.principal import Principal
from gateway.body import ExtensionBody, read_body
from gateway.composition import Gateway
from gateway.etag import is_match, tag_of_content
from gateway.problem import not_found
from gateway.query import read_id
from gateway.quota import reopening_problems

PATH = "/api/v1/jobs/{job_id:str}"
_PRIVATE = {"Cache-Control": "private, no-cache", "Vary": "Authorization"}


@get(PATH)
async def read_own_job(
    job_id: FromPath[str],
    request: Request[Principal, None, State],
    gateway: NamedDependency[Gateway],
    principal: NamedDependency[Principal],
) -> Response[bytes]:
    """Everything about the job but its creators. Its tag is of the content: credits move without an event."""
    content = JobAnswer.of(await _view(gateway, principal, read_id(job_id))).encoded()
    headers = {**_PRIVATE, "ETag": tag_of_content(content)}
    if is_match(request.headers.get("if-none-match"), headers["ETag"]):
        return Response(b"", status_code=304, headers=headers)
    return Response(content, headers=headers, media_type="application/json")


@post(f"{PATH}/cancel", status_code=200)
async def cancel_own_job(
    job_id: FromPath[str], gateway: NamedDependency[Gateway], principal: NamedDependency[Principal]
) -> Response[bytes]:
    """The job as it is now; a final job stays as it is."""
    view = await _view(gateway, principal, read_id(job_id))
    if not view.status.is_final:
        _, due = await cancel_job(await gateway.resources.unit(), view.id)
        gateway.resources.crash.reach(CrashPoint.CANCEL_COMMITTED)
        await gateway.resources.hints.give(view.id)
        await gateway.publication.publish(due)
        view = await _view(gateway, principal, view.id)
    return Response(JobAnswer.of(view).encoded(), headers=_PRIVATE, media_type="application/json")


@post(f"{PATH}/retry", status_code=200)
async def retry_own_job(
    job_id: FromPath[str], gateway: NamedDependency[Gateway], principal: NamedDependency[Principal]
) -> Response[bytes]:
    """Go on with a job that ended in error or timeout; 409 for any other."""
    view = await _view(gateway, principal, read_id(job_id))
    with reopening_problems(gateway.resources.clock.now()):
        due = await retry_job(await gateway.resources.unit(), view.id, await _renewal(gateway))
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
        unit = await gateway.resources.unit()
        due = await extend_job(unit, view.id, await _renewal(gateway), target=given.target_results)
    return await _reopened(gateway, principal, view.id, due)


async def _renewal(gateway: Gateway) -> Renewal:
    return Renewal.under(await gateway.resources.settings.current())


async def _reopened(gateway: Gateway, principal: Principal, job_id: UUID, due: list[DueStep]) -> Response[bytes]:
    gateway.resources.crash.reach(CrashPoint.REOPENING_COMMITTED)
    await gateway.resources.hints.give(job_id)
    await gateway.publication.publish(due)
    view = await _view(gateway, principal, job_id)
    return Response(JobAnswer.of(view).encoded(), headers=_PRIVATE, media_type="application/json")


async def _view(gateway: Gateway, principal: Principal, job_id: UUID) -> JobView:
    async with gateway.resources.database.connection() as connection:
        view = await read_job(connection, owner=principal.owner, job_id=job_id)
    if view is None:
        raise not_found()
    return view
