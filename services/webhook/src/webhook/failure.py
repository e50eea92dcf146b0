"""QStash gave up on a message of ours: its step is driven again under a new generation, a bounded number of times.

A lease held by a living worker means that the message did arrive, whatever QStash believes.
"""

import base64
import binascii
from datetime import timedelta
from typing import Annotated, Any

import structlog
from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError

from common.db.dead_letter import DeadLetter, insert_dead_letter
from common.db.delivery import read_delivered, redrive_after_failure
from common.db.step import view_step
from common.domain.message import JobMessage, StepMessage
from common.domain.step import DueStep
from common.transaction.failure import fail_undeliverable
from webhook.answer import Answer, Outcome
from webhook.composition import Webhook
from webhook.delivery import read_message, why_unwanted
from webhook.problem import Kind, RefusalError
from webhook.reception import Received, remember

log = structlog.get_logger()

DEAD_REASON = "undeliverable"
_FACT_LENGTH_MAX = 200
_STATUS_MAX = 999_999


def _number(value: object) -> int | None:
    """A number that QStash writes as one or as text. Never a reason to refuse: it is for people."""
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) <= 6:
        value = int(value)
    is_count = isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _STATUS_MAX
    return value if is_count else None


def _label(value: object) -> str | None:
    is_plain = isinstance(value, str) and value.isascii() and value.isprintable()
    return str(value)[:_FACT_LENGTH_MAX] if is_plain else None


Number = Annotated[int | None, BeforeValidator(_number)]
Label = Annotated[str | None, BeforeValidator(_label)]


class FailureCallback(BaseModel):
    """QStash's report of a message that it will not deliver: only what we read of it.

    Its types differ between QStash's documentation and its samples, so only the source body has to be right.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    sourceBody: str  # noqa: N815 - QStash's names
    sourceMessageId: Label = None  # noqa: N815
    dlqId: Label = None  # noqa: N815
    status: Number = None
    retried: Number = None

    @classmethod
    def read(cls, raw: bytes) -> "FailureCallback":
        """Raises RefusalError."""
        try:
            return cls.model_validate_json(raw)
        except ValidationError:
            raise RefusalError(Kind.NONSENSE, "callback_malformed") from None

    @property
    def message(self) -> StepMessage | JobMessage:
        """What could not be delivered. Raises RefusalError."""
        try:
            return read_message(base64.b64decode(self.sourceBody, validate=True))
        except (binascii.Error, ValueError):
            raise RefusalError(Kind.NONSENSE, "callback_malformed") from None

    @property
    def facts(self) -> dict[str, Any]:
        return {
            "delivery_status": self.status,
            "delivery_retried": self.retried,
            "source_message_id": self.sourceMessageId,
            "dlq_id": self.dlqId,
        }


async def handle_failure(webhook: Webhook, received: Received) -> Answer:
    """Drive the step again, give it up, or leave it to whoever has it. Raises RefusalError."""
    callback = FailureCallback.read(received.raw)
    structlog.contextvars.bind_contextvars(**callback.facts)
    message = callback.message
    if isinstance(message, JobMessage):
        return Answer(Outcome.IGNORED, {"reason": "no_step"})
    redrives_max = (await webhook.resources.settings.current()).recovery.redrives_max
    async with webhook.resources.database.connection() as connection:
        row = await read_delivered(connection, search_id=message.search_id, step=message.step)
        if row is None or row.job_id != message.job_id:
            return Answer(Outcome.IGNORED, {"reason": "step_unknown"})
        due = await redrive_after_failure(
            connection,
            search_id=message.search_id,
            step=message.step,
            generation=message.generation,
            redrives_max=redrives_max,
        )
    if due is not None:
        await webhook.resources.publication.publish([due])
        await remember(webhook, received)
        return Answer(Outcome.REDRIVEN, {"generation": due.generation})
    reason = await _why_kept(webhook, message, redrives_max)
    if reason is not None:
        return Answer(Outcome.IGNORED, {"reason": reason})
    return await _give_up(webhook, received, callback, message)


async def _why_kept(webhook: Webhook, message: StepMessage, redrives_max: int) -> str | None:
    """Why a step that was not driven again is not given up either, None if it is to be."""
    async with webhook.resources.database.connection() as connection:
        row = await read_delivered(connection, search_id=message.search_id, step=message.step)
        view = await view_step(connection, search_id=message.search_id, step=message.step)
    if row is None or view is None:
        return "step_unknown"
    unwanted = why_unwanted(row, message)
    if unwanted is not None:
        return unwanted
    if view.lease_remaining is not None and view.lease_remaining > timedelta(0):
        return "step_leased"
    if row.generation != message.generation or row.redrives_count < redrives_max:
        return "step_moved"  # between the two looks; the sweep sees to it
    return "enrichment" if row.phase == "enrichment" else None  # its page is paid for: the sweep drives it on


async def _give_up(webhook: Webhook, received: Received, callback: FailureCallback, message: StepMessage) -> Answer:
    """End the step's search, and with the last one its job. What becomes free is published."""
    resources = webhook.resources
    letter_id = resources.clock.new_id()
    reference = letter_id.hex[-12:]
    step = DueStep(job_id=message.job_id, search_id=message.search_id, step=message.step, generation=message.generation)
    due = await fail_undeliverable(await resources.unit(), step, reference=reference)
    async with resources.database.connection() as connection:
        row = await read_delivered(connection, search_id=message.search_id, step=message.step)
        if row is None or row.phase != "done":
            return Answer(Outcome.IGNORED, {"reason": "step_claimed"})
        letter = DeadLetter(
            id=letter_id,
            job_id=message.job_id,
            search_id=message.search_id,
            step=message.step,
            generation=message.generation,
            reason=DEAD_REASON,
            details={"reference": reference, **callback.facts},
        )
        if not await insert_dead_letter(connection, letter):
            return Answer(Outcome.IGNORED, {"reason": "step_done"})  # another callback was faster
    log.error("step.given_up", reference=reference)
    await resources.publication.publish(due)
    await remember(webhook, received)
    return Answer(Outcome.GIVEN_UP, {"reference": reference})
