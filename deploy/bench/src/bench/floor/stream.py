"""JetStream between measurements, and the first message of each job."""

from collections.abc import Iterable

from nats.js.errors import NotFoundError

from bench.floor.tape import JobKey
from common.domain.message import StepMessage
from common.messaging.connection import connect_messaging
from common.messaging.publish import publish_step
from common.messaging.topology import STREAMS
from common.settings import NatsSettings
from migrate.stream import provision


async def empty_streams(settings: NatsSettings) -> None:
    """As new, also what they remember of the ids of messages."""
    messaging = await connect_messaging(settings, name="tester", on_lost=_ignore)
    try:
        for stream in STREAMS:
            assert stream.name is not None
            try:
                await messaging.jetstream.delete_stream(stream.name)
            except NotFoundError:
                continue
        await provision(messaging.jetstream, replicas=1)
    finally:
        await messaging.close()


async def publish_first(settings: NatsSettings, jobs: Iterable[JobKey]) -> None:
    messaging = await connect_messaging(settings, name="tester", on_lost=_ignore)
    try:
        for job in jobs:
            message = StepMessage(job_id=job.job_id, search_id=job.search_id, step=0, generation=0)
            await publish_step(messaging.jetstream, "tiktok", message)
    finally:
        await messaging.close()


def _ignore() -> None:
    """Whoever publishes next will notice."""
