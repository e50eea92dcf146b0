"""How much waits in the stream for a platform: the number by which its workers are scaled."""

from nats.js import JetStreamContext

from common.messaging.topology import STEPS


async def queue_lag(jetstream: JetStreamContext, platform: str) -> tuple[int, int]:
    """Steps that no worker was given yet, and steps that were given and not answered.

    Raises nats' errors, NotFoundError if `migrate` has not made the consumer.
    """
    info = await jetstream.consumer_info(STEPS, platform)
    return info.num_pending or 0, info.num_ack_pending or 0
