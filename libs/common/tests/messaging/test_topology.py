"""The streams and consumers as the server understood them."""

import asyncio

import pytest
from nats.js import JetStreamContext

from common.db.pool import GATE_WAIT_S
from common.db.profile import CLAIM_SPARED
from common.domain.job import PlatformName
from common.messaging.topology import (
    ACK_WAIT_S,
    ADVISORIES,
    HEARTBEAT_AGAIN_S,
    HEARTBEAT_S,
    STEPS,
    STREAMS,
    SWEEP,
    consumers,
    message_id,
    progress_subject,
    step_subject,
)
from common.worker.claiming import LEASE


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


def test_who_is_refused_a_connection_once_still_has_its_lease_at_the_next_try() -> None:
    assert HEARTBEAT_S + GATE_WAIT_S + HEARTBEAT_AGAIN_S < LEASE.total_seconds() == ACK_WAIT_S


def test_what_a_dead_worker_began_to_buy_is_free_when_its_step_is_taken_over() -> None:
    """Its last claim of a profile is as old as the lease, but for what the last heartbeat added."""
    assert CLAIM_SPARED.total_seconds() < ACK_WAIT_S - HEARTBEAT_S


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
