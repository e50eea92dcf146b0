"""Jobs on real Postgres, moved by the transactions that gateway, worker and sweep use; the upstream is invented."""

import random
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from psycopg import sql
from psycopg.rows import dict_row
from pydantic import SecretStr

from common.clock import Clock
from common.db import candidate as candidate_table
from common.db import ledger as ledger_table
from common.db import step as step_table
from common.db.job import NewJob
from common.db.ledger import CallRequest, Settlement
from common.db.pool import Database
from common.db.step import Claim, ClaimRequest
from common.domain.creator import Account, Item
from common.domain.handle import HandleRule
from common.domain.job import Mode, PlatformName
from common.domain.outcome import Enrichment
from common.domain.step import DueStep
from common.engine.enrichment import Enriched
from common.platform import Page, PlannedSearch, Platform, ProfileKind, SearchKind, Unparsable
from common.settings import DatabaseSettings
from common.transaction.abandonment import Abandonment, abandon_step
from common.transaction.creation import create_job
from common.transaction.enrichment import commit_enrichment
from common.transaction.failure import SearchEnd, commit_search_end, end_if_overdue
from common.transaction.lock import Unit
from common.transaction.page import PaidPage, commit_page
from common.transaction.quota import raise_grant

LEASE = timedelta(seconds=30)
TURNS_MAX = 500


def unreadable(_: bytes) -> Any:
    raise AssertionError("the test invents pages itself")


PLATFORM = Platform(
    name=PlatformName.TIKTOK,
    label="TikTok",
    modes=frozenset({Mode.KEYWORD}),
    handles=HandleRule(
        hosts=("tiktok.com",), paths=(r"/@([^/]+)",), pattern=r"[a-z0-9_.]+", is_lower=True, example="mira"
    ),
    searches={"keyword": SearchKind(path="/search", ask=lambda _, __: {}, read=unreadable)},
    profile=ProfileKind(
        path="/profile",
        ask=lambda _, __: {},
        read=unreadable,
        is_needed=lambda account: account.bio is None,
        tells=frozenset(),
    ),
)


@dataclass
class World:
    """An upstream that invents pages, and a postman who delivers steps twice and in any order."""

    chance: random.Random
    people: int
    waiting: list[DueStep] = field(default_factory=list)
    asked: list[tuple[UUID, str | None]] = field(default_factory=list)  # pages that were committed
    is_deadly: bool = False  # workers die with a page in hand

    def page(self, cursor: str | None) -> Page:
        number = int(cursor or 0)
        items = tuple(self.item(number) for _ in range(self.chance.choice([0, 1, 5, 12])))
        following = self.chance.choices([str(number + 1), cursor, None], weights=[12, 1, 1])[0]
        return Page(items=items, cursor=following)

    def item(self, number: int) -> Item | Unparsable:
        if self.chance.random() < 0.05:
            return Unparsable("no_id")
        person = self.chance.randrange(self.people)
        account = Account(
            platform_id=f"u{person}",
            handle=f"h{person}",
            bio=self.chance.choice([None, None, "", "bio"]),
            private=self.chance.choice([None, None, None, True]),
        )
        return Item(item_id=f"{number}-{self.chance.randrange(40)}", account=account)

    def take(self) -> DueStep:
        step = self.waiting.pop(self.chance.randrange(len(self.waiting)))
        if self.chance.random() < 0.2:
            self.waiting.append(step)  # it will come again
        return step


@dataclass(frozen=True)
class Limits:
    target: int = 20
    searches: int = 1
    parallel: int = 3
    pages_max: int = 10
    credits_max: int = 100


@dataclass(frozen=True)
class Lab:
    """A database with whatever jobs a test asks for. `unit` holds the limits of owners."""

    unit: Unit
    platform: Platform = PLATFORM

    def having(self, **limits: Any) -> "Lab":
        """The same database under other limits of owners."""
        return Lab(replace(self.unit, **limits))

    def world(self, seed: int = 1, people: int = 200) -> World:
        return World(chance=random.Random(seed), people=people)

    def people(self, *numbers: int, cursor: str | None, bio: str | None = "bio") -> Page:
        """A page on which these people are; without a bio their profiles are needed."""
        accounts = [Account(platform_id=f"u{number}", handle=f"h{number}", bio=bio) for number in numbers]
        items = tuple(Item(item_id=f"i{account.platform_id}", account=account) for account in accounts)
        return Page(items=items, cursor=cursor)

    def new_owner(self) -> str:
        return f"org:{self.unit.clock.new_id().hex}"

    def new_job(self, limit: Limits, owner: str) -> NewJob:
        return NewJob(
            id=self.unit.clock.new_id(),
            owner=owner,
            created_by="user_law",
            campaign_id=None,
            platform="tiktok",
            mode=Mode.KEYWORD,
            input={},
            target_results=limit.target,
            pages_max=limit.pages_max,
            credits_max=limit.credits_max,
            parallel_searches_max=limit.parallel,
            timeout=timedelta(hours=1),
            delay_between_calls=timedelta(0),
            queue_until=self.unit.clock.now() + timedelta(days=1),
        )

    async def create(self, owner: str | None = None, **limits: int) -> tuple[UUID, list[DueStep]]:
        """A job of `searches` searches, and what to publish of it."""
        limit = Limits(**limits)
        job = self.new_job(limit, owner or self.new_owner())
        searches = [PlannedSearch(kind="keyword", query=f"k{number}") for number in range(limit.searches)]
        return job.id, await create_job(self.unit, job, searches, region=None)

    async def claim(self, due: DueStep | Claim, token: UUID | None = None) -> Claim | None:
        request = ClaimRequest(
            search_id=due.search_id,
            step=due.step,
            generation=due.generation,
            token=token or self.unit.clock.new_id(),
            lease=LEASE,
            sequence=1,
            attempts_max=5,
        )
        async with self.unit.database.connection() as connection:
            return await step_table.claim_step(connection, request)

    async def hold(self, due: DueStep) -> tuple[Claim, UUID]:
        """The step claimed, and its token."""
        token = self.unit.clock.new_id()
        claim = await self.claim(due, token)
        assert claim is not None
        return claim, token

    async def spend(self, claim: Claim, token: UUID, *, tries_max: int) -> bool:
        """Buy one profile as the worker does: where the grant is used up, ask for more."""
        request = self.request(claim, token, "profile")
        for _ in range(tries_max):
            if await self.opens(request):
                return True
            if not await raise_grant(self.unit, claim.job_id, 1):
                return False
        raise AssertionError("it goes on for ever")

    def request(self, claim: Claim, token: UUID, kind: str = "page") -> CallRequest:
        return CallRequest(
            id=self.unit.clock.new_id(),
            job_id=claim.job_id,
            search_id=claim.search_id,
            step=claim.step,
            token=token,
            platform="tiktok",
            kind=kind,
            path="/search",
            fingerprint=f"{claim.search_id}{claim.cursor}",
            credits=1,
            pages=int(kind == "page"),
        )

    async def opens(self, request: CallRequest) -> bool:
        async with self.unit.database.connection() as connection:
            return await ledger_table.open_call(connection, request)

    async def settles(self, settlement: Settlement) -> bool:
        async with self.unit.database.connection() as connection:
            return await ledger_table.settle_call(connection, settlement)

    def settlement(self, request: CallRequest, credits_: int = 1, http_status: int = 200) -> Settlement:
        return Settlement(
            id=request.id,
            job_id=request.job_id,
            credits=credits_,
            http_status=http_status,
            reason=None,
            milliseconds=1,
            bytes=1,
        )

    async def page(self, due: DueStep, page: Page) -> list[DueStep]:
        """A turn that brings this page, from claim to commit; what to publish then."""
        token = self.unit.clock.new_id()
        claim = await self.claim(due, token)
        assert claim is not None
        request = self.request(claim, token)
        assert await self.opens(request)
        paid = PaidPage(page=page, settlement=self.settlement(request))
        return (await commit_page(self.unit, PLATFORM, claim, token, paid))[1]

    async def turn(self, world: World, due: DueStep) -> None:
        """One worker turn by the same transactions that the worker uses."""
        token = self.unit.clock.new_id()
        claim = await self.claim(due, token)
        if claim is None:
            return
        is_enriching = claim.phase == "enrichment"
        if claim.phase == "page":
            request = self.request(claim, token)
            if not await self.opens(request):
                world.waiting += await commit_search_end(
                    self.unit, PLATFORM, claim, token, SearchEnd(reason="call_limit")
                )
                return
            if world.is_deadly and world.chance.random() < 0.1:
                return
            world.asked.append((claim.search_id, claim.cursor))
            paid = PaidPage(page=world.page(claim.cursor), settlement=self.settlement(request))
            result, more = await commit_page(self.unit, PLATFORM, claim, token, paid)
            world.waiting += more
            is_enriching = bool(result.pending)
        while is_enriching:
            is_enriching, more = await self._enrich_once(claim, token, lambda: world.chance.random() < 0.3)
            world.waiting += more

    async def enrich(self, due: DueStep) -> list[DueStep]:
        """A turn that finds everybody's profile; what to publish then."""
        token = self.unit.clock.new_id()
        claim = await self.claim(due, token)
        assert claim is not None
        assert claim.phase == "enrichment"
        return (await self._enrich_once(claim, token, lambda: False))[1]

    async def _enrich_once(
        self, claim: Claim, token: UUID, is_private: Callable[[], bool]
    ) -> tuple[bool, list[DueStep]]:
        async with self.unit.database.connection() as connection:
            pending = await candidate_table.pending_of_step(
                connection, job_id=claim.job_id, search_id=claim.search_id, step=claim.step
            )
        enriched = [
            Enriched(
                found=one.details,
                account=one.details.account.model_copy(update={"bio": "hello", "private": is_private()}),
                enrichment=Enrichment.BOUGHT,
                seen_at=self.unit.clock.now(),
            )
            for one in pending
        ]
        return await commit_enrichment(self.unit, PLATFORM, claim, token, enriched)

    async def run(self, world: World, turns_max: int = TURNS_MAX) -> None:
        """Deliver what is published until nothing waits."""
        for _ in range(turns_max):
            if not world.waiting:
                return
            await self.turn(world, world.take())

    async def give_up(self, due: DueStep) -> list[DueStep]:
        """The step could not be carried out: its letter stays."""
        reference, more = await abandon_step(self.unit, due, Abandonment(reason="max_deliver", facts={}))
        assert reference is not None
        return more

    async def time_out(self, job_id: UUID) -> list[DueStep]:
        """The job is overdue, and ended for it."""
        await self.query(
            """update jobs set queue_until = now() - interval '1 second',
                   deadline_at = case when started_at is not null then now() - interval '1 second' end
               where id = %s""",
            job_id,
        )
        is_ended, due = await end_if_overdue(self.unit, job_id)
        assert is_ended
        return due

    async def query(self, statement: str, *values: Any) -> list[dict[str, Any]]:
        async with self.unit.database.connection() as connection:
            cursor = await connection.cursor(row_factory=dict_row).execute(statement, values)  # pyright: ignore
            return await cursor.fetchall() if cursor.description else []

    async def job(self, job_id: UUID) -> dict[str, Any]:
        return (await self.query("select * from jobs where id = %s", job_id))[0]

    async def granted_to(self, owner: str) -> int:
        """What the owner's jobs were granted on all days, less what they gave back."""
        rows = await self.query(
            "select coalesce(sum(credits_granted), 0)::int as total from owner_days where owner = %s", owner
        )
        return rows[0]["total"]

    async def dump(self) -> dict[str, list[str]]:
        """Every row of every table, as text."""
        tables = await self.query("select tablename from pg_tables where schemaname = 'public' order by 1")
        rows: dict[str, list[str]] = {}
        for name in (table["tablename"] for table in tables):
            statement = sql.SQL("select t::text as row from {} t order by 1").format(sql.Identifier(name))
            rows[name] = [row["row"] for row in await self.query(statement)]  # pyright: ignore
        return rows

    async def facts(self, job_id: UUID) -> dict[str, Any]:
        """The job's row, with what must agree with it."""
        rows = await self.query(
            """select j.*,
                   (select count(*) from candidates c
                       where c.job_id = j.id and c.outcome = 'delivered') as delivered_rows,
                   (select count(*) from candidates c
                       where c.job_id = j.id and c.outcome in ('pending', 'reserve')) as open_rows,
                   (select coalesce(sum(count), 0) from step_outcomes o where o.job_id = j.id) as outcomes,
                   (select coalesce(sum(items_count), 0) from steps s where s.job_id = j.id) as items,
                   (select coalesce(sum(count), 0) from step_outcomes o
                       where o.job_id = j.id and o.outcome = 'delivered') as delivered_outcomes,
                   (select count(*) from upstream_calls u where u.job_id = j.id) as calls,
                   (select coalesce(sum(credits_charged), 0) from upstream_calls u where u.job_id = j.id) as charged,
                   (select array_agg(seq order by seq) from candidates c
                       where c.job_id = j.id and seq is not null) as seqs,
                   (select array_agg(seq) from job_events e where e.job_id = j.id) as event_seqs
               from jobs j where id = %s""",
            job_id,
        )
        return rows[0]

    async def check_laws(self, job_id: UUID, world: World) -> dict[str, Any]:
        """What holds for a job that ended, whatever happened to it; returns its facts."""
        row = await self.facts(job_id)
        assert row["ended_at"] is not None
        assert len(world.asked) == len(set(world.asked)), "no page is asked twice"
        assert row["delivered_count"] == row["delivered_rows"] == row["delivered_outcomes"] <= row["target_results"]
        assert row["pending_count"] == row["reserve_count"] == row["open_rows"] == 0
        assert row["items"] == row["outcomes"], "the funnel adds up"
        assert row["calls"] == row["calls_count"]
        assert row["charged"] == row["credits_spent"] <= row["credits_max"]
        assert row["pages_count"] <= row["pages_max"]
        numbers = [*(row["seqs"] or []), *row["event_seqs"]]
        assert sorted(numbers) == list(range(1, row["event_seq"] + 1)), "one order without gaps or repeats"
        return row


@pytest.fixture(scope="module")
async def lab(module_database_url: str) -> AsyncIterator[Lab]:
    database = Database(DatabaseSettings(database_url=SecretStr(module_database_url)), name="test", size_max=8)
    await database.open()
    yield Lab(Unit(database=database, clock=Clock(), active_jobs_max=3))
    await database.close()
