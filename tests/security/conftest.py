"""What is tested here takes long or starts much: `make security` runs it, with whatever else is marked `security`."""

import asyncio
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from common.messaging.connection import connect_messaging
from local.keyring import Keyring
from local.nats import Nats
from migrate.stream import provision

FOLDER = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if FOLDER in item.path.parents:
            item.add_marker(pytest.mark.security)
            item.add_marker(pytest.mark.server)


def provided(server: Nats) -> Nats:
    """With our streams and consumers, which migrate's identity makes, twice as at every deploy."""

    async def make() -> None:
        messaging = await connect_messaging(server.client_settings("migrate"), name="migrate", on_lost=lambda: None)
        for _ in range(2):
            await provision(messaging.jetstream, replicas=1)
        await messaging.close()

    asyncio.run(make())
    return server


@pytest.fixture(scope="module")
def nats() -> Iterator[Nats]:
    """A server on the shipped configuration, shared by one test file."""
    with tempfile.TemporaryDirectory(prefix="creatorscout-") as folder:
        keyring = Keyring.open(Path(folder) / "identities")
        with Nats.start(Path(folder) / "nats", keyring=keyring) as server:
            yield provided(server)


@pytest.fixture
def watched_nats() -> Iterator[Nats]:
    """The same for one test, which may look at everything as one more identity."""
    with tempfile.TemporaryDirectory(prefix="creatorscout-") as folder:
        keyring = Keyring.open(Path(folder) / "identities", has_tester=True)
        with Nats.start(Path(folder) / "nats", keyring=keyring) as server:
            yield provided(server)
