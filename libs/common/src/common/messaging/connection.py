"""The NATS door: one connection a process, that reconnects for ever and tells when it did."""

import asyncio
import contextlib
import re
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import structlog
from nats.aio.client import Client
from nats.errors import ConnectionReconnectingError
from nats.js import JetStreamContext

from common.errors import ConfigurationError
from common.messaging.nkey import read_nkey
from common.settings import NatsSettings

log = structlog.get_logger()

CONNECT_MAX_S = 10.0
_DENIAL = re.compile(r"permissions violation for (publish|subscription) to ([^,]+)", re.IGNORECASE)


@dataclass(slots=True)
class Messaging:
    """An open connection. `reconnected` is set at each reconnect: a pull that was under way then is deaf
    (nats-py 2.16: fetch waits to its own timeout), so whoever pulls waits for this too."""

    client: Client
    jetstream: JetStreamContext
    reconnected: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def is_connected(self) -> bool:
        return self.client.is_connected

    async def close(self) -> None:
        """Flush and close. Subscriptions must be gone by now: drain would wait for their queues."""
        try:
            await self.client.drain()
        except (ConnectionReconnectingError, TimeoutError, OSError):
            # OSError: the server hung up, and the client has not noticed yet.
            with contextlib.suppress(OSError):
                await self.client.close()


def _tell_nobody(_change: str) -> None:
    """For who counts nothing."""


async def connect_messaging(
    settings: NatsSettings,
    *,
    name: str,
    on_lost: Callable[[], None],
    on_change: Callable[[str], None] = _tell_nobody,
) -> Messaging:
    """Connect. Raises ConfigurationError if no server lets us in within ten seconds.

    `on_lost` is called if the client gives up for good, `on_change` with each reconnected, disconnected, denied.
    """
    reconnected = asyncio.Event()
    is_open = False

    async def when_reconnected() -> None:
        reconnected.set()
        on_change("reconnected")
        log.info("nats.reconnected")

    async def when_disconnected() -> None:
        on_change("disconnected")
        log.warning("nats.disconnected")

    async def when_closed() -> None:
        if is_open:
            on_lost()

    async def when_failed(error: Exception) -> None:
        if _tell_fault(error):
            on_change("denied")

    client = Client()
    options = _protection(client, settings)
    try:
        async with asyncio.timeout(CONNECT_MAX_S):
            await client.connect(
                settings.nats_url,
                name=name,
                max_reconnect_attempts=-1,
                reconnect_time_wait=1,
                ping_interval=10,
                max_outstanding_pings=2,
                reconnected_cb=when_reconnected,
                disconnected_cb=when_disconnected,
                closed_cb=when_closed,
                error_cb=when_failed,
                inbox_prefix=f"_INBOX_{name}".encode(),
                **options,
            )
    except TimeoutError:
        # It would go on trying for ever.
        await client.close()
        raise ConfigurationError(f"NATS_URL: no server let us in within {CONNECT_MAX_S:.0f} s") from None
    is_open = True
    return Messaging(client=client, jetstream=client.jetstream(timeout=2), reconnected=reconnected)


def _tell_fault(error: Exception) -> bool:
    """Whether it is a denial. That shows up only here: to who publishes it looks like a timeout, to who subscribes
    like silence."""
    if denial := _DENIAL.search(str(error)):
        log.error("nats.denied", operation=denial[1].lower(), subject=denial[2].strip("\"' "))
        return True
    log.warning("nats.failed", error=type(error).__name__, detail=str(error))
    return False


def _protection(client: Client, settings: NatsSettings) -> dict[str, Any]:
    """How we prove who we are, and whom we believe."""
    options: dict[str, Any] = {}
    if settings.nats_nkey_seed_file:
        nkey = read_nkey(settings.nats_nkey_seed_file)
        client._public_nkey = nkey.public  # pyright: ignore[reportPrivateUsage] # its own way needs a source package
        options["signature_cb"] = nkey.sign
    if settings.nats_ca_file:
        options["tls"] = _trust(settings.nats_ca_file)
        # Without it nats-py 2.16 follows whatever a plaintext INFO says, also an impostor's.
        options["tls_handshake_first"] = True
    return options


def _trust(ca_file: str) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=ca_file)
    except OSError:  # ssl.SSLError is one
        raise ConfigurationError("NATS_CA_FILE: is not a readable file of certificates") from None
