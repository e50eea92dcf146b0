"""The sweep: finds what a crash or an outage left behind, and sets it going again or ends it.

One replica at a time. Everything it does is a compare-and-set or repeats a deterministic publication, so two sweeps
beside each other, which a lost lock may cause, do no harm.
"""

import asyncio
import json
import time
from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager
from datetime import timedelta
from uuid import UUID

import structlog
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.js.errors import APIError, NotFoundError
from pydantic import ValidationError

from common.crash import CrashPoint
from common.db import delivery as delivery_table
from common.db import idempotency as idempotency_table
from common.db import ledger as ledger_table
from common.db import owner as owner_table
from common.db import quota as quota_table
from common.db import sweep as sweep_table
from common.db.pool import DATABASE_FAULTS, Connection
from common.db.sweep import StalledStep
from common.domain.message import StepMessage
from common.domain.step import DueStep
from common.messaging.topology import ADVISORIES, STEPS, SWEEP
from common.metric.process import Window
from common.qstash.publisher import QStashUnavailableError
from common.resources.abandonment import give_up
from common.resources.process import Resources
from common.tracing.hop import repairing
from common.tracing.span import Wish, open_span
from common.transaction.abandonment import Abandonment
from common.transaction.admission import admit_next
from common.transaction.failure import break_job, conclude_job, end_if_overdue
from common.transaction.ledger import lose_stale_calls
from common.transaction.lock import UnknownJobError
from common.transaction.quota import release_leftover
from webhook.census import take_census
from webhook.composition import SWEEP_PATH
from webhook.departure import see_off
from webhook.purge import Bounds, purge

log = structlog.get_logger()

UNPUBLISHED_AFTER = timedelta(seconds=10)
JTI_KEPT = timedelta(minutes=10)
IDEMPOTENCY_KEPT = timedelta(hours=48)  # promised: a day at least
MINUTES_KEPT = timedelta(hours=1)
STALE_CALL_AFTER = timedelta(seconds=30)  # longer than a lease
CHORE_MAX = timedelta(seconds=8)  # of a kind of removal: jobs that run wait for the next sweep meanwhile
ADVISORIES_MAX = 100
FAULT_WAIT_S = 1.0
SCHEDULE_ID = "creatorscout-sweep"
SCHEDULE_CRON = "* * * * *"


async def run_sweep(resources: Resources, stop: asyncio.Event) -> None:
    """Sweep every `recovery.sweep_every` until `stop`. An outage of Postgres or NATS only skips a turn.

    QStash is asked to call the sweep's route every minute too: then a sweep also comes if this loop does not.
    """
    is_scheduled = False
    while not stop.is_set():
        is_scheduled = is_scheduled or await _keep_schedule(resources)
        settings = None
        try:
            await sweep_once(resources)
            settings = await resources.settings.current()
        except (NatsError, APIError, *DATABASE_FAULTS) as error:
            resources.metrics.sweep.count_skipped()
            log.warning("sweep.skipped", error=type(error).__name__)
        wait_s = settings.recovery.sweep_every.total_seconds() if settings else FAULT_WAIT_S
        try:
            await asyncio.wait_for(stop.wait(), resources.clock.jitter(max(wait_s, FAULT_WAIT_S)))
        except TimeoutError:
            continue


async def _keep_schedule(resources: Resources) -> bool:
    try:
        await resources.publisher.keep_schedule(path=SWEEP_PATH, schedule_id=SCHEDULE_ID, cron=SCHEDULE_CRON)
    except QStashUnavailableError as error:
        log.warning("schedule.not_kept", error=str(error))
        return False
    return True


async def sweep_once(resources: Resources) -> dict[str, int]:
    """One sweep; returns how many repairs of each kind it made. Nothing if another replica sweeps just now.

    What it looks for it reads on the connection that holds its lock; each repair is a transaction of its own. What the
    repairs of a kind make due is published together: a QStash that hangs holds a sweep up a few times and not for each.
    """
    repairs: Counter[str] = Counter()
    metrics = resources.metrics.sweep
    began = time.monotonic()
    async with resources.database.transaction() as guard:
        if not await sweep_table.try_sweep_lock(guard):
            metrics.show(None)
            return {}
        await _end_overdue(resources, guard, repairs)
        await _redrive_stalled(resources, guard, repairs)
        await _read_advisories(resources, repairs)
        await _admit_waiting(resources, guard, repairs)
        await _conclude_idle(resources, guard, repairs)
        await _lose_stale_calls(resources, guard, repairs)
        await _release_leftovers(resources, guard, repairs)
        async with resources.database.connection() as connection:
            await delivery_table.delete_old_deliveries(connection, older_than=JTI_KEPT)
            await idempotency_table.forget_keys(connection, older_than=IDEMPOTENCY_KEPT)
            await quota_table.forget_minutes(connection, older_than=MINUTES_KEPT)
        await see_off(resources, ends_at=resources.clock.now() + CHORE_MAX)
        await purge(resources, Bounds(ends_at=resources.clock.now() + CHORE_MAX))
    metrics.show(await take_census(resources))
    metrics.note_sweep(time.monotonic() - began)
    made = dict(+repairs)  # without the kinds of which none was needed
    for kind, count in made.items():
        metrics.count_repairs(kind, count)
    if made:
        log.warning("sweep.repaired", **made)
    return made


@contextmanager
def _apart(**facts: str) -> Generator[None]:
    """One repair that Postgres refuses does not keep the others from being made. A job that was deleted meanwhile
    needs none."""
    try:
        yield
    except UnknownJobError:
        log.debug("repair.not_needed", **facts)
    except DATABASE_FAULTS as error:
        log.error("repair.failed", error=type(error).__name__, **facts)


async def _end_overdue(resources: Resources, guard: Connection, repairs: Counter[str]) -> None:
    jobs = await sweep_table.overdue_jobs(guard)
    admitted: list[DueStep] = []
    for job_id in jobs:
        with _apart(job_id=str(job_id)):
            is_ended, due = await end_if_overdue(await resources.unit(), job_id)
            admitted += due
            repairs["ended_overdue"] += is_ended
            resources.crash.reach(CrashPoint.OVERDUE_COMMITTED)
            await resources.hints.give(job_id)
    await resources.publication.publish(admitted)


async def _redrive_stalled(resources: Resources, guard: Connection, repairs: Counter[str]) -> None:
    settings = await resources.settings.current()
    steps = await sweep_table.stalled_steps(
        guard, stalled_after=settings.recovery.stalled_after, unpublished_after=UNPUBLISHED_AFTER
    )
    if not steps:
        return
    with open_span(Wish(name="sweep stalled steps", facts={"creatorscout.steps": len(steps)}, is_first=True)):
        due: list[DueStep] = []
        for step in steps:
            if not step.is_published:
                due.append(step.due)
            elif not await _is_in_stream(resources, step):
                due.extend(await _raise(resources, step))
        published = await resources.publication.publish(due)
    if due:
        repairs["redriven"] += sum(message_id is not None for message_id in published)


async def _raise(resources: Resources, step: StalledStep) -> list[DueStep]:
    with repairing(step, "raise generation"):
        async with resources.database.connection() as connection:
            raised = await sweep_table.raise_generation(
                connection, search_id=step.search_id, step=step.step, generation=step.generation
            )
    resources.crash.reach(CrashPoint.GENERATION_RAISED)
    return [raised] if raised else []


async def _is_in_stream(resources: Resources, step: StalledStep) -> bool:
    """Whether JetStream still has the step's message: then it is JetStream's to deliver.

    A stream that was lost and made anew counts from one again: what stands in the place may be another's.
    """
    if step.stream_sequence is None:
        return False
    stored = await _stored_step(resources, step.stream_sequence)
    return stored is not None and (stored.search_id, stored.step) == (step.search_id, step.step)


async def _stored_step(resources: Resources, sequence: int) -> StepMessage | None:
    try:
        stored = await resources.messaging.jetstream.get_msg(STEPS, sequence)
        return StepMessage.model_validate_json(stored.data or b"")
    except (NotFoundError, ValidationError):
        return None


async def _read_advisories(resources: Resources, repairs: Counter[str]) -> None:
    """Messages that JetStream gave up: their steps are looked at, then they leave the stream."""
    subscription = await resources.messaging.jetstream.pull_subscribe_bind(SWEEP, stream=ADVISORIES)
    try:
        for _ in range(ADVISORIES_MAX):
            try:
                messages = await subscription.fetch(1, timeout=0.2)
            except TimeoutError:
                return
            for advisory in messages:
                repairs["given_up_messages"] += await _take_advisory(resources, advisory)
                await advisory.ack()
    finally:
        await subscription.unsubscribe()


async def _take_advisory(resources: Resources, advisory: Msg) -> int:
    try:
        sequence = int(json.loads(advisory.data)["stream_seq"])
    except (ValueError, KeyError, TypeError):
        log.error("advisory.unreadable")
        return 0
    message = await _stored_step(resources, sequence)
    if message is not None:
        with repairing(message, "give up message"):
            await _redrive_given_up(resources, message)
        resources.crash.reach(CrashPoint.ADVISORY_ANSWERED)
    try:
        await resources.messaging.jetstream.delete_msg(STEPS, sequence)
    except (NotFoundError, APIError):
        log.debug("message.gone", sequence=sequence)
    resources.crash.reach(CrashPoint.MESSAGE_DELETED)
    return 1


async def _redrive_given_up(resources: Resources, message: StepMessage) -> None:
    """JetStream delivered this too often: a new generation while the step has re-drives left, then a dead letter.

    Under a pause of its platform that is nobody's fault: then it is driven again and not counted.
    """
    settings = await resources.settings.current()
    async with resources.database.connection() as connection:
        if await sweep_table.is_paused(connection, job_id=message.job_id):
            await sweep_table.raise_generation(
                connection, search_id=message.search_id, step=message.step, generation=message.generation
            )
            return
        due = await delivery_table.redrive_after_failure(
            connection,
            search_id=message.search_id,
            step=message.step,
            generation=message.generation,
            redrives_max=settings.recovery.redrives_max,
        )
    if due is not None:
        resources.crash.reach(CrashPoint.REDRIVE_COMMITTED)
        await resources.publication.publish([due])
        return
    stuck = DueStep(
        job_id=message.job_id, search_id=message.search_id, step=message.step, generation=message.generation
    )
    await give_up(resources, stuck, Abandonment(reason="max_deliver", facts={}))


async def _admit_waiting(resources: Resources, guard: Connection, repairs: Counter[str]) -> None:
    settings = await resources.settings.current()
    owners = await owner_table.owners_with_a_turn(
        guard, active_jobs_max=settings.limits.active_jobs_per_owner, count_max=sweep_table.BATCH_MAX
    )
    admitted: list[DueStep] = []
    for owner in owners:
        with _apart(owner=owner):
            async with resources.database.transaction() as connection:
                await owner_table.lock_owner(connection, owner=owner)
                due = await admit_next(
                    connection, resources.clock, owner=owner, active_jobs_max=settings.limits.active_jobs_per_owner
                )
            admitted += due
            resources.crash.reach(CrashPoint.ADMISSION_COMMITTED)
            repairs["admitted"] += len({step.job_id for step in due})
    await resources.publication.publish(admitted)


async def _conclude_idle(resources: Resources, guard: Connection, repairs: Counter[str]) -> None:
    settings = await resources.settings.current()
    jobs = await sweep_table.idle_jobs(guard, idle_for=settings.recovery.stalled_after)
    admitted: list[DueStep] = []
    for job_id in jobs:
        with _apart(job_id=str(job_id)):
            admitted += await _conclude(resources, job_id)
            repairs["concluded"] += 1
    await resources.publication.publish(admitted)


async def _conclude(resources: Resources, job_id: UUID) -> list[DueStep]:
    is_moved, due = await conclude_job(await resources.unit(), job_id)
    if not is_moved:
        reference = resources.clock.new_id().hex[-12:]
        log.error("job.stuck", job_id=str(job_id), reference=reference)
        _, due = await break_job(await resources.unit(), job_id, reference=reference)
    resources.crash.reach(CrashPoint.CONCLUSION_COMMITTED)
    await resources.hints.give(job_id)
    return due


async def _lose_stale_calls(resources: Resources, guard: Connection, repairs: Counter[str]) -> None:
    """Calls whose process is gone and whose step nobody will claim, because its job is final: they count as charged."""
    found = await ledger_table.stale_calls(guard, older_than=STALE_CALL_AFTER, count_max=sweep_table.BATCH_MAX)
    for stale in found:
        with _apart(job_id=str(stale.job_id)):
            lost = await lose_stale_calls(await resources.unit(), stale)
            resources.metrics.count_unknown(Window.SWEPT, lost)
            repairs["lost_calls"] += lost


async def _release_leftovers(resources: Resources, guard: Connection, repairs: Counter[str]) -> None:
    jobs = await quota_table.unreleased_jobs(guard, count_max=sweep_table.BATCH_MAX)
    for job_id in jobs:
        with _apart(job_id=str(job_id)):
            repairs["released_credits"] += await release_leftover(await resources.unit(), job_id)
