"""QStash gave up on a message of ours: its step is driven again under a new generation, a bounded number of times.

A lease held by a living worker means that the message did arrive, whatever QStash believes.
"""

import base64
import binascii
from datetime import timedelta
from typing import Annotated, Any

import structlog
from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError

from common.crash import CrashPoint
from common.db.delivery import read_delivered, redrive_after_failure
from common.db.step import view_step
from common.domain.message import JobMessage, StepMessage
from common.domain.step import DueStep
from common.resources.abandonment import give_up
from common.transaction.abandonment import Abandonment
from webhook.answer import Answer, Outcome
from webhook.composition import Webhook
from webhook.delivery import read_message, taken, told, why_unwanted
from webhook.problem import Kind, RefusalError
from webhook.reception import Received, refuse_replay, remember

DEAD_REASON = "undeliverable"
_FACT_LENGTH_MAX = 200
_STATUS_MAX = 999_999
_DIGITS_MAX = 6


def _number(value: object) -> int | None:
    """A number that QStash writes as one or as text. Never a reason to refuse: it is for people."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value if 0 <= value <= _STATUS_MAX else None
    is_decimal = isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) <= _DIGITS_MAX
    return int(str(value)) if is_decimal else None


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
    await refuse_replay(webhook, received)
    callback = FailureCallback.read(received.raw)
    structlog.contextvars.bind_contextvars(**callback.facts)
    message = callback.message
    if isinstance(message, JobMessage):
        return Answer(Outcome.IGNORED, {"reason": "no_step"})
    with taken(received, message, destination="job-failed") as span:
        answer = await _answer(webhook, received, callback, message)
        span.tell(told(answer))
        return answer


async def _answer(webhook: Webhook, received: Received, callback: FailureCallback, message: StepMessage) -> Answer:
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
        webhook.resources.crash.reach(CrashPoint.REDRIVE_COMMITTED)
        await webhook.resources.publication.publish([due])
        await remember(webhook, received)
        return Answer(Outcome.REDRIVEN, {"generation": due.generation})
    reason = await _why_kept(webhook, message, redrives_max)
    if reason is not None:
        return Answer(Outcome.IGNORED, {"reason": reason})
    why = Abandonment(reason=DEAD_REASON, facts=callback.facts)
    reference = await give_up(webhook.resources, _step_of(message), why)
    if reference is None:
        return Answer(Outcome.IGNORED, {"reason": "step_moved"})
    await remember(webhook, received)
    return Answer(Outcome.GIVEN_UP, {"reference": reference})


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
    return None


def _step_of(message: StepMessage) -> DueStep:
    return DueStep(job_id=message.job_id, search_id=message.search_id, step=message.step, generation=message.generation)
