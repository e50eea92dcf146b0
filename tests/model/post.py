"""The way of a message: QStash, the webhook, the stream; and what may go wrong on it."""

import base64
import json
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from uuid import uuid4

from nats.js.errors import NotFoundError

from common.domain.message import StepMessage
from common.messaging.topology import STEPS
from webhook.composition import Webhook
from webhook.delivery import deliver
from webhook.failure import handle_failure
from webhook.problem import Kind, RefusalError
from webhook.reception import Received
from webhook.sweep import sweep_once

from .plant import Plant
from .process import Fate, Process
from .upstream import PLATFORM

GIVEN_UP = f"$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.{STEPS}.{PLATFORM.name}"


@dataclass
class Post:
    """`stream` is what JetStream has, by sequence; what it gave up it delivers no more."""

    plant: Plant
    webhook: Process
    stream: dict[int, StepMessage] = field(default_factory=dict[int, StepMessage])
    given_up: set[int] = field(default_factory=set[int])
    last: int = 0  # the sequence that was given last

    @classmethod
    async def begin(cls, plant: Plant) -> "Post":
        plant.qstash.begin()
        await plant.empty_streams()
        last = (await plant.messaging.jetstream.stream_info(STEPS)).state.last_seq
        return cls(plant, plant.process(), last=last)

    @property
    def stored(self) -> list[int]:
        """What the stream delivers."""
        return [sequence for sequence in sorted(self.stream) if sequence not in self.given_up]

    async def hand_out(self, pick: int) -> int | None:
        """One of the messages, from the stream, or that QStash delivers just now; None if there is none."""
        waiting, stored = self.plant.qstash.waiting, self.stored
        if not waiting and not stored:
            return None
        place = pick % (len(waiting) + len(stored))
        if place >= len(waiting):
            return stored[place - len(waiting)]
        before = self.last
        await self.route(place, Fate())
        return self.last if self.last > before else None

    async def route(self, pick: int, fate: Fate) -> None:
        """QStash delivers a message; it is gone there once the webhook has said so."""
        waiting = self.plant.qstash.waiting
        if not waiting:
            return
        message = waiting[pick % len(waiting)]
        received = _received(message.model_dump_json(by_alias=True).encode())
        if await self._ask(partial(deliver, received=received), fate):
            waiting.remove(message)
        await self._read_stream()

    async def route_all(self) -> None:
        for _ in range(len(self.plant.qstash.waiting)):
            await self.route(0, Fate())

    async def fail(self, pick: int, fate: Fate) -> None:
        """QStash gives up on a message, whether it arrived or not."""
        ever = self.plant.qstash.ever
        if not ever:
            return
        message = ever[pick % len(ever)]
        source = base64.b64encode(message.model_dump_json(by_alias=True).encode()).decode()
        received = _received(json.dumps({"status": 503, "retried": 3, "sourceBody": source}).encode())
        if await self._ask(partial(handle_failure, received=received), fate):
            self.plant.qstash.waiting[:] = [one for one in self.plant.qstash.waiting if one != message]

    async def sweep(self, fate: Fate) -> None:
        repairs = await self.webhook.alone(sweep_once(self.webhook.resources), fate)
        self.plant.tally.update({f"sweep: {kind}": count for kind, count in (repairs or {}).items()})
        await self._replace()
        for sequence in list(self.given_up):
            if not await self._is_there(sequence):
                self.given_up.discard(sequence)
                self.stream.pop(sequence, None)

    async def _ask(self, handle: Any, fate: Fate) -> bool:
        """Whether QStash got an answer that it takes for the last one."""
        webhook: Webhook = self.plant.webhook(self.webhook)

        async def answer() -> bool:
            try:
                await handle(webhook)
            except RefusalError as error:
                if error.kind not in (Kind.NONSENSE, Kind.REPLAYED):
                    raise
            return True

        is_answered = await self.webhook.alone(answer(), fate)
        await self._replace()
        return bool(is_answered)

    async def _replace(self) -> None:
        if self.webhook.life.is_dead:
            self.webhook = self.plant.process()

    async def give_up(self, pick: int) -> None:
        """JetStream delivers a message no more and tells so."""
        if self.stream:
            sequence = sorted(self.stream)[pick % len(self.stream)]
            self.given_up.add(sequence)
            await self._tell(sequence)

    async def tell_again(self) -> None:
        """Whoever heard of what was given up may have died of it: JetStream tells again after a while."""
        for sequence in self.given_up:
            await self._tell(sequence)

    async def _tell(self, sequence: int) -> None:
        advisory = json.dumps({"stream_seq": sequence, "deliveries": 50}).encode()
        await self.plant.messaging.jetstream.publish(GIVEN_UP, advisory)

    async def lose(self, pick: int) -> None:
        """A message is gone, from QStash or from the stream."""
        waiting, stored = self.plant.qstash.waiting, sorted(self.stream)
        if not waiting and not stored:
            return
        place = pick % (len(waiting) + len(stored))
        if place < len(waiting):
            waiting.pop(place)
        else:
            await self.delete(stored[place - len(waiting)])

    async def delete(self, sequence: int) -> None:
        """It is acknowledged, or lost."""
        if self.stream.pop(sequence, None) is not None:
            self.given_up.discard(sequence)
            await self.plant.messaging.jetstream.delete_msg(STEPS, sequence)

    async def _read_stream(self) -> None:
        jetstream = self.plant.messaging.jetstream
        last = (await jetstream.stream_info(STEPS)).state.last_seq
        for sequence in range(self.last + 1, last + 1):
            stored = await jetstream.get_msg(STEPS, sequence)
            self.stream[sequence] = StepMessage.model_validate_json(stored.data or b"")
        self.last = last

    async def _is_there(self, sequence: int) -> bool:
        try:
            await self.plant.messaging.jetstream.get_msg(STEPS, sequence)
        except NotFoundError:
            return False
        return True


def _received(raw: bytes) -> Received:
    return Received(raw=raw, jti=uuid4().hex, message_id=None, traceparent=None, began_ns=0)
