"""The old routes: a job is created and polled as the existing frontend does it."""

from litestar import Request, Response, get, post
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.params import FromPath, RawBody

from common.db.poll import read_poll
from gateway.answer.poll import CreatedAnswer, PollAnswer
from gateway.auth.principal import Principal
from gateway.body import ScrapingBody, read_body
from gateway.composition import Gateway
from gateway.conditional import NotModified
from gateway.creation import create
from gateway.etag import is_match, read_if_none_match, tag_of_version
from gateway.limit import tell_credits
from gateway.parameter import read_parameters
from gateway.problem import not_found
from gateway.query import read_job_id, read_platform_name

PATH = "/api/scraping/{platform:str}"
_PARAMETERS = frozenset({"jobId"})
_PRIVATE = {"Cache-Control": "private, no-store"}


@post(PATH, status_code=200)
async def create_scraping_job(
    platform: FromPath[str],
    request: Request[Principal, None, State],
    body: RawBody,
    gateway: NamedDependency[Gateway],
    principal: NamedDependency[Principal],
) -> Response[bytes]:
    """200 once the job is committed; `qstashMessageId` is null if the sweep has to start it."""
    name = read_platform_name(platform)
    wish = read_body(ScrapingBody, body).wish(name)
    try:
        created = await create(gateway, principal, wish)
    finally:
        await tell_credits(gateway, request.scope, principal.owner)
    answer = CreatedAnswer(
        message=f"{created.label} job {'started' if created.is_started else 'queued'}",
        job_id=created.job_id,
        qstash_message_id=created.message_id,
    )
    return Response(answer.encoded(), status_code=200, media_type="application/json")


@get(PATH)
async def poll_scraping_job(
    platform: FromPath[str],
    request: Request[Principal, None, State],
    gateway: NamedDependency[Gateway],
    principal: NamedDependency[Principal],
) -> Response[bytes]:
    """The job with all its creators, or 304 after one look at its row, which it may share with others."""
    name = read_platform_name(platform)
    # The first frontend may send more than we know, as it always could.
    asked = read_parameters(request.scope["query_string"], _PARAMETERS, is_open=True)
    job_id = read_job_id(asked.get("jobId"))
    if_none_match = read_if_none_match(request.scope)
    if if_none_match is not None:
        mark = await gateway.marks.read(owner=principal.owner, job_id=job_id)
        if mark is None or mark.platform != name:
            raise not_found()
        if is_match(if_none_match, tag := tag_of_version(job_id, mark)):
            return NotModified({**_PRIVATE, "ETag": tag})
    async with gateway.door(principal).connection() as connection:
        poll = await read_poll(connection, owner=principal.owner, platform=name, job_id=job_id)
    if poll is None:
        raise not_found()
    return Response(
        PollAnswer.of(poll).encoded(),
        headers={**_PRIVATE, "ETag": tag_of_version(job_id, poll)},
        media_type="application/json",
    )
