"""A nats-server with our streams, and one that only lets a certain nkey in."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from nats.js import JetStreamContext

from common.messaging.connection import Messaging, connect_messaging
from common.settings import NatsSettings
from local.nats import Nats
from migrate.stream import provision


async def connect(server: Nats) -> Messaging:
    return await connect_messaging(NatsSettings(nats_url=server.url), name="test", on_lost=lambda: None)


@pytest.fixture
async def messaging(own_nats_server: Nats) -> AsyncIterator[Messaging]:
    """A connection to a server of this test alone, with its streams."""
    messaging = await connect(own_nats_server)
    await provision(messaging.jetstream, replicas=1)
    yield messaging
    await messaging.close()


@pytest.fixture
def jetstream(messaging: Messaging) -> JetStreamContext:
    return messaging.jetstream


class GuardedNats(Nats):
    """A server that lets in who signs as `user` alone."""

    user = ""

    def _config(self) -> str:
        return super()._config() + f'authorization {{ users: [{{ nkey: "{self.user}" }}] }}\n'


@pytest.fixture
def guarded_nats(request: pytest.FixtureRequest) -> Iterator[Nats]:
    """Parametrised by the public nkey that is let in."""
    server = type("Guarded", (GuardedNats,), {"user": request.param})
    with tempfile.TemporaryDirectory(prefix="creatorscout-") as folder, server.start(Path(folder), durable=False) as up:
        yield up


@pytest.fixture
def stop() -> asyncio.Event:
    return asyncio.Event()
