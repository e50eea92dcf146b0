"""The old routes: a job is created and polled as the existing frontend does it."""

from datetime import timedelta

from litestar import Request, Response, get, post
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.params import FromPath, RawBody

from common.crash import CrashPoint
from common.db.campaign import UnknownCampaignError, is_campaign
from common.db.job import NewJob
from common.db.platform_state import PlatformRow, read_platform
from common.db.poll import read_poll, read_version
from common.db.pool import Connection
from common.domain.job import PlatformName
from common.errors import CallerError
from common.transaction.creation import create_job
from gateway.answer.poll import CreatedAnswer, PollAnswer
from gateway.auth.principal import Principal
from gateway.body import FAULTS_MAX, BodyError, JobBody, read_body
from gateway.composition import Gateway
from gateway.etag import is_match, read_if_none_match, tag_of_version
from gateway.limit import tell_credits
from gateway.plan import JobPlan, plan_job
from gateway.problem import Fault, Kind, ProblemError, not_found
from gateway.query import read_job_id, read_platform_name
from gateway.quota import quota_problem

PATH = "/api/scraping/{platform:str}"
NOT_STARTED_RETRY_S = 10
_PRIVATE = {"Cache-Control": "private, no-store", "Vary": "Authorization"}
_NOT_YOURS = "is not one of your campaigns"


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
    given = read_body(JobBody, body)
    async with gateway.resources.database.connection() as connection:
        row = await _platform(connection, name)
        plan = plan_job(given, row)
        await _check_campaigns(connection, principal.owner, given)
    job = await _new_job(gateway, principal, given, plan, name)
    unit = await gateway.resources.unit()
    try:
        with quota_problem(gateway.resources.clock.now()):
            due = await create_job(unit, job, plan.searches, region=given.region)
    except UnknownCampaignError as error:
        raise _unknown_campaign() from error
    finally:
        await tell_credits(gateway, request.scope, principal.owner)
    gateway.resources.crash.reach(CrashPoint.JOB_COMMITTED)
    message_id = await gateway.publication.publish(due)
    message = f"{row.label} job {'started' if due else 'queued'}"
    answer = CreatedAnswer(message=message, job_id=job.id, qstash_message_id=message_id)
    return Response(answer.encoded(), status_code=200, media_type="application/json")


@get(PATH)
async def poll_scraping_job(
    platform: FromPath[str],
    request: Request[Principal, None, State],
    gateway: NamedDependency[Gateway],
    principal: NamedDependency[Principal],
) -> Response[bytes]:
    """The job with all its creators, or 304 after one look at its row."""
    name = read_platform_name(platform)
    job_id = read_job_id(request.query_params.get("jobId"))
    if_none_match = read_if_none_match(request.scope)
    async with gateway.resources.database.connection() as connection:
        if if_none_match is not None:
            version = await read_version(connection, owner=principal.owner, platform=name, job_id=job_id)
            if version is not None and is_match(if_none_match, tag := tag_of_version(job_id, version)):
                return Response(b"", status_code=304, headers={**_PRIVATE, "ETag": tag})
        poll = await read_poll(connection, owner=principal.owner, platform=name, job_id=job_id)
    if poll is None:
        raise not_found()
    return Response(
        PollAnswer.of(poll).encoded(),
        headers={**_PRIVATE, "ETag": tag_of_version(job_id, poll)},
        media_type="application/json",
    )


async def _platform(connection: Connection, name: PlatformName) -> PlatformRow:
    row = await read_platform(connection, platform=name)
    if row is None:
        raise ProblemError(
            Kind.PLATFORM_NOT_STARTED,
            "No worker of this platform has started yet; try again in a moment.",
            retry_after_s=NOT_STARTED_RETRY_S,
        )
    return row


async def _check_campaigns(connection: Connection, owner: str, given: JobBody) -> None:
    """The job's own and those whose creators it leaves out are the caller's."""
    if given.campaign_id is not None and not await is_campaign(connection, owner=owner, campaign_id=given.campaign_id):
        raise _unknown_campaign()
    excluded = (given.filters.exclude_campaigns if given.filters else None) or ()
    own = {one for one in set(excluded) if await is_campaign(connection, owner=owner, campaign_id=one)}
    faults = [
        Fault(pointer=f"/filters/excludeCampaigns/{index}", code="unknown", message=_NOT_YOURS)
        for index, campaign_id in enumerate(excluded)
        if campaign_id not in own
    ]
    if faults:
        raise BodyError(faults[:FAULTS_MAX])


async def _new_job(gateway: Gateway, principal: Principal, given: JobBody, plan: JobPlan, name: PlatformName) -> NewJob:
    """The job with the limits in force now."""
    clock = gateway.resources.clock
    settings = await gateway.resources.settings.current()
    return NewJob(
        id=clock.new_id(),
        owner=principal.owner,
        created_by=principal.user_id,
        campaign_id=given.campaign_id,
        platform=name,
        mode=plan.mode,
        input=plan.input,
        filters=plan.filters,
        target_results=given.target_results,
        pages_max=settings.api.max_api_calls,
        credits_max=settings.api.max_credits_per_job,
        parallel_searches_max=settings.limits.parallel_searches_per_job,
        timeout=settings.timeouts.standard_job_timeout,
        delay_between_calls=settings.api.delay_between_calls,
        queue_until=clock.now() + max(settings.timeouts.queue_timeout, timedelta(seconds=1)),
    )


def _unknown_campaign() -> CallerError:
    return CallerError(_NOT_YOURS, pointer="/campaignId", code="unknown")
