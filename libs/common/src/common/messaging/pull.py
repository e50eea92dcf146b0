"""Pulling steps from a platform's consumer, one at a time, around the traps of nats-py 2.16.

fetch(1) only: fetch(n) stalls. A fetch that was under way when the server went is deaf until its own timeout, so it
is raced against the reconnect and issued anew.
"""

import asyncio

import structlog
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.js import JetStreamContext

from common.messaging.connection import Messaging
from common.messaging.topology import STEPS

log = structlog.get_logger()

FETCH_S = 5.0
FAULT_WAIT_S = 0.5


class StepPuller:
    """One durable pull consumer. `migrate` made it; binding to one that is not there fails at the first fetch."""

    def __init__(self, messaging: Messaging, platform: str) -> None:
        self._messaging = messaging
        self._platform = platform
        self._subscription: JetStreamContext.PullSubscription | None = None

    async def open(self) -> None:
        self._subscription = await self._messaging.jetstream.pull_subscribe_bind(self._platform, stream=STEPS)

    async def next(self, stop: asyncio.Event) -> Msg | None:
        """The next step, or None after five seconds, at a reconnect, at `stop`, or after a fault."""
        assert self._subscription is not None
        self._messaging.reconnected.clear()
        fetch = asyncio.ensure_future(self._subscription.fetch(1, timeout=FETCH_S))
        wakers = [
            asyncio.ensure_future(self._messaging.reconnected.wait()),
            asyncio.ensure_future(stop.wait()),
        ]
        try:
            await asyncio.wait({fetch, *wakers}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for waker in wakers:
                waker.cancel()
        if not fetch.done():
            fetch.cancel()
            await asyncio.gather(fetch, return_exceptions=True)
            return None
        return await _result(fetch)

    async def close(self) -> None:
        """Unsubscribe; before a drain, which would wait for the subscription's queue."""
        if self._subscription is not None:
            await self._subscription.unsubscribe()


async def _result(fetch: "asyncio.Future[list[Msg]]") -> Msg | None:
    try:
        messages = fetch.result()
    except TimeoutError:
        return None
    except (NatsError, ConnectionError) as error:
        # JetStream down or the consumer missing answers at once: do not spin.
        log.warning("steps.unavailable", error=type(error).__name__)
        await asyncio.sleep(FAULT_WAIT_S)
        return None
    return messages[0] if messages else None
