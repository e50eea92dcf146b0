"""Makes JetStream's streams and consumers what `common.messaging.topology` describes. Only this command may."""

import structlog
from nats.js import JetStreamContext
from nats.js.errors import BadRequestError

from common.messaging.topology import STREAMS, consumers

log = structlog.get_logger()

STREAM_EXISTS = 10058


async def provision(jetstream: JetStreamContext, *, replicas: int) -> None:
    """Create or update every stream and consumer. Safe to repeat and to run many times at once."""
    for stream in STREAMS:
        config = stream.evolve(num_replicas=replicas)
        try:
            await jetstream.add_stream(config)
        except BadRequestError as error:
            if error.err_code != STREAM_EXISTS:
                raise
            await jetstream.update_stream(config)
        log.info("stream.provisioned", stream=stream.name)
    for stream_name, consumer in consumers():
        await jetstream.add_consumer(stream_name, consumer)
        log.info("consumer.provisioned", stream=stream_name, consumer=consumer.durable_name)
