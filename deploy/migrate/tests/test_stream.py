"""Provisioning on a real nats-server: makes what is missing, mends what differs, keeps what is stored."""

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from nats.js import JetStreamContext
from nats.js.errors import NotFoundError

from common.messaging.connection import connect_messaging
from common.messaging.topology import STEPS, STREAMS, consumers
from common.settings import NatsSettings
from local.nats import Nats
from migrate.stream import provision

ROOT = Path(__file__).parents[3]
MAKERS = re.compile(r"\.(?:add_stream|update_stream|add_consumer|update_consumer|delete_stream|pull_subscribe)\(")


@pytest.fixture
async def jetstream(own_nats_server: Nats) -> AsyncIterator[JetStreamContext]:
    settings = NatsSettings(nats_url=own_nats_server.url)
    messaging = await connect_messaging(settings, name="test", on_lost=lambda: None)
    yield messaging.jetstream
    await messaging.close()


async def state(jetstream: JetStreamContext) -> dict[str, Any]:
    """Each stream's and consumer's configuration and birth."""
    found: dict[str, Any] = {}
    for stream in STREAMS:
        assert stream.name is not None
        info = await jetstream.stream_info(stream.name)
        found[stream.name] = (info.config.as_dict(), info.created)
    for stream_name, consumer in consumers():
        assert consumer.durable_name is not None
        one = await jetstream.consumer_info(stream_name, consumer.durable_name)
        assert one.config is not None
        found[f"{stream_name}.{one.name}"] = (one.config.as_dict(), one.created)
    return found


async def test_it_makes_every_stream_and_consumer(jetstream: JetStreamContext) -> None:
    with pytest.raises(NotFoundError):
        await jetstream.stream_info(STEPS)
    await provision(jetstream, replicas=1)
    assert len(await state(jetstream)) == len(STREAMS) + len(consumers())


async def test_again_it_changes_nothing(jetstream: JetStreamContext) -> None:
    await provision(jetstream, replicas=1)
    before = await state(jetstream)
    await jetstream.publish("steps.tiktok", b"kept")
    await provision(jetstream, replicas=1)
    assert await state(jetstream) == before
    assert (await jetstream.stream_info(STEPS)).state.messages == 1


async def test_many_at_once_agree(jetstream: JetStreamContext) -> None:
    await asyncio.gather(*(provision(jetstream, replicas=1) for _ in range(5)))
    before = await state(jetstream)
    await provision(jetstream, replicas=1)
    assert await state(jetstream) == before


async def test_a_changed_stream_and_a_changed_consumer_are_mended(jetstream: JetStreamContext) -> None:
    """As after an upgrade that raised a limit; what is stored stays."""
    await provision(jetstream, replicas=1)
    before = await state(jetstream)
    await jetstream.publish("steps.tiktok", b"kept")
    stream = next(stream for stream in STREAMS if stream.name == STEPS)
    await jetstream.update_stream(stream.evolve(max_msgs_per_subject=5, max_bytes=10_000, num_replicas=1))
    name, consumer = consumers()[0]
    await jetstream.add_consumer(name, consumer.evolve(max_ack_pending=3, max_deliver=2))
    assert await state(jetstream) != before
    await provision(jetstream, replicas=1)
    assert await state(jetstream) == before
    assert (await jetstream.stream_info(STEPS)).state.messages == 1


async def test_a_deleted_consumer_comes_back(jetstream: JetStreamContext) -> None:
    await provision(jetstream, replicas=1)
    before = await state(jetstream)
    await jetstream.delete_consumer(STEPS, "tiktok")
    await provision(jetstream, replicas=1)
    assert (await state(jetstream)).keys() == before.keys()


def test_nobody_else_makes_streams() -> None:
    """Services only use what this command made, so that their rights can be narrow."""
    sources = [
        path
        for top in ("libs", "services", "deploy")
        for path in (ROOT / top).glob("*/src/**/*.py")
        if not {"migrate", "bench"} & set(path.parts)  # the benchmark empties the streams between two measurements
    ]
    assert len(sources) > 50
    assert [str(path.relative_to(ROOT)) for path in sources if MAKERS.search(path.read_text())] == []
    own = (ROOT / "deploy/migrate/src/migrate/stream.py").read_text()
    assert len(MAKERS.findall(own)) >= 3, "the guard knows what it looks for"
