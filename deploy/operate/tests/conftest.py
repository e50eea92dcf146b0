"""`operate` as a process, on a real Postgres with jobs that went wrong by the transactions of the services."""

import json
import subprocess
import sys
import uuid
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb
from pydantic import SecretStr

from common.clock import Clock
from common.db import dead_letter as letter_table
from common.db import ledger as ledger_table
from common.db import step as step_table
from common.db.job import NewJob
from common.db.ledger import CallRequest, Settlement
from common.db.platform_state import Ability, announce_platform
from common.db.pool import Database
from common.db.step import ClaimRequest
from common.domain.creator import Account, Item
from common.domain.handle import HandleRule
from common.domain.job import Mode, PlatformName
from common.domain.step import DueStep
from common.engine.plan import plan_keywords
from common.platform import Page, Platform, ProfileKind, SearchKind, Unparsable
from common.settings import DatabaseSettings
from common.transaction.abandonment import Abandonment, abandon_step
from common.transaction.creation import create_job
from common.transaction.lock import Unit
from common.transaction.page import PaidPage, commit_page
from local.child import plain_environment

PROGRAM = Path(sys.executable).parent / "operate"

Program = Callable[[Sequence[str], Mapping[str, str]], subprocess.CompletedProcess[str]]
Operate = Callable[..., subprocess.CompletedProcess[str]]


def unread(_: bytes) -> Any:
    raise AssertionError("tests give pages themselves")


PLATFORM = Platform(
    name=PlatformName.TIKTOK,
    label="TikTok",
    modes=frozenset({Mode.KEYWORD}),
    handles=HandleRule(
        hosts=("tiktok.com",), paths=(r"/@([^/]+)",), pattern=r"[a-z0-9_.]+", is_lower=True, example="mira"
    ),
    searches={
        kind: SearchKind(path=f"/v1/tiktok/search/{kind}", ask=lambda _, __: {}, read=unread)
        for kind in ("keyword", "hashtag")
    },
    profile=ProfileKind(
        path="/v1/tiktok/profile",
        ask=lambda _, __: {},
        read=unread,
        is_needed=lambda account: account.bio is None,
        tells=frozenset(),
    ),
)


@dataclass(frozen=True)
class Stage:
    """Makes jobs go wrong, as services would."""

    unit: Unit
    url: str

    async def announce(self, platform: str = "tiktok") -> None:
        async with self.unit.database.connection() as connection:
            await announce_platform(
                connection, Ability(platform=platform, label=platform, modes=("keyword",), search_kinds=("keyword",))
            )

    def person(self, number: int, bio: str | None = "bio") -> Item:
        """Somebody on a page; without a bio a profile must be bought."""
        return Item(item_id=f"v{number}", account=Account(platform_id=f"u{number}", handle=f"h{number}", bio=bio))

    def set(self, category: str, key: str, value: Any) -> None:
        statement = """insert into system_settings (category, key, value) values (%s, %s, %s)
            on conflict (category, key) do update set value = excluded.value returning 1"""
        self.rows(statement, category, key, Jsonb(value))

    async def create(
        self, *keywords: str, target: int = 10, owner: str = "user:user_ada", **changes: Any
    ) -> list[DueStep]:
        """A job with a search for each keyword; its first steps, or none if it waits for its turn."""
        clock = self.unit.clock
        values: dict[str, Any] = {
            "id": clock.new_id(),
            "owner": owner,
            "created_by": "user_ada",
            "campaign_id": None,
            "platform": "tiktok",
            "mode": Mode.KEYWORD,
            "input": {"keywords": list(keywords), "region": "DE"},
            "target_results": target,
            "pages_max": 200,
            "credits_max": 5000,
            "parallel_searches_max": 5,
            "timeout": timedelta(hours=1),
            "delay_between_calls": timedelta(0),
            "queue_until": clock.now() + timedelta(days=1),
        }
        job = NewJob(**values | changes)
        due = await create_job(self.unit, job, plan_keywords(keywords), region="DE")
        ordinals = {row["id"]: row["ordinal"] for row in self.rows("select id, ordinal from searches")}
        return sorted(due, key=lambda step: ordinals[step.search_id])

    async def deliver(self, step: DueStep, *items: Item | Unparsable, cursor: str | None = None) -> list[DueStep]:
        """Perform the step: its page holds `items`. Returns what became due."""
        token = uuid.uuid4()
        request = ClaimRequest(
            search_id=step.search_id,
            step=step.step,
            generation=step.generation,
            token=token,
            lease=timedelta(seconds=30),
            sequence=1,
            attempts_max=5,
        )
        async with self.unit.database.connection() as connection:
            claim = await step_table.claim_step(connection, request)
            assert claim is not None
            call = CallRequest(
                id=self.unit.clock.new_id(),
                job_id=claim.job_id,
                search_id=claim.search_id,
                step=claim.step,
                token=token,
                platform="tiktok",
                kind="page",
                path="/v1/tiktok/search/keyword",
                fingerprint="f",
                credits=1,
                pages=1,
            )
            assert await ledger_table.open_call(connection, call)
        settlement = Settlement(
            id=call.id, job_id=claim.job_id, credits=1, http_status=200, reason=None, milliseconds=312, bytes=1
        )
        page = Page(items=items, cursor=cursor)
        _, due = await commit_page(self.unit, PLATFORM, claim, token, PaidPage(page=page, settlement=settlement))
        self.rows("update steps set token = null, lease_until = null where token = %s returning 1", token)
        return due

    async def give_up(self, step: DueStep, reason: str = "attempts_used_up") -> UUID:
        """Give the step up; its letter."""
        why = Abandonment(reason=reason, facts={"attempts": 5})
        reference, _ = await abandon_step(self.unit, step, why)
        assert reference is not None
        return self.rows("select id from dead_letters where details ->> 'reference' = %s", reference)[0]["id"]

    async def failed(self, *keywords: str, **changes: Any) -> tuple[UUID, list[UUID]]:
        """A job that ended in error because every search of it was given up, and its letters."""
        steps = await self.create(*keywords or ("vegan",), **changes)
        letters = [await self.give_up(step) for step in steps]
        assert self.job(steps[0].job_id)["status"] == "error"
        return steps[0].job_id, letters

    async def resolve(self, letter: UUID) -> None:
        async with self.unit.database.connection() as connection:
            assert await letter_table.resolve_letter(connection, letter_id=letter, resolution="discarded", by="eve")

    def rows(self, statement: str, *values: Any) -> list[dict[str, Any]]:
        with psycopg.connect(self.url, autocommit=True, row_factory=dict_row) as connection:
            return connection.execute(statement.encode(), values).fetchall()

    def job(self, job_id: UUID) -> dict[str, Any]:
        return self.rows("select * from jobs where id = %s", job_id)[0]

    def letter(self, letter: UUID) -> tuple[str | None, str | None]:
        """What was done with it, and by whom."""
        row = self.rows("select resolution, resolved_by from dead_letters where id = %s", letter)[0]
        return row["resolution"], row["resolved_by"]

    def due(self, job_id: UUID) -> int:
        """How many steps the sweep would publish."""
        statement = """select count(*) as n from steps s join jobs j on j.id = s.job_id
            where s.job_id = %s and s.phase in ('page', 'enrichment') and s.due_at <= now() and s.lease_until is null
              and s.published_generation is distinct from s.generation and j.status in ('pending', 'processing')
              and j.admitted_at is not null"""
        return int(self.rows(statement, job_id)[0]["n"])


@pytest.fixture
async def stage(database_url: str) -> AsyncIterator[Stage]:
    database = Database(DatabaseSettings(database_url=SecretStr(database_url)), name="test", size_max=2)
    await database.open()
    yield Stage(Unit(database=database, clock=Clock(), active_jobs_max=5), database_url)
    await database.close()


@pytest.fixture
def operate(database_url: str, role_url: Callable[[str, str], str], preloaded: Program) -> Operate:
    """Runs the command; `given` is laid over its environment."""
    return run_by(preloaded, role_url(database_url, "operator"))


@pytest.fixture
def installed_operate(database_url: str, role_url: Callable[[str, str], str]) -> Operate:
    """The same with the program as it is installed, which takes a second of CPU to start."""
    return run_by(run_program, role_url(database_url, "operator"))


def run_by(program: Program, database_url: str) -> Operate:
    def run(*arguments: object, width: int = 140, **given: str) -> subprocess.CompletedProcess[str]:
        values = {"DATABASE_URL": database_url, "COLUMNS": str(width), "LOGNAME": "grace"} | given
        environment = plain_environment({name: value for name, value in values.items() if value})
        return program([str(argument) for argument in arguments], environment)

    return run


def run_program(arguments: Sequence[str], environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [PROGRAM, *arguments], env=environment, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.fixture(scope="session")
def preloaded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    """The program in a process that has imported it before."""
    folder = tmp_path_factory.mktemp("operate")
    stdout, stderr = folder / "stdout", folder / "stderr"
    argv = [sys.executable, str(Path(__file__).parent / "preloaded.py")]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdin is not None
        assert server.stdout is not None

        def run(arguments: Sequence[str], environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
            order = {"arguments": arguments, "environment": environment, "stdout": str(stdout), "stderr": str(stderr)}
            server.stdin.write(json.dumps(order) + "\n")
            server.stdin.flush()
            code = int(server.stdout.readline())
            outputs = stdout.read_text(), stderr.read_text()
            stdout.unlink()
            stderr.unlink()
            return subprocess.CompletedProcess(arguments, code, *outputs)

        yield run
        server.stdin.close()


@pytest.fixture
def parsed() -> Callable[[subprocess.CompletedProcess[str]], Any]:
    """The JSON of a command that went well; nothing else may be on stdout or stderr."""

    def parsed(done: subprocess.CompletedProcess[str]) -> Any:
        assert (done.returncode, done.stderr) == (0, "")
        return json.loads(done.stdout)

    return parsed
