"""Hints on a real nats-server: heard by who watches, and no trouble to who gives them."""

import asyncio
from uuid import uuid4

from common.crash import Crash, CrashPoint
from common.messaging.connection import Messaging, connect_messaging
from common.messaging.hint import Hints
from common.settings import NatsSettings
from local.nats import Nats


async def test_a_hint_is_heard_by_who_watches_and_says_nothing_but_the_job(messaging: Messaging) -> None:
    passed: list[str] = []
    hints = Hints(messaging, Crash(CrashPoint.HINT_PUBLISHED, die=lambda: passed.append("here")))
    subscription = await messaging.client.subscribe("progress.*")
    job_id = uuid4()
    await hints.give(job_id)
    heard = await subscription.next_msg(timeout=5)
    assert (heard.subject, heard.data) == (f"progress.{job_id}", b"")
    assert passed == ["here"]
    await subscription.unsubscribe()


async def test_a_hint_that_cannot_be_given_is_no_fault(own_nats_server: Nats) -> None:
    settings = NatsSettings(nats_url=own_nats_server.url)
    messaging = await connect_messaging(settings, name="test", on_lost=lambda: None)
    hints = Hints(messaging, Crash())
    await messaging.client.close()
    async with asyncio.timeout(5):
        await hints.give(uuid4())
