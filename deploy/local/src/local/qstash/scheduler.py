"""Publishes the messages of schedules when their time comes. One task per schedule."""

import asyncio
from datetime import UTC, datetime, timedelta

from local.qstash.account import Account, now_ms
from local.qstash.courier import Draft
from local.qstash.error import ApiError
from local.qstash.publication import Publisher, Receipt
from local.qstash.schedule import Schedule
from local.qstash.switch import Switchboard


class Scheduler:
    """Runs every schedule that was put here until it is removed."""

    def __init__(self, publisher: Publisher, board: Switchboard) -> None:
        self._publisher = publisher
        self._board = board
        self._tasks: dict[tuple[str, str], asyncio.Task[None]] = {}

    def put(self, account: Account, schedule: Schedule) -> None:
        """Start it, in place of one with the same id."""
        self.remove(account, schedule.id)
        account.schedules[schedule.id] = schedule
        self._tasks[account.user.name, schedule.id] = asyncio.create_task(self._run(account, schedule))

    def remove(self, account: Account, schedule_id: str) -> None:
        account.schedules.pop(schedule_id, None)
        task = self._tasks.pop((account.user.name, schedule_id), None)
        if task is not None:
            task.cancel()

    async def fire(self, account: Account, schedule: Schedule) -> Receipt:
        """Publish its message now. Raises ApiError."""
        draft = Draft(schedule.url, schedule.body, schedule.published, schedule.caller_ip, schedule.id)
        receipt = await self._publisher.publish(account, draft)
        schedule.last_run_at_ms, schedule.last_message_id, schedule.error = now_ms(), receipt.message_id, None
        return receipt

    async def stop(self) -> None:
        tasks = list(self._tasks.values())
        self._tasks.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _run(self, account: Account, schedule: Schedule) -> None:
        run_at = due_at = datetime.now(UTC)
        while True:
            following = schedule.cron.next_after(run_at)
            due_at += (following - run_at) * self._board.now.time_factor
            run_at = following
            await asyncio.sleep(max((due_at - datetime.now(UTC)) / timedelta(seconds=1), 0.0))
            if schedule.is_paused:
                continue
            try:
                await self.fire(account, schedule)
            except ApiError as error:
                schedule.error = error.text
