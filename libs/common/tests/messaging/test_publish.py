"""Publishing a step: stored once, or an error that says it was not."""

import asyncio
import time
from typing import Any
from uuid import uuid4

import nats
import pytest
from nats.js import JetStreamContext

from common.domain.message import StepMessage
from common.messaging.connection import Messaging
from common.messaging.publish import StreamUnavailableError, publish_step
from common.messaging.topology import STEPS
from local.nats import Nats


def message(**changes: Any) -> StepMessage:
    return StepMessage(**{"job_id": uuid4(), "search_id": uuid4(), "step": 0, "generation": 0} | changes)


async def stored(jetstream: JetStreamContext) -> int:
    return (await jetstream.stream_info(STEPS)).state.messages


async def test_a_step_is_stored_as_it_was_said(jetstream: JetStreamContext) -> None:
    sent = message(step=4, generation=2)
    sequence = await publish_step(jetstream, "tiktok", sent)
    kept = await jetstream.get_msg(STEPS, sequence)
    assert kept.subject == "steps.tiktok"
    assert kept.data is not None
    assert StepMessage.model_validate_json(kept.data) == sent
    assert kept.headers is not None
    assert kept.headers["Nats-Msg-Id"] == f"{sent.search_id}:4:2"


async def test_the_same_step_is_stored_once_whoever_repeats_it(jetstream: JetStreamContext) -> None:
    sent = message()
    sequences = await asyncio.gather(*(publish_step(jetstream, "tiktok", sent) for _ in range(20)))
    assert len(set(sequences)) == 1
    assert await stored(jetstream) == 1


async def test_another_step_or_generation_is_another_message(jetstream: JetStreamContext) -> None:
    sent = message()
    others = [sent, message(search_id=sent.search_id, step=1), message(search_id=sent.search_id, generation=1)]
    sequences = [await publish_step(jetstream, "tiktok", other) for other in others]
    assert sequences == sorted(set(sequences))
    assert await stored(jetstream) == 3


async def test_a_full_subject_refuses_and_others_go_on(
    own_nats_server: Nats, messaging: Messaging, jetstream: JetStreamContext
) -> None:
    """It is asked once: there is no use in trying again."""
    config = (await jetstream.stream_info(STEPS)).config
    await jetstream.update_stream(config.evolve(max_msgs_per_subject=2))
    for _ in range(2):
        await publish_step(jetstream, "tiktok", message())
    async with await nats.connect(own_nats_server.url) as listener:
        heard = await listener.subscribe("steps.tiktok")
        await listener.flush()
        with pytest.raises(StreamUnavailableError, match="stream refused the step"):
            await publish_step(jetstream, "tiktok", message())
        await messaging.client.flush()
        await listener.flush()
        assert heard.pending_msgs == 1
    await publish_step(jetstream, "youtube", message())
    assert await stored(jetstream) == 3


async def test_without_the_stream_nothing_is_stored(messaging: Messaging, jetstream: JetStreamContext) -> None:
    await jetstream.delete_stream(STEPS)
    with pytest.raises(StreamUnavailableError):
        await publish_step(jetstream, "tiktok", message())
    assert messaging.is_connected


async def test_a_server_that_is_gone_is_told_within_seconds(
    own_nats_server: Nats, messaging: Messaging, jetstream: JetStreamContext
) -> None:
    """And the step goes through once it is back: the same message, stored once."""
    sent = message()
    own_nats_server.kill()
    began = time.monotonic()
    with pytest.raises(StreamUnavailableError, match="did not acknowledge"):
        await publish_step(jetstream, "tiktok", sent)
    assert time.monotonic() - began < 8
    own_nats_server.restart()
    await asyncio.wait_for(messaging.reconnected.wait(), 10)
    sequence = await publish_step(jetstream, "tiktok", sent)
    assert await publish_step(jetstream, "tiktok", sent) == sequence
    assert await stored(jetstream) == 1
