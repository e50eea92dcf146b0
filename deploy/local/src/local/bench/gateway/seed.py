"""A finished job with many creators, made by the transactions that workers use, without an upstream."""

import uuid
from datetime import timedelta
from uuid import UUID

from pydantic import SecretStr

from common.clock import Clock
from common.db import ledger as ledger_table
from common.db import step as step_table
from common.db.job import NewJob
from common.db.ledger import CallRequest, Settlement
from common.db.platform_state import Ability, announce_platform
from common.db.pool import Database
from common.db.step import ClaimRequest
from common.domain.creator import Account, Content, Item, Statistics
from common.domain.handle import HandleRule
from common.domain.job import Mode, PlatformName
from common.domain.step import DueStep
from common.platform import Page, PlannedSearch, Platform, SearchKind
from common.settings import DatabaseSettings
from common.transaction.creation import create_job
from common.transaction.lock import Unit
from common.transaction.page import PaidPage, commit_page

PAGE_SIZE = 40
_KIND = "keyword"
_PATH = "/search"


def _unread(_: bytes) -> Page:
    raise AssertionError("pages are given, not read")


PLATFORM = Platform(
    name=PlatformName.TIKTOK,
    label="TikTok",
    handles=HandleRule(
        hosts=("tiktok.com",),
        paths=(r"/@([^/]+)",),
        pattern=r"[a-z0-9_.]{1,30}",
        is_lower=True,
        example="kitchen.1",
    ),
    modes=frozenset({Mode.KEYWORD}),
    searches={_KIND: SearchKind(path=_PATH, ask=lambda _, __: {}, read=_unread)},
)


async def seed_job(database_url: str, owner: str, creator_count: int, *, is_running: bool = False) -> UUID:
    """A job of this owner that has reached its target, or is far from it still."""
    database = Database(DatabaseSettings(database_url=SecretStr(database_url)), name="seed", size_max=2)
    await database.open()
    try:
        unit = Unit(database=database, clock=Clock(), active_jobs_max=5)
        target = creator_count * 2 if is_running else creator_count
        job = make_job(unit.clock, owner, target=target, pages_max=target, credits_max=target)
        async with database.connection() as connection:
            await announce_platform(connection, ABILITY)
        due = await create_job(unit, job, [PlannedSearch(kind=_KIND, query="vegan")], region=None)
        for first in range(0, creator_count, PAGE_SIZE):
            items = [make_item(number) for number in range(first, min(first + PAGE_SIZE, creator_count))]
            due = await deliver_page(unit, due[0], Page(items=tuple(items), cursor=str(first + PAGE_SIZE)))
    finally:
        await database.close()
    return job.id


ABILITY = Ability(
    platform=PLATFORM.name,
    label=PLATFORM.label,
    modes=tuple(PLATFORM.modes),
    search_kinds=tuple(PLATFORM.searches),
    handles=PLATFORM.handles,
)


def make_job(clock: Clock, owner: str, *, target: int, pages_max: int = 200, credits_max: int = 5000) -> NewJob:
    """A keyword job of one search, which nobody gave to a campaign."""
    return NewJob(
        id=clock.new_id(),
        owner=owner,
        created_by=owner.partition(":")[2],
        campaign_id=None,
        platform=PLATFORM.name,
        mode=Mode.KEYWORD,
        input={"keywords": ["vegan"]},
        target_results=target,
        pages_max=pages_max,
        credits_max=credits_max,
        parallel_searches_max=1,
        timeout=timedelta(hours=1),
        delay_between_calls=timedelta(0),
        queue_until=clock.now() + timedelta(hours=1),
    )


async def deliver_page(unit: Unit, step: DueStep, page: Page) -> list[DueStep]:
    """What a worker does with a step whose page this is; returns the next."""
    token = uuid.uuid4()
    async with unit.database.connection() as connection:
        claim = await step_table.claim_step(
            connection,
            ClaimRequest(
                search_id=step.search_id,
                step=step.step,
                generation=step.generation,
                token=token,
                lease=timedelta(seconds=60),
                sequence=1,
                attempts_max=5,
            ),
        )
        assert claim is not None
        call = CallRequest(
            id=unit.clock.new_id(),
            job_id=claim.job_id,
            search_id=claim.search_id,
            step=claim.step,
            token=token,
            platform=PLATFORM.name,
            kind="page",
            path=_PATH,
            fingerprint="",
            credits=1,
            pages=1,
        )
        is_open = await ledger_table.open_call(connection, call)
        assert is_open
    settled = Settlement(
        id=call.id, job_id=claim.job_id, credits=1, http_status=200, reason=None, milliseconds=1, bytes=1
    )
    _, due = await commit_page(unit, PLATFORM, claim, token, PaidPage(page=page, settlement=settled))
    return due


def make_item(number: int) -> Item:
    """About as large as what TikTok's search brings."""
    handle = f"kitchen.{number}"
    account = Account(
        platform_id=f"{6_800_000_000_000_000_000 + number}",
        handle=handle,
        name=f"Kitchen {number} 🥦",
        url=f"https://www.tiktok.com/@{handle}",
        followers=1000 + number,
        verified=number % 20 == 0,
        bio=f"Cooking from a very small kitchen\ncollabs: hello{number}@kitchen-{number}.com",
        avatar_url=f"https://p16.example-cdn.com/tos-maliva-avt-0068/{number:032x}~tplv-tiktokx-cropcenter:720:720.jpeg",
    )
    content = Content(
        platform_id=f"{7_300_000_000_000_000_000 + number}",
        url=f"https://www.tiktok.com/@{handle}/video/{7_300_000_000_000_000_000 + number}",
        text=f"Ten minute dinner number {number}, all from one pan #vegan #easyrecipes #dinner",
        statistics=Statistics(views=100_000 + number, likes=5000 + number, comments=90, shares=40),
        hashtags=("vegan", "easyrecipes", "dinner"),
    )
    return Item(item_id=content.platform_id, account=account, content=content)
