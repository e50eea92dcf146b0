"""Carries each message through its life: waits, attempts, callbacks, the end. One task per message, no polling."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from local.qstash.account import Account, Record, now_ms
from local.qstash.callback import callback_body
from local.qstash.delivery import Post
from local.qstash.header import Pairs, first
from local.qstash.message import Answer, DeadLetter, Message, State
from local.qstash.option import Callback
from local.qstash.order import Gate
from local.qstash.switch import Switchboard
from local.qstash.verdict import Delivered, Failed, Retry, judge

CALLBACK_TYPE = ("Content-Type", "application/json")


@dataclass(frozen=True, slots=True)
class Draft:
    """A message before it is accepted: where to, what, and the headers that its options are read from."""

    url: str
    body: bytes
    published: Pairs
    caller_ip: str
    schedule_id: str | None = None


class Courier:
    """`make` turns a callback's draft into a message, as if it had been published."""

    def __init__(self, post: Post, board: Switchboard, make: Callable[[Draft], Message]) -> None:
        self._post = post
        self._board = board
        self._make = make
        self._gate = Gate()
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def task_count(self) -> int:
        return len(self._tasks)

    def accept(self, account: Account, message: Message) -> None:
        """Write the message down and start its life."""
        self._start(self._carry(account, account.create(message)))

    def copy(self, account: Account, record: Record) -> None:
        """Deliver the message once more, whatever became of it. Nothing follows from the answer."""
        self._start(self._deliver_copy(account, record))

    async def drain(self, timeout_s: float) -> bool:
        """Wait until nothing is under way or waits for its time; false if that takes longer."""
        try:
            async with asyncio.timeout(timeout_s):
                while self._tasks:
                    await asyncio.wait(self._tasks, return_when=asyncio.FIRST_COMPLETED)
        except TimeoutError:
            return False
        return True

    async def stop(self) -> None:
        """End all tasks; their messages are not delivered."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._gate = Gate()

    def _start(self, life: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(life)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _carry(self, account: Account, record: Record) -> None:
        wait = timedelta(milliseconds=record.message.not_before_ms - now_ms())
        while not record.is_finished:
            await self._rest(record, wait)
            if record.is_cancel_requested:
                account.finish(record, State.CANCELED)
                break
            account.note(record, State.ACTIVE)
            answer = await self._attempt(account, record)
            wait = self._conclude(account, record, answer)

    async def _rest(self, record: Record, wait: timedelta) -> None:
        seconds = wait.total_seconds() * self._board.now.time_factor
        if seconds <= 0:
            return
        record.wake.clear()
        record.is_waiting = not record.is_cancel_requested
        try:
            async with asyncio.timeout(seconds if record.is_waiting else 0):
                await record.wake.wait()
        except TimeoutError:
            return
        finally:
            record.is_waiting = False

    async def _attempt(self, account: Account, record: Record) -> Answer:
        if record.retried:
            return await self._post.deliver(account, record)
        is_held = await self._gate.enter(self._board.now.reorder)
        try:
            self._start_copies(account, record)
            answer = await self._post.deliver(account, record)
        finally:
            if is_held:
                self._gate.leave()
        self._start_copies(account, record, is_later=True)
        return answer

    def _start_copies(self, account: Account, record: Record, *, is_later: bool = False) -> None:
        switches = self._board.now
        if is_later == (switches.duplicate_delay_s > 0):
            for _ in range(switches.duplicate):
                self._start(self._deliver_copy(account, record, switches.duplicate_delay_s))

    async def _deliver_copy(self, account: Account, record: Record, delay_s: float = 0.0) -> None:
        await asyncio.sleep(delay_s)
        await self._post.deliver(account, record, is_copy=True)

    def _conclude(self, account: Account, record: Record, answer: Answer) -> timedelta:
        """Write down what the attempt means, send the callbacks; the wait until the next attempt."""
        retried, wait, letter = record.retried, timedelta(), None
        match judge(record.message, retried, answer, datetime.now(UTC)):
            case Delivered():
                account.finish(record, State.DELIVERED, answer)
            case Failed():
                account.note(record, State.ERROR, answer=answer)
                letter = account.bury(record, answer)
            case Retry(wait):
                account.note(record, State.ERROR, answer=answer)
                next_at_ms = now_ms() + int(wait / timedelta(milliseconds=1))
                account.note(record, State.RETRY, answer=answer, next_delivery_at_ms=next_at_ms)
                record.retried += 1
        self._call_back(account, record.message, retried, answer)
        if letter is not None:
            self._call_failure_back(account, letter, retried)
        return wait

    def _call_back(self, account: Account, message: Message, retried: int, answer: Answer) -> None:
        """After every attempt."""
        if message.options.callback is not None:
            body = callback_body(message, answer, retried)
            self._publish(account, message, message.options.callback, body)

    def _call_failure_back(self, account: Account, letter: DeadLetter, retried: int) -> None:
        """Once, when the message is given up."""
        callback = letter.message.options.failure_callback
        if callback is not None:
            body = callback_body(letter.message, letter.answer, retried, letter.id)
            self._publish(account, letter.message, callback, body)

    def _publish(self, account: Account, message: Message, callback: Callback, body: bytes) -> None:
        """A callback is a message like any other; it is tried as often as its message unless it says otherwise."""
        settings = callback.settings
        if first(settings, "Upstash-Retries") is None:
            settings += (("Upstash-Retries", str(message.options.retries)),)
        draft = Draft(callback.url, body, (CALLBACK_TYPE, *settings), message.caller_ip)
        self.accept(account, self._make(draft))
