"""Commits pages of jobs as workers do, with their hints: a process beside the gateway. Tells each commit on stdout.

Lines in: nothing but the one that starts the pages. Lines out: `{"jobs": [...]}`, then one per commit.
"""

import asyncio
import json
import sys
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

from pydantic import SecretStr

from common.clock import Clock
from common.crash import Crash
from common.db import ledger as ledger_table
from common.db import step as step_table
from common.db.event import list_heads
from common.db.ledger import CallRequest, Settlement
from common.db.pool import Database
from common.db.step import ClaimRequest
from common.domain.creator import Account, Content, Item, Statistics
from common.domain.step import DueStep
from common.log import configure_logging
from common.messaging.connection import connect_messaging
from common.messaging.hint import Hints
from common.platform import Page, PlannedSearch
from common.settings import DatabaseSettings, NatsSettings
from common.transaction.creation import create_job
from common.transaction.lock import Unit
from common.transaction.page import PaidPage, commit_page
from local.bench.gateway.seed import PLATFORM, make_job
from local.bench.sse.order import Order


@dataclass(slots=True)
class _Job:
    """A job on its way: the step that is due, and how far its events are."""

    id: UUID
    owner: str
    due: DueStep
    seq: int = 1


class Hand:
    def __init__(self, unit: Unit, hints: Hints, order: Order) -> None:
        self._unit = unit
        self._hints = hints
        self._order = order

    async def create(self, number: int) -> _Job:
        clock, order = self._unit.clock, self._order
        owner = f"user:{order.user_of(number)}"
        job = make_job(clock, owner, target=order.pages_per_job * order.creators_per_page)
        [due] = await create_job(self._unit, job, [PlannedSearch(kind="keyword", query="vegan")], region=None)
        return _Job(job.id, owner, due)

    async def turn(self, job: _Job) -> None:
        """One page of the job: committed, hinted at, told."""
        token = uuid4()
        async with self._unit.database.connection() as connection:
            request = ClaimRequest(
                search_id=job.due.search_id,
                step=job.due.step,
                generation=job.due.generation,
                token=token,
                lease=timedelta(seconds=30),
                sequence=1,
                attempts_max=5,
            )
            claim = await step_table.claim_step(connection, request)
            assert claim is not None
            call = CallRequest(
                id=self._unit.clock.new_id(),
                job_id=job.id,
                search_id=claim.search_id,
                step=claim.step,
                token=token,
                platform=PLATFORM.name,
                kind="page",
                path="/search",
                fingerprint="f",
                credits=1,
                pages=1,
            )
            assert await ledger_table.open_call(connection, call)
            first = await self._head(job) + 1
        items = tuple(_item(number) for number in self._numbers(claim.step))
        paid = PaidPage(
            page=Page(items=items, cursor=str(claim.step)),
            settlement=Settlement(
                id=call.id, job_id=job.id, credits=1, http_status=200, reason=None, milliseconds=1, bytes=1
            ),
        )
        _, due = await commit_page(self._unit, PLATFORM, claim, token, paid)
        at = time.time()
        await self._hints.give(job.id)
        _say({"job": str(job.id), "at": at, "first": first, "last": await self._head(job)})
        if due:
            job.due = due[0]

    def _numbers(self, step: int) -> range:
        return range(step * self._order.creators_per_page, (step + 1) * self._order.creators_per_page)

    async def _head(self, job: _Job) -> int:
        async with self._unit.database.connection() as connection:
            [head] = await list_heads(connection, [(job.id, job.owner)])
        return head.event_seq


def _item(number: int) -> Item:
    """A creator as a page of a search tells of them, of usual size."""
    handle = f"kitchen.{number}"
    return Item(
        item_id=f"v{number}",
        account=Account(
            platform_id=f"70{number:015}",
            handle=handle,
            name=f"Kitchen number {number}",
            url=f"https://www.tiktok.com/@{handle}",
            followers=1000 + number,
            following=321,
            posts=87,
            verified=False,
            private=False,
            bio=f"Plant based cooking, every day. Recipes and more. {handle}@example.com " + "🌱" * 10,
            avatar_url="https://p16-sign.example.com/" + "a" * 180,
            country="DE",
            language="de",
        ),
        content=Content(
            platform_id=f"73{number:015}",
            url=f"https://www.tiktok.com/@{handle}/video/73{number:015}",
            text="The best vegan lasagna that you will ever make #vegan #lasagna #easyrecipe " * 2,
            statistics=Statistics(views=54_321, likes=4321, comments=321, shares=21, saves=432),
            posted_at=datetime(2026, 10, 1, tzinfo=UTC),
            hashtags=("vegan", "lasagna", "easyrecipe"),
        ),
    )


def _say(fact: object) -> None:
    print(json.dumps(fact), flush=True)


async def work(database_url: str, order: Order) -> None:
    """At NATS it is a worker, by its environment."""
    async with AsyncExitStack() as stack:
        database = Database(DatabaseSettings(database_url=SecretStr(database_url)), name="hand", size_max=4)
        await database.open()
        stack.push_async_callback(database.close)
        messaging = await connect_messaging(NatsSettings(), name="hand", on_lost=lambda: None)  # pyright: ignore[reportCallIssue]
        stack.push_async_callback(messaging.close)
        unit = Unit(database=database, clock=Clock(), active_jobs_max=order.jobs)
        hand = Hand(unit, Hints(messaging, Crash()), order)
        jobs = [await hand.create(number) for number in range(order.jobs)]
        _say({"jobs": [str(job.id) for job in jobs]})
        await asyncio.to_thread(sys.stdin.readline)
        due_at = time.monotonic()
        for _ in range(order.pages_per_job):
            for job in jobs:
                due_at = max(due_at + order.every_ms / 1000, time.monotonic())
                await asyncio.sleep(due_at - time.monotonic())
                await hand.turn(job)


if __name__ == "__main__":
    configure_logging(level="CRITICAL", form="json")  # stdout is for facts
    asyncio.run(work(sys.argv[1], Order(**json.loads(sys.argv[2]))))
