"""Taking a delivered step, or finding out what else its message asks for."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from uuid import UUID

import structlog

from common.crash import CrashPoint
from common.db import ledger as ledger_table
from common.db import step as step_table
from common.db.job import lock_job
from common.db.step import Claim, ClaimRequest, StepView
from common.domain.message import StepMessage
from common.domain.step import DueStep
from common.messaging.topology import ACK_WAIT_S
from common.metric.process import Window
from common.resources.abandonment import give_up
from common.resources.process import Resources
from common.transaction.abandonment import Abandonment
from common.transaction.failure import end_if_overdue

log = structlog.get_logger()

LEASE = timedelta(seconds=ACK_WAIT_S)  # no longer, or the message comes again before the step may be claimed
NAK_MAX_S = 10.0


class Answer(StrEnum):
    """What becomes of the message."""

    ACK = "ack"
    TERM = "term"  # nothing that can be read; the advisory keeps it
    NAK = "nak"
    LEAVE = "leave"  # somebody else works on this very message now: an ack would delete it under them


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """`delay_s` counts for NAK. `reason` is a constant and `facts` are counts, both for the log."""

    answer: Answer
    reason: str
    delay_s: float = 0.0
    facts: Mapping[str, object] = field(default_factory=dict[str, object])


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """A step's message as it came: its place in the stream tells it from another message of the same step."""

    message: StepMessage
    sequence: int


async def claim(resources: Resources, delivery: Delivery, token: UUID) -> Claim | Reply:
    """The step under a fresh lease, or what to do with the message instead."""
    settings = await resources.settings.current()
    message = delivery.message
    request = ClaimRequest(
        search_id=message.search_id,
        step=message.step,
        generation=message.generation,
        token=token,
        lease=LEASE,
        sequence=delivery.sequence,
        attempts_max=settings.recovery.attempts_max,
    )
    async with resources.database.connection() as connection:
        claimed = await step_table.claim_step(connection, request)
        view = (
            None if claimed else await step_table.view_step(connection, search_id=message.search_id, step=message.step)
        )
    if claimed is None:
        return await _explain(resources, delivery, view, settings.recovery.attempts_max)
    resources.crash.reach(CrashPoint.STEP_CLAIMED)
    if claimed.has_open_calls:
        await _lose_calls(resources, claimed, token)
    return claimed


async def _lose_calls(resources: Resources, claimed: Claim, token: UUID) -> None:
    async with resources.database.transaction() as connection:
        await lock_job(connection, job_id=claimed.job_id)
        lost = await ledger_table.lose_open_calls(
            connection, job_id=claimed.job_id, search_id=claimed.search_id, step=claimed.step, token=token
        )
    resources.metrics.count_unknown(Window.CLAIMED, lost)
    log.warning("calls.lost", job_id=str(claimed.job_id), step=claimed.step, count=lost)
    resources.crash.reach(CrashPoint.CALLS_LOST)


async def _explain(resources: Resources, delivery: Delivery, view: StepView | None, attempts_max: int) -> Reply:
    message = delivery.message
    reason = _why_idle(view, message)
    if reason == "done":
        return await pass_on(resources, delivery, reason)
    if view is None or reason is not None:
        return Reply(answer=Answer.ACK, reason=reason or "unknown_step")
    if view.is_overdue:
        _, due = await end_if_overdue(await resources.unit(), message.job_id)
        resources.crash.reach(CrashPoint.OVERDUE_COMMITTED)
        await resources.hints.give(message.job_id)
        await resources.publication.publish(due)
        return Reply(answer=Answer.ACK, reason="overdue")
    remaining = view.lease_remaining.total_seconds() if view.lease_remaining else 0.0
    if remaining > 0:
        if view.claimed_sequence != delivery.sequence:
            return Reply(answer=Answer.ACK, reason="held_by_another_message")
        return Reply(answer=Answer.NAK, reason="held", delay_s=min(remaining + 0.1, NAK_MAX_S))
    if view.attempts >= attempts_max + (view.phase == "enrichment"):
        step = DueStep(
            job_id=message.job_id, search_id=message.search_id, step=message.step, generation=message.generation
        )
        await give_up(resources, step, Abandonment(reason="attempts_used_up", facts={"attempts": view.attempts}))
        return Reply(answer=Answer.ACK, reason="attempts_used_up")
    return Reply(answer=Answer.NAK, reason="raced", delay_s=1.0)


def _why_idle(view: StepView | None, message: StepMessage) -> str | None:
    """Why nothing is to be done for the message at all, None if there is something."""
    match view:
        case None:
            return "unknown_step"
        case StepView(phase="done"):
            return "done"
        case StepView(phase="held"):
            return "held_back"
        case StepView() if view.job_status.is_final or not view.is_admitted:
            return "not_active"
        case StepView() if message.generation != view.generation:
            return "old_generation"
        case _:
            return None


async def pass_on(resources: Resources, delivery: Delivery, reason: str) -> Reply:
    """The step is done, but who had it before may have died before it told QStash of the next one, or with pages in
    hand that it went on with: these are published, now or when their lease has run out."""
    message = delivery.message
    async with resources.database.connection() as connection:
        stranded = await step_table.stranded_steps(connection, search_id=message.search_id, step=message.step)
    await resources.publication.publish([step for step in stranded if step.lease_remaining is None])
    held = [
        step.lease_remaining.total_seconds()
        for step in stranded
        if step.lease_remaining is not None and step.claimed_sequence == delivery.sequence
    ]
    if held:
        return Reply(answer=Answer.NAK, reason="held", delay_s=min(max(held) + 0.1, NAK_MAX_S))
    return Reply(answer=Answer.ACK, reason=reason)
