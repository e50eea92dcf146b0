"""Putting a step into its platform's stream, durably, or saying that it could not be."""

import asyncio

from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from nats.js.errors import APIError

from common.domain.message import StepMessage
from common.errors import RetryError
from common.messaging.topology import STEPS, message_id, step_subject
from common.tracing.hop import NATS, headers_of, sending

TRIES = 3
TIMEOUT_S = 2.0


class StreamUnavailableError(RetryError):
    """The stream did not take the message: down, full, or no acknowledgement in time (then it may be stored)."""


async def publish_step(jetstream: JetStreamContext, platform: str, message: StepMessage) -> int:
    """Store the step and return its stream sequence. Repeating it is safe: the id is the same."""
    subject = step_subject(platform)
    with sending(message, system=NATS, destination=subject) as span:
        identity = message_id(message.search_id, message.step, message.generation)
        sequence = await _publish(jetstream, subject, message, {"Nats-Msg-Id": identity, **headers_of(span)})
        span.tell({"messaging.message.id": identity, "creatorscout.sequence": sequence})
        return sequence


async def _publish(jetstream: JetStreamContext, subject: str, message: StepMessage, headers: dict[str, str]) -> int:
    payload = message.model_dump_json().encode()
    for attempt in range(TRIES):
        try:
            ack = await jetstream.publish(subject, payload, stream=STEPS, headers=headers, timeout=TIMEOUT_S)
        except APIError as error:
            raise StreamUnavailableError(f"stream refused the step: {error.err_code}") from error
        except (NatsError, TimeoutError):
            await asyncio.sleep(0.1 * (attempt + 1))
        else:
            return ack.seq
    raise StreamUnavailableError("stream did not acknowledge the step")
