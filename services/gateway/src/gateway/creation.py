"""From a wish to a job that is stored and on its way, whichever route it came by."""

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from common.crash import CrashPoint
from common.db.campaign import CampaignState, UnknownCampaignError, campaign_state, is_campaign
from common.db.idempotency import read_answer
from common.db.job import NewJob
from common.db.platform_state import PlatformRow, read_platform
from common.db.poll import JobView
from common.db.pool import Connection
from common.domain.job import PlatformName
from common.domain.setting import SystemSettings
from common.domain.step import DueStep
from common.errors import CallerError
from common.tracing.hop import note_job, now_ns
from common.transaction.creation import KeyInUseError, KeyUsedError, create_job, create_job_once
from gateway.answer.job import JobAnswer
from gateway.auth.principal import Principal
from gateway.body import FAULTS_MAX, BodyError, Wish
from gateway.composition import Gateway
from gateway.idempotency import Key, in_flight
from gateway.job_limit import effective_limits
from gateway.plan import JobPlan, plan_job
from gateway.problem import Fault, Kind, ProblemError
from gateway.quota import departure_problem, quota_problem

NOT_STARTED_RETRY_S = 10
_NOT_YOURS = "is not one of your campaigns"


@dataclass(frozen=True, slots=True, kw_only=True)
class Created:
    """A job that is committed and, if `is_started`, published: None if its message has to come from the sweep."""

    job_id: UUID
    label: str
    is_started: bool
    message_id: str | None


async def create(gateway: Gateway, principal: Principal, wish: Wish) -> Created:
    """Raises ProblemError or CallerError for what cannot be; what goes wrong after the commit fails nothing."""
    row, plan, job = await _prepare(gateway, principal, wish)
    unit, began_ns = await gateway.unit(principal), now_ns()
    with _problems(gateway):
        due = await create_job(unit, job, plan.searches, region=wish.region)
    _note(job, began_ns)
    message_id = await _publish(gateway, principal, due)
    return Created(job_id=job.id, label=row.label, is_started=bool(due), message_id=message_id)


async def create_once(gateway: Gateway, principal: Principal, wish: Wish, key: Key) -> tuple[bytes, bool]:
    """The first answer to this key as a job's document, and whether it was given before. Raises the same."""
    async with gateway.door(principal).connection() as connection:
        kept = await read_answer(connection, owner=principal.owner, key=key.text)
    if kept is not None:
        return key.check(kept), True
    _, plan, job = await _prepare(gateway, principal, wish)
    unit, began_ns = await gateway.unit(principal), now_ns()
    try:
        with _problems(gateway):
            due, answer = await create_job_once(
                unit, job, plan.searches, region=wish.region, repetition=key.repetition(_write)
            )
    except KeyInUseError:
        raise in_flight() from None
    except KeyUsedError:
        return await create_once(gateway, principal, wish, key)
    _note(job, began_ns)
    await _publish(gateway, principal, due)
    return answer.encode(), False


async def _prepare(gateway: Gateway, principal: Principal, wish: Wish) -> tuple[PlatformRow, JobPlan, NewJob]:
    async with gateway.door(principal).connection() as connection:
        row = await _platform(connection, wish.platform)
        plan = plan_job(wish, row)
        await _check_campaigns(connection, principal.owner, wish)
    settings = await gateway.resources.settings.current()
    return row, plan, _new_job(gateway, principal, wish, plan, settings)


async def _platform(connection: Connection, name: PlatformName) -> PlatformRow:
    row = await read_platform(connection, platform=name)
    if row is None:
        raise ProblemError(
            Kind.PLATFORM_NOT_STARTED,
            "No worker of this platform has started yet; try again in a moment.",
            retry_after_s=NOT_STARTED_RETRY_S,
        )
    return row


async def _check_campaigns(connection: Connection, owner: str, wish: Wish) -> None:
    """The job's own, which must not be archived, and those whose creators it leaves out are the caller's."""
    if wish.campaign_id is not None:
        state = await campaign_state(connection, owner=owner, campaign_id=wish.campaign_id)
        if state is None:
            raise _unknown_campaign()
        if state is CampaignState.ARCHIVED:
            raise CallerError("is archived", pointer="/campaignId", code="archived")
    excluded = (wish.filters.exclude_campaigns if wish.filters else None) or ()
    own = {one for one in set(excluded) if await is_campaign(connection, owner=owner, campaign_id=one)}
    faults = [
        Fault(pointer=f"/filters/excludeCampaigns/{index}", code="unknown", message=_NOT_YOURS)
        for index, campaign_id in enumerate(excluded)
        if campaign_id not in own
    ]
    if faults:
        raise BodyError(faults[:FAULTS_MAX])


def _new_job(gateway: Gateway, principal: Principal, wish: Wish, plan: JobPlan, settings: SystemSettings) -> NewJob:
    """The job with the limits in force now."""
    clock = gateway.resources.clock
    limits = effective_limits(wish.limits, settings)
    return NewJob(
        id=clock.new_id(),
        owner=principal.owner,
        created_by=principal.user_id,
        campaign_id=wish.campaign_id,
        platform=wish.platform,
        mode=plan.mode,
        input=plan.input,
        filters=plan.filters,
        tags=wish.tags,
        target_results=wish.target_results,
        pages_max=limits.pages_max,
        credits_max=limits.credits_max,
        parallel_searches_max=limits.parallel_searches_max,
        timeout=limits.timeout,
        delay_between_calls=settings.api.delay_between_calls,
        queue_until=clock.now() + max(settings.timeouts.queue_timeout, timedelta(seconds=1)),
    )


@contextmanager
def _problems(gateway: Gateway) -> Generator[None]:
    try:
        with quota_problem(gateway.resources.clock.now()), departure_problem():
            yield
    except UnknownCampaignError as error:
        raise _unknown_campaign() from error


def _note(job: NewJob, began_ns: int) -> None:
    """What its steps will lead back to."""
    facts = {"creatorscout.platform": str(job.platform), "creatorscout.mode": job.mode.value}
    note_job(job.id, facts, began_ns=began_ns)


async def _publish(gateway: Gateway, principal: Principal, due: Sequence[DueStep]) -> str | None:
    gateway.resources.crash.reach(CrashPoint.JOB_COMMITTED)
    return await gateway.publication.publish(gateway.door(principal), due)


def _write(view: JobView) -> str:
    return JobAnswer.of(view).encoded().decode()


def _unknown_campaign() -> CallerError:
    return CallerError(_NOT_YOURS, pointer="/campaignId", code="unknown")
