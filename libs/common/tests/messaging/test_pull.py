"""Pulling steps from a real server: one at a time, through a restart, and awake at once when told to stop."""

import asyncio
import time
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
from nats.aio.msg import Msg

from common.domain.message import StepMessage
from common.messaging.connection import Messaging, connect_messaging
from common.messaging.publish import publish_step
from common.messaging.pull import FETCH_S, StepPuller
from common.messaging.topology import STEPS
from common.settings import NatsSettings
from local.nats import Nats


@pytest.fixture
async def puller(messaging: Messaging) -> AsyncIterator[StepPuller]:
    puller = StepPuller(messaging, "tiktok")
    await puller.open()
    yield puller
    await puller.close()


async def publish(messaging: Messaging, step: int, platform: str = "tiktok") -> None:
    message = StepMessage(job_id=uuid4(), search_id=uuid4(), step=step, generation=0)
    await publish_step(messaging.jetstream, platform, message)


def step_of(message: Msg | None) -> int:
    assert message is not None
    return StepMessage.model_validate_json(message.data).step


async def pull(puller: StepPuller, stop: asyncio.Event, within_s: float = 20) -> Msg:
    """The next step, however often the puller comes back without one."""
    async with asyncio.timeout(within_s):
        while True:
            if (message := await puller.next(stop)) is not None:
                return message


async def test_steps_come_one_at_a_time_in_their_order(
    messaging: Messaging, puller: StepPuller, stop: asyncio.Event
) -> None:
    for step in range(5):
        await publish(messaging, step)
    await publish(messaging, 99, "youtube")
    messages = [await pull(puller, stop) for _ in range(5)]
    assert [step_of(message) for message in messages] == [0, 1, 2, 3, 4]
    for message in messages:
        await message.ack_sync()
    assert (await messaging.jetstream.stream_info(STEPS)).state.messages == 1, "done ones are gone"


async def test_a_step_that_comes_while_it_waits_is_had_at_once(
    messaging: Messaging, puller: StepPuller, stop: asyncio.Event
) -> None:
    waiting = asyncio.create_task(puller.next(stop))
    await asyncio.sleep(0)
    await publish(messaging, 7)
    began = time.monotonic()
    assert step_of(await waiting) == 7
    assert time.monotonic() - began < FETCH_S - 1


async def test_stop_wakes_it_at_once(puller: StepPuller, stop: asyncio.Event) -> None:
    """Also if it was set before."""
    waiting = asyncio.create_task(puller.next(stop))
    asyncio.get_running_loop().call_later(0.2, stop.set)
    began = time.monotonic()
    assert await waiting is None
    assert time.monotonic() - began < FETCH_S - 1
    assert await puller.next(stop) is None
    assert time.monotonic() - began < FETCH_S


async def test_after_a_stop_it_pulls_again(messaging: Messaging, puller: StepPuller, stop: asyncio.Event) -> None:
    """The pull that was given up may take a step with it: that one comes again when its time to acknowledge is over."""
    stop.set()
    assert await puller.next(stop) is None
    stop.clear()
    for step in range(2):
        await publish(messaging, step)
    assert step_of(await pull(puller, stop)) in (0, 1)


async def test_nothing_leaves_its_tasks_behind(puller: StepPuller, stop: asyncio.Event) -> None:
    before = len(asyncio.all_tasks())
    for _ in range(5):
        waiting = asyncio.create_task(puller.next(stop))
        await asyncio.sleep(0)
        stop.set()
        await waiting
        stop.clear()
    await asyncio.sleep(0)
    assert len(asyncio.all_tasks()) == before


async def test_a_restart_of_the_server_is_survived(
    own_nats_server: Nats, messaging: Messaging, puller: StepPuller, stop: asyncio.Event
) -> None:
    """A pull that was under way, a step that was stored before, and one that comes after."""
    await publish(messaging, 1)
    first = await pull(puller, stop)
    await first.ack_sync()
    await publish(messaging, 2, "youtube")
    waiting = asyncio.create_task(puller.next(stop))
    await asyncio.sleep(0.1)
    own_nats_server.restart()
    await asyncio.wait_for(messaging.reconnected.wait(), 10)
    async with asyncio.timeout(1):
        assert await waiting is None, "the deaf pull is given up at the reconnect, not at its own end"
    await publish(messaging, 3)
    again = await pull(puller, stop)
    assert step_of(again) == 3
    await again.ack_sync()
    own_nats_server.kill()
    own_nats_server.restart()
    await publish(messaging, 4)
    assert step_of(await pull(puller, stop)) == 4
    assert (await messaging.jetstream.stream_info(STEPS)).state.messages == 2, "what was stored is still there"


async def test_a_consumer_that_is_gone_does_not_make_it_spin(
    messaging: Messaging, puller: StepPuller, stop: asyncio.Event
) -> None:
    await messaging.jetstream.delete_consumer(STEPS, "tiktok")
    began = time.monotonic()
    for _ in range(2):
        assert await puller.next(stop) is None
    assert time.monotonic() - began > 0.5


async def test_a_connection_closes_while_its_server_is_gone(own_nats_server: Nats) -> None:
    """And whoever closes it has not lost it."""
    lost: list[str] = []
    settings = NatsSettings(nats_url=own_nats_server.url)
    messaging = await connect_messaging(settings, name="test", on_lost=lambda: lost.append("lost"))
    own_nats_server.kill()
    async with asyncio.timeout(5):
        while messaging.is_connected:
            await asyncio.sleep(0.01)
        await messaging.close()
    assert messaging.client.is_closed
