"""nats-py alone: publish, fetch, acknowledge, one message after the other; `python -m bench.handoff.raw COUNT` prints
the seconds from each publication's beginning to the message's being in hand, as JSON."""

import asyncio
import json
import sys
import time
from uuid import uuid4

import uvloop
from nats.js import JetStreamContext

from common.log import configure_logging
from common.messaging.connection import connect_messaging
from common.settings import NatsSettings, read_settings

_MESSAGE = json.dumps({"jobId": str(uuid4()), "searchId": str(uuid4()), "step": 1, "generation": 0}).encode()
_FETCH_S = 5.0


async def _measure(count: int) -> list[float]:
    (settings,) = read_settings(NatsSettings)
    assert isinstance(settings, NatsSettings)
    messaging = await connect_messaging(settings, name="tester", on_lost=_ignore)
    jetstream = messaging.client.jetstream()
    subscription = await jetstream.pull_subscribe_bind("tiktok", stream="STEPS")
    taken = [await _hand_over(jetstream, subscription) for _ in range(count)]
    await subscription.unsubscribe()
    await messaging.close()
    return taken


async def _hand_over(jetstream: JetStreamContext, subscription: JetStreamContext.PullSubscription) -> float:
    waiting = asyncio.ensure_future(subscription.fetch(1, timeout=_FETCH_S))
    await asyncio.sleep(0)
    began = time.perf_counter()
    await jetstream.publish("steps.tiktok", _MESSAGE, stream="STEPS", headers={"Nats-Msg-Id": str(uuid4())})
    (message,) = await waiting
    taken = time.perf_counter() - began
    await message.ack()
    return taken


def _ignore() -> None:
    """It is also called when we hang up; what is lost before that ends in a timeout."""


if __name__ == "__main__":
    configure_logging(level="ERROR", form="console", stream=sys.stderr)  # stdout is for the answer
    print(json.dumps(uvloop.run(_measure(int(sys.argv[1])))))
