"""A database with jobs in whatever state a test asks for."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from psycopg import sql
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb
from pydantic import SecretStr

from common.clock import Clock
from common.db.job import NewJob, insert_job
from common.db.ledger import CallRequest, open_call
from common.db.owner import add_owner
from common.db.pool import Database
from common.db.search import NewSearch, insert_searches
from common.db.step import ClaimRequest, NewStep, insert_steps
from common.domain.job import Mode
from common.settings import DatabaseSettings


@dataclass(frozen=True, kw_only=True)
class Seat:
    """One job with one search and its first step; `token` is whoever will claim it."""

    job_id: UUID
    search_id: UUID
    token: UUID
    owner: str
    platform: str
    step: int = 0

    @property
    def place(self) -> dict[str, Any]:
        return {"search_id": self.search_id, "step": self.step}


@dataclass(frozen=True)
class Scene:
    """Puts rows into place by hand, with the statements of creation and plain SQL."""

    database: Database
    clock: Clock

    async def query(self, statement: str, *values: Any) -> list[dict[str, Any]]:
        async with self.database.connection() as connection:
            cursor = await connection.cursor(row_factory=dict_row).execute(statement, values)  # pyright: ignore
            return await cursor.fetchall() if cursor.description else []

    async def change(self, table: str, key: str, value: Any, **columns: Any) -> None:
        """Set columns of the rows whose `key` is `value`. A text that begins with `=` is an expression."""
        parts = [sql.SQL("{} = {}").format(sql.Identifier(name), _expression(given)) for name, given in columns.items()]
        statement = sql.SQL("update {} set {} where {} = {}").format(
            sql.Identifier(table), sql.SQL(", ").join(parts), sql.Identifier(key), sql.Literal(value)
        )
        async with self.database.connection() as connection:
            await connection.execute(statement)

    def new_job(self, **changes: Any) -> NewJob:
        values: dict[str, Any] = {
            "id": self.clock.new_id(),
            "owner": f"user:{self.clock.new_id().hex}",
            "created_by": "user_1",
            "campaign_id": None,
            "platform": f"p{self.clock.new_id().hex}",
            "mode": Mode.KEYWORD,
            "input": {"keywords": ["cats"]},
            "target_results": 100,
            "pages_max": 10,
            "credits_max": 50,
            "parallel_searches_max": 2,
            "timeout": timedelta(hours=1),
            "delay_between_calls": timedelta(0),
            "queue_until": self.clock.now() + timedelta(days=1),
        }
        return NewJob(**values | changes)

    async def store(self, job: NewJob, **columns: Any) -> UUID:
        """The job, admitted and granted all its credits unless `columns` say otherwise."""
        async with self.database.connection() as connection:
            await add_owner(connection, owner=job.owner)
            await insert_job(connection, job)
        usual = {"admitted_at": "=now()", "credits_granted": job.credits_max}
        await self.change("jobs", "id", job.id, **{**usual, **columns})
        return job.id

    async def search(self, job_id: UUID, ordinal: int = 0, status: str = "active") -> UUID:
        search = NewSearch(id=self.clock.new_id(), ordinal=ordinal, kind="keyword", query=f"q{ordinal}", region="DE")
        async with self.database.connection() as connection:
            await insert_searches(connection, job_id=job_id, searches=[search])
        await self.change("searches", "id", search.id, status=status)
        return search.id

    async def add_step(self, job_id: UUID, search_id: UUID, step: int = 0, phase: str = "page") -> None:
        new = NewStep(id=self.clock.new_id(), search_id=search_id, step=step, cursor=f"c{step}", phase=phase)
        async with self.database.connection() as connection:
            await insert_steps(connection, job_id=job_id, steps=[new])

    async def seat(self, **columns: Any) -> Seat:
        """An admitted job with one due step. `columns` change the job's row."""
        job = self.new_job()
        await self.store(job, **columns)
        search_id = await self.search(job.id)
        await self.add_step(job.id, search_id)
        token = self.clock.new_id()
        return Seat(job_id=job.id, search_id=search_id, token=token, owner=job.owner, platform=job.platform)

    async def held_seat(self, **columns: Any) -> Seat:
        """The same, the step claimed by `token`."""
        seat = await self.seat(**columns)
        await self.change_step(seat, token=seat.token, lease_until="=now() + interval '1 minute'", attempts=1)
        return seat

    async def change_job(self, seat: Seat, **columns: Any) -> None:
        await self.change("jobs", "id", seat.job_id, **columns)

    async def change_step(self, seat: Seat, **columns: Any) -> None:
        await self.change("steps", "search_id", seat.search_id, **columns)

    async def paged_seat(self, outcomes: dict[str, int]) -> Seat:
        """A claimed step in its enrichment phase, whose page brought these outcomes (and so many candidates)."""
        seat = await self.held_seat()
        await self.page(seat, outcomes)
        return seat

    async def page(self, seat: Seat, outcomes: dict[str, int]) -> None:
        """Put the seat's step into its enrichment phase with these outcomes."""
        async with self.database.transaction() as connection:
            await connection.execute(
                "update steps set phase = 'enrichment', items_count = %s where search_id = %s",
                [sum(outcomes.values()), seat.search_id],
            )
            for outcome, count in outcomes.items():
                await connection.execute(
                    "insert into step_outcomes (search_id, step, job_id, outcome, count) values (%s, 0, %s, %s, %s)",
                    [seat.search_id, seat.job_id, outcome, count],
                )

    async def job_of(self, seat: Seat) -> dict[str, Any]:
        return (await self.query("select * from jobs where id = %s", seat.job_id))[0]

    async def step_of(self, seat: Seat, step: int = 0) -> dict[str, Any]:
        return (await self.query("select * from steps where search_id = %s and step = %s", seat.search_id, step))[0]

    async def outcomes_of(self, seat: Seat) -> dict[str, int]:
        """Outcome (and rule, behind a colon) → count, without those at zero."""
        rows = await self.query(
            """select outcome || case rule when '' then '' else ':' || rule end as name, count
               from step_outcomes where search_id = %s and count > 0""",
            seat.search_id,
        )
        return {row["name"]: row["count"] for row in rows}

    async def add_candidates(self, seat: Seat, outcome: str, *ordinals: int, **columns: Any) -> list[str]:
        """Candidates of the seat's step; their ids, in the order of the ordinals."""
        names = [f"{outcome}-{self.clock.new_id().hex}" for _ in ordinals]
        for name, ordinal in zip(names, ordinals, strict=True):
            given: dict[str, Any] = {"search_id": seat.search_id, "step": 0, "assigned_search_id": seat.search_id}
            given |= columns
            await self.query(
                """insert into candidates (job_id, platform_id, search_id, step, ordinal, assigned_search_id,
                       assigned_step, outcome, seq, delivered_at, handle, details)
                   values (%s, %s, %s, %s, %s, %s, %s, %s, %s, case when %s = 'delivered' then now() end, 'h', '{}')""",
                seat.job_id,
                name,
                given["search_id"],
                given["step"],
                ordinal,
                given["assigned_search_id"],
                given.get("assigned_step", given["step"]),
                outcome,
                ordinal if outcome == "delivered" else None,
                outcome,
            )
        return names

    async def outcomes_by_id(self, seat: Seat) -> dict[str, str]:
        rows = await self.query("select platform_id, outcome from candidates where job_id = %s", seat.job_id)
        return {row["platform_id"]: row["outcome"] for row in rows}

    def claim_of(self, seat: Seat, **changes: Any) -> ClaimRequest:
        values = {
            **seat.place,
            "generation": 0,
            "token": seat.token,
            "lease": timedelta(seconds=30),
            "sequence": 7,
            "attempts_max": 3,
        }
        return ClaimRequest(**values | changes)

    def call_of(self, seat: Seat, **changes: Any) -> CallRequest:
        """A call of the seat's step: a page for three credits."""
        values = {
            "id": self.clock.new_id(),
            "job_id": seat.job_id,
            **seat.place,
            "token": seat.token,
            "platform": seat.platform,
            "kind": "page",
            "path": "/v1/search",
            "fingerprint": "f",
            "credits": 3,
            "pages": 1,
        }
        return CallRequest(**values | changes)

    async def opens(self, request: CallRequest) -> bool:
        """Whether the gate lets the call through."""
        async with self.database.connection() as connection:
            return await open_call(connection, request)

    async def calls_of(self, seat: Seat) -> list[dict[str, Any]]:
        return await self.query("select * from upstream_calls where job_id = %s order by id", seat.job_id)

    async def money_of(self, seat: Seat) -> tuple[int, int]:
        """Reserved, spent: what the job's row says, after checking it against the ledger."""
        job, calls = await self.job_of(seat), await self.calls_of(seat)
        assert job["credits_reserved"] == sum(call["credits_reserved"] for call in calls if call["status"] == "open")
        assert job["credits_spent"] == sum(call["credits_charged"] or 0 for call in calls)
        assert job["calls_count"] == len(calls)
        return job["credits_reserved"], job["credits_spent"]

    async def explain(self, statement: str, *values: Any) -> str:
        rows = await self.query(f"explain {statement}", *values)
        return "\n".join(row["QUERY PLAN"] for row in rows)


def _expression(given: Any) -> sql.Composable:
    if isinstance(given, str) and given.startswith("="):
        return sql.SQL(given[1:])  # pyright: ignore[reportArgumentType]
    return sql.Literal(Jsonb(given) if isinstance(given, dict) else given)


@pytest.fixture(scope="module")
async def scene(module_database_url: str) -> AsyncIterator[Scene]:
    database = Database(DatabaseSettings(database_url=SecretStr(module_database_url)), name="test", size_max=20)
    await database.open()
    yield Scene(database, Clock())
    await database.close()
