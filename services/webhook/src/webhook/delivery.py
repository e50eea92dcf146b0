"""A delivery of QStash's becomes a message in the platform's stream.

The rule: QStash hears 2xx only after the stream's acknowledgement, and everything before it can be repeated: the
message's id names step and generation, so the stream keeps one, whatever is lost on the way.
"""

from uuid import UUID

import structlog
from pydantic import TypeAdapter, ValidationError

from common.crash import CrashPoint
from common.db.delivery import Delivered, Routed, accept_delivery, note_delivered, read_delivered
from common.db.job import owner_of
from common.db.step import due_steps
from common.domain.message import JobMessage, StepMessage
from common.messaging.publish import publish_step
from common.qstash.publisher import DESTINATION
from common.tracing.hop import QSTASH, receiving
from common.tracing.span import Span, SpanKind, Wish, open_span
from webhook.answer import Answer, Outcome
from webhook.composition import Webhook
from webhook.problem import Kind, RefusalError
from webhook.reception import Received, refuse_replay, remember

_MESSAGE: TypeAdapter[StepMessage | JobMessage] = TypeAdapter(StepMessage | JobMessage)


def read_message(raw: bytes) -> StepMessage | JobMessage:
    """The message in a body. Raises RefusalError: what cannot be read now never can."""
    try:
        message = _MESSAGE.validate_json(raw)
    except ValidationError:
        raise RefusalError(Kind.NONSENSE, "message_malformed") from None
    structlog.contextvars.bind_contextvars(
        **{name: value if isinstance(value, int) else str(value) for name, value in message}
    )
    return message


async def deliver(webhook: Webhook, received: Received) -> Answer:
    """Put what the message names into the stream. Raises RefusalError, StreamUnavailableError."""
    message = read_message(received.raw)
    with taken(received, message, destination=DESTINATION) as span:
        match message:
            case StepMessage():
                answer = await _deliver_step(webhook, received, message)
            case JobMessage(job_id=job_id):
                answer = await _deliver_due(webhook, received, job_id)
        span.tell(told(answer))
        return answer


def taken(received: Received, message: StepMessage | JobMessage, *, destination: str) -> Span:
    """The span of a delivery that is believed, in the trace of the step that it names."""
    if isinstance(message, JobMessage):
        facts = {"creatorscout.job_id": str(message.job_id)}
        return open_span(Wish(name=f"process {destination}", kind=SpanKind.CONSUMER, facts=facts, is_first=True))
    return receiving(
        message,
        system=QSTASH,
        destination=destination,
        header=received.traceparent,
        began_ns=received.began_ns,
    )


def told(answer: Answer) -> dict[str, str | int]:
    return {
        "creatorscout.outcome": answer.outcome.value,
        **{f"creatorscout.{name}": value for name, value in answer.facts.items()},
    }


async def _deliver_step(webhook: Webhook, received: Received, message: StepMessage) -> Answer:
    async with webhook.resources.database.connection() as connection:
        row = await read_delivered(connection, search_id=message.search_id, step=message.step, jti=received.jti)
    if row is None:
        await refuse_replay(webhook, received)
    elif row.is_replay:
        raise RefusalError(Kind.REPLAYED, "replay")
    wanted = known_row(row, message)
    reason = why_unwanted(wanted, message)
    if reason is not None:
        return Answer(Outcome.IGNORED, {"reason": reason})
    sequence = await _route(webhook, wanted.platform, message)
    routed = Routed(
        search_id=message.search_id,
        step=message.step,
        generation=message.generation,
        stream_sequence=sequence,
        jti=received.jti,
        message_id=received.message_id,
    )
    async with webhook.resources.database.connection() as connection:
        is_first = await accept_delivery(connection, routed)
    webhook.resources.crash.reach(CrashPoint.DELIVERY_REMEMBERED)
    if not is_first:
        raise RefusalError(Kind.REPLAYED, "replay")
    return Answer(Outcome.ACCEPTED, {"sequence": sequence})


async def _deliver_due(webhook: Webhook, received: Received, job_id: UUID) -> Answer:
    """The old body names a job alone: whatever of it is due now and held by nobody, at the generation it has."""
    await refuse_replay(webhook, received)
    async with webhook.resources.database.connection() as connection:
        if await owner_of(connection, job_id=job_id) is None:
            raise RefusalError(Kind.NONSENSE, "job_unknown")
        due = [step.message for step in await due_steps(connection, job_id=job_id) if not step.delay]
        rows = [await read_delivered(connection, search_id=step.search_id, step=step.step) for step in due]
    if not due:
        return Answer(Outcome.IGNORED, {"reason": "nothing_due"})
    for message, row in zip(due, rows, strict=True):
        sequence = await _route(webhook, known_row(row, message).platform, message)
        await _note(webhook, message, sequence)
    await remember(webhook, received)
    return Answer(Outcome.ACCEPTED, {"steps": len(due)})


async def _route(webhook: Webhook, platform: str, message: StepMessage) -> int:
    with webhook.metrics.publishing():
        sequence = await publish_step(webhook.resources.messaging.jetstream, platform, message)
    webhook.resources.crash.reach(CrashPoint.DELIVERY_ROUTED)
    return sequence


async def _note(webhook: Webhook, message: StepMessage, sequence: int) -> None:
    async with webhook.resources.database.connection() as connection:
        await note_delivered(
            connection,
            search_id=message.search_id,
            step=message.step,
            generation=message.generation,
            stream_sequence=sequence,
        )


def known_row(row: Delivered | None, message: StepMessage) -> Delivered:
    """The step's row. Raises RefusalError: a message is published after the commit that made its row, so what has
    none, or another job's, or a generation that was never given, is nonsense."""
    if row is None:
        raise RefusalError(Kind.NONSENSE, "step_unknown")
    if row.job_id != message.job_id:
        raise RefusalError(Kind.NONSENSE, "job_mismatched")
    if row.generation < message.generation:
        raise RefusalError(Kind.NONSENSE, "generation_unknown")
    return row


def why_unwanted(row: Delivered, message: StepMessage) -> str | None:
    """Why a step needs no worker any more, None if it does."""
    if row.job_status.is_final:
        return "job_final"
    if row.generation > message.generation:
        return "generation_old"
    if row.phase == "done":
        return "step_done"
    if row.phase == "held":
        return "step_held"
    return None
