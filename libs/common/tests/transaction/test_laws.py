"""Whatever the upstream invents and in whatever order messages come, a job on real Postgres keeps its laws."""

import random
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg.rows import dict_row
from pydantic import SecretStr

from common.clock import Clock
from common.db import candidate as candidate_table
from common.db import ledger as ledger_table
from common.db import step as step_table
from common.db.job import NewJob
from common.db.ledger import CallRequest, Settlement
from common.db.pool import Database
from common.db.step import ClaimRequest
from common.domain.creator import Account, Item
from common.domain.job import Mode, PlatformName
from common.domain.outcome import Enrichment
from common.domain.step import DueStep
from common.engine.enrichment import Enriched
from common.engine.plan import FirstSearch
from common.platform import Page, Platform, ProfileKind, SearchKind, Unparsable
from common.settings import DatabaseSettings
from common.transaction.creation import create_job
from common.transaction.enrichment import commit_enrichment
from common.transaction.failure import commit_search_end
from common.transaction.lock import Unit
from common.transaction.page import PaidPage, commit_page

LEASE = timedelta(seconds=30)
TURNS_MAX = 500


def unreadable(_: bytes) -> Any:
    raise AssertionError("the test invents pages itself")


PLATFORM = Platform(
    name=PlatformName.TIKTOK,
    label="TikTok",
    modes=frozenset({Mode.KEYWORD}),
    searches={"keyword": SearchKind(path="/search", ask=lambda _, __: {}, read=unreadable)},
    profile=ProfileKind(
        path="/profile",
        ask=lambda _: {},
        read=unreadable,
        is_needed=lambda account: account.bio is None,
    ),
)


@pytest.fixture(scope="module")
async def unit(module_database_url: str) -> AsyncIterator[Unit]:
    database = Database(DatabaseSettings(database_url=SecretStr(module_database_url)), name="test", size_max=4)
    await database.open()
    yield Unit(database=database, clock=Clock(), active_jobs_max=3)
    await database.close()


@dataclass
class World:
    """An upstream that invents pages, and a postman who delivers steps twice and in any order."""

    chance: random.Random
    people: int
    waiting: list[DueStep] = field(default_factory=list)
    asked: list[tuple[UUID, str | None]] = field(default_factory=list)

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
    target: int
    searches: int
    parallel: int
    pages_max: int
    credits_max: int


limits = st.builds(
    Limits,
    target=st.integers(1, 30),
    searches=st.integers(1, 4),
    parallel=st.integers(1, 3),
    pages_max=st.integers(1, 12),
    credits_max=st.integers(1, 60),
)


def new_job(unit: Unit, limit: Limits, owner: str) -> NewJob:
    return NewJob(
        id=unit.clock.new_id(),
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
        queue_until=unit.clock.now() + timedelta(days=1),
    )


async def turn(unit: Unit, world: World, due: DueStep) -> None:
    """One worker turn by the same transactions that the worker uses."""
    token = unit.clock.new_id()
    request = ClaimRequest(
        search_id=due.search_id,
        step=due.step,
        generation=due.generation,
        token=token,
        lease=LEASE,
        sequence=1,
        attempts_max=5,
    )
    async with unit.database.connection() as connection:
        claim = await step_table.claim_step(connection, request)
    if claim is None:
        return
    is_enriching = claim.phase == "enrichment"
    if claim.phase == "page":
        bought = await buy(unit, claim, token, "page")
        if bought is None:
            world.waiting += await commit_search_end(unit, claim, token, "call_limit")
            return
        world.asked.append((claim.search_id, claim.cursor))
        result, more = await commit_page(
            unit, PLATFORM, claim, token, PaidPage(page=world.page(claim.cursor), settlement=bought)
        )
        world.waiting += more
        is_enriching = result.is_enriching
    while is_enriching:
        async with unit.database.connection() as connection:
            pending = await candidate_table.pending_of_step(
                connection, job_id=claim.job_id, search_id=claim.search_id, step=claim.step
            )
        enriched = [
            Enriched(
                platform_id=one.platform_id,
                account=one.details.account.model_copy(update={"bio": "hello", "private": world.chance.random() < 0.3}),
                enrichment=Enrichment.BOUGHT,
            )
            for one in pending
        ]
        is_enriching, more = await commit_enrichment(unit, claim, token, enriched)
        world.waiting += more


async def buy(unit: Unit, claim: step_table.Claim, token: UUID, kind: str) -> Settlement | None:
    request = CallRequest(
        id=unit.clock.new_id(),
        job_id=claim.job_id,
        search_id=claim.search_id,
        step=claim.step,
        token=token,
        platform="tiktok",
        kind=kind,
        path="/search",
        fingerprint=f"{claim.search_id}{claim.cursor}",
        credits=1,
        pages=1,
    )
    async with unit.database.connection() as connection:
        if not await ledger_table.open_call(connection, request):
            return None
    return Settlement(
        id=request.id, job_id=claim.job_id, credits=1, http_status=200, reason=None, milliseconds=1, bytes=1
    )


async def facts(unit: Unit, job_id: UUID) -> dict[str, Any]:
    async with unit.database.connection() as connection, connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(
            """select j.*,
                   (select count(*) from candidates c
                       where c.job_id = j.id and c.outcome = 'delivered') as delivered_rows,
                   (select count(*) from candidates c where c.job_id = j.id) as candidate_rows,
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
            [job_id],
        )
        row = await cursor.fetchone()
    assert row is not None
    return row


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(limit=limits, seed=st.integers(0, 2**32), people=st.integers(1, 80))
async def test_a_job_ends_and_everything_adds_up(unit: Unit, limit: Limits, seed: int, people: int) -> None:
    world = World(chance=random.Random(seed), people=people)
    job = new_job(unit, limit, "user:law")
    searches = [FirstSearch(kind="keyword", query=f"k{number}") for number in range(limit.searches)]
    world.waiting += await create_job(unit, job, searches, region=None)
    for _ in range(TURNS_MAX):
        if not world.waiting:
            break
        await turn(unit, world, world.take())
    row = await facts(unit, job.id)
    assert row["status"] == "completed", "the job ends whatever the upstream invents"
    assert row["progress"] == 100
    assert len(world.asked) == len(set(world.asked)) == row["pages_count"] <= limit.pages_max, "no page is asked twice"
    assert row["delivered_count"] == row["delivered_rows"] == row["delivered_outcomes"] <= limit.target
    assert (row["delivered_count"] == limit.target) == (row["stop_reason"] == "target_reached")
    assert row["pending_count"] == row["reserve_count"] == row["open_rows"] == 0
    assert row["items"] == row["outcomes"], "the funnel adds up"
    assert row["calls"] == row["calls_count"] == row["charged"] == row["credits_spent"] <= limit.credits_max
    assert row["credits_reserved"] == 0
    numbers = [*(row["seqs"] or []), *row["event_seqs"]]
    assert sorted(numbers) == list(range(1, row["event_seq"] + 1)), "one order without gaps or repeats"


async def test_jobs_beyond_the_owners_limit_wait_and_get_their_turn_in_order(unit: Unit) -> None:
    world = World(chance=random.Random(1), people=200)
    limit = Limits(target=5, searches=1, parallel=1, pages_max=10, credits_max=100)
    jobs = [new_job(unit, limit, "user:queue") for _ in range(5)]
    for job in jobs:
        due = await create_job(unit, job, [FirstSearch(kind="keyword", query="k")], region=None)
        assert bool(due) == (job in jobs[:3])
        world.waiting += due
    for _ in range(TURNS_MAX):
        if not world.waiting:
            break
        await turn(unit, world, world.take())
    rows = [await facts(unit, job.id) for job in jobs]
    assert [row["status"] for row in rows] == ["completed"] * 5
    assert rows[2]["admitted_at"] < rows[3]["admitted_at"] < rows[4]["admitted_at"]
    ended = sorted(row["ended_at"] for row in rows)
    assert rows[3]["admitted_at"] == ended[0], "the transaction that ends a job admits the next one"
