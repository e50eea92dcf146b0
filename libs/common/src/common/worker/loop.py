"""The worker's loop: pull a step when there is room and the platform may be called, perform it, answer."""

import asyncio
import contextlib
import time

import structlog
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from pydantic import ValidationError

from common.crash import CrashPoint
from common.db.pool import DATABASE_UNAVAILABLE
from common.domain.message import StepMessage
from common.messaging.pull import StepPuller
from common.tracing.hop import HEADER, NATS, receiving
from common.tracing.span import Span
from common.worker.claiming import Answer, Delivery, Reply
from common.worker.report import report, told
from common.worker.step import perform
from common.worker.turn import Tools

log = structlog.get_logger()

# More than one owner's searches can have due at once (5 jobs of 5 searches), so that they do not keep a step of another
# owner waiting in the stream; what the steps do at once is bounded by the fair slots of pages and profiles.
SLOTS = 64
PAUSE_LOOK_S = 1.0
GRACE_S = 15.0
FAULT_DELAY_S = 5.0


class WorkerLoop:
    """Performs up to `SLOTS` steps at once."""

    def __init__(self, tools: Tools, puller: StepPuller, *, grace_s: float = GRACE_S) -> None:
        self._tools = tools
        self._puller = puller
        self._grace_s = grace_s
        self._tasks: set[asyncio.Task[None]] = set()
        tools.metrics.show_hand(lambda: tools.hand.count)

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop`; then the puller is closed, what is in hand gets the grace and the rest is handed back."""
        while not stop.is_set():
            steps_max = await self._steps_allowed()
            self._tools.metrics.show_slots(steps_max)
            self._tools.hand.count_max = steps_max
            if self._tools.hand.count >= max(steps_max, 1):
                await self._room(stop)
                continue
            message = await self._puller.next(stop) if steps_max else await self._wait(stop)
            if message is not None:
                task = asyncio.create_task(self._handle(message))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
        self._tools.hand.count_max = 0
        # Before anything is handed back: the pull that was under way would be answered with it, and nobody reads that.
        with contextlib.suppress(NatsError):
            await self._puller.close()
        await self._hand_back()

    async def _room(self, stop: asyncio.Event) -> None:
        stopping = asyncio.ensure_future(stop.wait())
        # Not for ever: after a pause more are allowed soon.
        await asyncio.wait({stopping, *self._tasks}, timeout=PAUSE_LOOK_S, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()

    async def _steps_allowed(self) -> int:
        try:
            return await self._tools.gate.steps_allowed(SLOTS)
        except DATABASE_UNAVAILABLE as error:
            log.warning("database.unavailable", error=type(error).__name__)
            return 0

    async def _wait(self, stop: asyncio.Event) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), PAUSE_LOOK_S)

    async def _hand_back(self) -> None:
        if not self._tasks:
            return
        await asyncio.wait(self._tasks, timeout=self._grace_s)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _handle(self, message: Msg) -> None:
        """Perform it, answer, and write the one line and the one count of this delivery."""
        started = time.monotonic()
        delivery = _read(message)
        if delivery is None:
            # Not ours to understand, and repeating does not mend it: the advisory keeps it.
            facts = {"sequence": message.metadata.sequence.stream}
            reply = Reply(answer=Answer.TERM, reason="unreadable", facts=facts)
            await _answer(message, reply)
            self._report(message, reply, time.monotonic() - started)
            return
        structlog.contextvars.bind_contextvars(
            platform=self._tools.platform.name.value,
            job_id=str(delivery.message.job_id),
            search_id=str(delivery.message.search_id),
            step=delivery.message.step,
            generation=delivery.message.generation,
        )
        header = (message.headers or {}).get(HEADER)
        with (
            self._tools.hand.held(),
            receiving(delivery.message, system=NATS, destination=message.subject, header=header) as span,
        ):
            try:
                reply = await self._perform(message, delivery, span)
            except asyncio.CancelledError:
                reply = Reply(answer=Answer.NAK, reason="shutdown")
                await _answer(message, reply)
                self._report(message, reply, time.monotonic() - started)
                raise
            await _answer(message, reply)
            self._tools.resources.crash.reach(CrashPoint.MESSAGE_ANSWERED)
            span.tell({f"creatorscout.{name}": value for name, value in told(reply).items()})
            self._report(message, reply, time.monotonic() - started)

    async def _perform(self, message: Msg, delivery: Delivery, span: Span) -> Reply:
        deliveries = message.metadata.num_delivered
        span.tell({"creatorscout.platform": self._tools.platform.name.value, "creatorscout.deliveries": deliveries})
        try:
            return await perform(self._tools, delivery, message.in_progress)
        except Exception as error:  # noqa: BLE001 - the one place that answers for faults of ours
            span.fail(type(error).__name__)
            return self._broken(error)

    def _report(self, message: Msg, reply: Reply, seconds: float) -> None:
        report(self._tools.metrics, reply, seconds, deliveries=message.metadata.num_delivered)

    def _broken(self, error: Exception) -> Reply:
        """A fault of ours or of the database: bounded by the step's attempts, found again by its reference."""
        reference = self._tools.resources.clock.new_id().hex[-12:]
        if isinstance(error, DATABASE_UNAVAILABLE):
            log.warning("database.unavailable", error=type(error).__name__, reference=reference)
        else:
            log.error("step.broke", error=type(error).__name__, reference=reference, exc_info=error)
        return Reply(answer=Answer.NAK, reason="broken", delay_s=FAULT_DELAY_S)


def _read(message: Msg) -> Delivery | None:
    try:
        step = StepMessage.model_validate_json(message.data)
    except ValidationError:
        return None
    return Delivery(message=step, sequence=message.metadata.sequence.stream)


async def _answer(message: Msg, reply: Reply) -> None:
    try:
        match reply.answer:
            case Answer.ACK:
                await message.ack()
            case Answer.NAK:
                await message.nak(delay=reply.delay_s or None)
            case Answer.TERM:
                await message.term()
            case Answer.LEAVE:
                pass
    except NatsError as error:
        # Unanswered it comes again, and finds what was committed.
        log.warning("message.unanswered", error=type(error).__name__)
