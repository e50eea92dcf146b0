"""The streams and consumers as the server understood them."""

import asyncio

import pytest
from nats.js import JetStreamContext

from common.domain.job import PlatformName
from common.messaging.topology import (
    ACK_WAIT_S,
    ADVISORIES,
    HEARTBEAT_S,
    STEPS,
    STREAMS,
    SWEEP,
    consumers,
    message_id,
    progress_subject,
    step_subject,
)


def test_each_platform_has_the_consumer_and_the_subject_of_its_name() -> None:
    made = [(stream, consumer.durable_name, consumer.filter_subject) for stream, consumer in consumers()]
    assert made == [
        *((STEPS, platform.value, f"steps.{platform.value}") for platform in PlatformName),
        (ADVISORIES, SWEEP, None),
    ]
    assert {stream.name for stream in STREAMS} == {STEPS, ADVISORIES}


def test_names() -> None:
    assert step_subject(PlatformName.TIKTOK) == step_subject("tiktok") == "steps.tiktok"
    assert progress_subject("j") == "progress.j"
    assert message_id("s", 3, 1) == "s:3:1"
    assert len({message_id("s", step, generation) for step in range(12) for generation in range(12)}) == 144


def test_several_heartbeats_fit_into_the_time_to_acknowledge() -> None:
    assert HEARTBEAT_S * 3 < ACK_WAIT_S


async def test_the_server_took_every_limit_as_it_is_described(jetstream: JetStreamContext) -> None:
    for stream in STREAMS:
        assert stream.name is not None
        config = (await jetstream.stream_info(stream.name)).config
        wanted = {name: value for name, value in stream.as_dict().items() if value}
        taken = config.as_dict()
        assert {name: taken.get(name) for name in wanted} == wanted
    for stream_name, consumer in consumers():
        assert consumer.durable_name is not None
        info = await jetstream.consumer_info(stream_name, consumer.durable_name)
        assert info.config is not None
        wanted = {name: value for name, value in consumer.as_dict().items() if value}
        taken = info.config.as_dict()
        assert {name: taken.get(name) for name in wanted} == wanted


@pytest.mark.parametrize("platform", PlatformName)
async def test_a_step_reaches_its_platform_alone(jetstream: JetStreamContext, platform: PlatformName) -> None:
    await jetstream.publish(step_subject(platform), b"{}")
    async with asyncio.timeout(10):  # the server counts a moment after it has stored
        while (await jetstream.consumer_info(STEPS, platform)).num_pending != 1:
            await asyncio.sleep(0.01)
    others = [await jetstream.consumer_info(STEPS, other) for other in PlatformName if other is not platform]
    assert {info.num_pending for info in others} == {0}
