"""FastStream: a durable subscriber on JetStream that acknowledges after the handler, so many handlers at once."""

import asyncio

import nats
import uvloop
from faststream import AckPolicy, FastStream
from faststream.nats import JStream, NatsBroker
from nats.js.api import RetentionPolicy
from work import ENGINE, SLOTS, Work, dispatch

work = Work()
broker = NatsBroker(ENGINE)
stream = JStream(name="FASTSTREAM", retention=RetentionPolicy.WORK_QUEUE)


@broker.subscriber(
    "faststream",
    queue="faststream",
    durable="faststream",
    stream=stream,
    max_workers=SLOTS,
    ack_policy=AckPolicy.NACK_ON_ERROR,
)
async def step(body: dict[str, int]) -> None:
    job, number = body["job"], body["step"]
    await work.perform(job, number, lambda: _publish(job, number + 1))


async def _publish(job: int, number: int) -> None:
    await broker.publish({"job": job, "step": number}, "faststream", stream="FASTSTREAM")


async def _prepare() -> None:
    """So that the first message may come before the first worker."""
    client = await nats.connect(ENGINE)
    await client.jetstream().add_stream(
        name="FASTSTREAM", subjects=["faststream"], retention=RetentionPolicy.WORK_QUEUE
    )
    await client.close()


async def _enqueue(jobs: range) -> None:
    async with broker:
        for job in jobs:
            await _publish(job, 0)


def _work() -> None:
    work.load()
    uvloop.run(FastStream(broker).run())


if __name__ == "__main__":
    dispatch(
        worker=_work,
        enqueue=lambda jobs: asyncio.run(_enqueue(jobs)),
        prepare=lambda: asyncio.run(_prepare()),
    )
