"""The hot statements walk indexes: each is run as it is and explained among twenty thousand steps."""

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, date, datetime, timedelta
from hashlib import md5
from typing import Any
from uuid import UUID, uuid4

import pytest
from psycopg import AsyncCursor
from pydantic import SecretStr

from common.db import (
    account,
    administration,
    call,
    campaign,
    campaign_creator,
    candidate,
    census,
    dead_letter,
    deletion,
    event,
    export,
    idempotency,
    job,
    job_list,
    ledger,
    operator,
    outcome,
    owner,
    platform_state,
    poll,
    profile,
    purge,
    quota,
    reopening,
    result,
    search,
    step,
    sweep,
    usage,
)
from common.db.pool import Connection, Database
from common.domain.job import JobStatus
from common.domain.step import DueStep
from common.settings import DatabaseSettings

LEASE = timedelta(seconds=30)

# 1,000 jobs of which 20 run and 20 are of one campaign, 5,000 searches, 20,000 steps of which 100 are due, 60,000
# candidates; of the calls 100 are open, of the final jobs 10 hold something of their owner's quota, of 20,000 profiles
# 10 are being bought, and of 5,000 dead letters 50 are open.
FILL = (
    "insert into owners (owner) select 'user:u' || n from generate_series(1, 50) n",
    """insert into jobs (id, owner, created_by, platform, mode, input, target_results, pages_max, credits_max,
           parallel_searches_max, timeout, delay_between_calls, queue_until, admitted_at)
       select md5('j' || n)::uuid, 'user:u' || n % 50 + 1, 'u', 'tiktok', 'keyword', '{}', 1000, 200, 5000, 5, '1 hour',
           '0', now() + interval '1 day', case when n <> 20 then now() end
       from generate_series(1, 1000) n""",
    "insert into campaigns (id, owner, name, created_by) values (md5('c')::uuid, 'user:u7', 'n', 'u')",
    "update jobs set campaign_id = md5('c')::uuid where owner = 'user:u7'",
    """update jobs set status = 'error', stop_reason = 'failed', ended_at = now()
       where id not in (select md5('j' || n)::uuid from generate_series(1, 20) n)""",
    """insert into searches (id, job_id, ordinal, kind, query, status, end_reason)
       select md5('s' || n)::uuid, md5('j' || (n - 1) / 5 + 1)::uuid, (n - 1) % 5, 'keyword', 'q',
           case when n <= 100 then 'active' else 'ended' end, case when n > 100 then 'exhausted' end
       from generate_series(1, 5000) n""",
    """insert into steps (id, search_id, step, job_id, phase, item_ids)
       select gen_random_uuid(), md5('s' || n)::uuid, k, md5('j' || (n - 1) / 5 + 1)::uuid,
           case when n <= 100 and k = 3 then 'page' else 'done' end, array['a' || k, 'b' || n]
       from generate_series(1, 5000) n, generate_series(0, 3) k""",
    """insert into candidates (job_id, platform_id, search_id, step, ordinal, assigned_search_id, assigned_step,
           outcome, seq, delivered_at, handle, details)
       select job_id, search_id || step::text || n, search_id, step, n, search_id, step,
           case when n = 1 then 'delivered' when n = 2 then 'surplus' else 'filtered' end,
           case when n = 1 then row_number() over () end, case when n = 1 then now() end, 'h', '{}'
       from steps, generate_series(1, 3) n""",
    """with paged as (update steps set items_count = 1 where phase = 'done' returning search_id, step, job_id)
       insert into step_outcomes (search_id, step, job_id, outcome, count)
       select search_id, step, job_id, 'delivered', 1 from paged""",
    """insert into job_events (job_id, seq, kind)
       select md5('j' || n)::uuid, k, 'progressed' from generate_series(1, 1000) n, generate_series(1, 40) k""",
    """insert into upstream_calls (id, job_id, search_id, step, platform, token, kind, path, fingerprint, status,
           credits_reserved, credits_charged, settled_at)
       select gen_random_uuid(), job_id, search_id, step, 'tiktok', gen_random_uuid(), 'page', '/', 'f', 'settled', 1,
           1, now() from steps""",
    """insert into upstream_calls (id, job_id, search_id, step, platform, token, kind, path, fingerprint, status,
           credits_reserved, opened_at)
       select gen_random_uuid(), job_id, search_id, step, 'tiktok', gen_random_uuid(), 'page', '/', 'f', 'open', 1,
           now() - interval '1 hour' from steps where phase = 'page'""",
    """update jobs set credits_granted = 5
       where id in (select md5('j' || n)::uuid from generate_series(101, 110) n)""",
    """insert into owner_days (owner, day) select 'user:u' || n, date '2026-01-01' + k
       from generate_series(1, 50) n, generate_series(1, 365) k""",
    "insert into spending_days (day) select date '2016-01-01' + k from generate_series(1, 3650) k",
    """insert into profiles (platform, platform_id, status, fetched_at, claimed_by, claimed_until)
       select 'tiktok', 'p' || n, 'not_found', now(), case when n <= 10 then gen_random_uuid() end, now()
       from generate_series(1, 20000) n""",
    """insert into dead_letters (id, job_id, search_id, step, generation, reason, created_at, resolved_at, resolution)
       select gen_random_uuid(), md5('j' || n / 5)::uuid, gen_random_uuid(), 0, 0, 'r', now() - n * interval '1 minute',
           case when n > 50 then now() end, case when n > 50 then 'retried' end
       from generate_series(1, 5000) n""",
    "analyze",
)
JOB, SEARCH, TOKEN = (UUID(text) for text in ("0" * 32, "1" * 32, "2" * 32))  # replaced by those that are there
PLACE: dict[str, Any] = {"search_id": SEARCH, "step": 3}
CALL = ledger.CallRequest(
    id=uuid4(),
    job_id=JOB,
    **PLACE,
    token=TOKEN,
    platform="tiktok",
    kind="page",
    path="/",
    fingerprint="f",
    credits=1,
    pages=1,
)
SETTLEMENT = ledger.Settlement(id=uuid4(), job_id=JOB, credits=1, http_status=200, reason=None, milliseconds=1, bytes=1)
CLAIM = step.ClaimRequest(**PLACE, generation=0, token=TOKEN, lease=LEASE, sequence=1, attempts_max=5)
DUE = DueStep(job_id=JOB, **PLACE, generation=0)
MINUTE = timedelta(minutes=1)
GONE = profile.SeenProfile(platform="tiktok", platform_id="p1", status="not_found", account=None)
BUYING = profile.ProfileClaim(platform="tiktok", platform_id="p1", token=TOKEN, lasts=MINUTE, max_age=MINUTE)
PLACE_OF_RESULT = result.ResultPlace(seq=5, likeness=0.5, followers=5)
RESULTS = result.ResultQuery(owner="user:u7", job_id=JOB, after=PLACE_OF_RESULT, count_max=51)
CALLS = call.CallQuery(owner="user:u7", job_id=JOB, after=TOKEN, kind="page", status=None, count_max=51)
DAYS = {"owner": "user:u7", "since": date(2026, 1, 1), "until": date(2026, 1, 30)}
USAGE = usage.UsageQuery(**DAYS, by_day=True, by_platform=True, by_job=True, after=None, count_max=51)
CAMPAIGN = UUID(md5(b"c", usedforsecurity=False).hexdigest())
FOUND = export.FoundQuery(owner="user:u7", job_id=JOB, seq=5, count_max=200)
MERGED = export.MergedQuery(owner="user:u7", campaign_id=CAMPAIGN, platform="tiktok", platform_id="z", count_max=5)
NOTHING_SINCE = datetime(2100, 1, 1, tzinfo=UTC)  # what is there is no creator that could be read
NEWEST = campaign_creator.NewestQuery(
    owner="user:u7", campaign_id=CAMPAIGN, new_since=NOTHING_SINCE, after=None, count_max=51
)
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
NOBODY = purge.RemovedCreators(count=0, delivered=0)
EVENTS = event.EventQuery(owner="user:u7", job_id=JOB, after=2, count_max=64)
JOBS = job_list.JobQuery(owner="user:u7", before=JOB, count_max=51)
RARE_JOBS = JOBS.model_copy(update={"statuses": [JobStatus.TIMEOUT, JobStatus.CANCELLED], "before": None})
CAMPAIGNS = campaign.CampaignQuery(owner="user:u7", is_archived=None, before=None, count_max=51)
CHOSEN_JOBS = JOBS.model_copy(update={"tags": ["t"], "campaign_id": CAMPAIGN, "before": None})
REOPENING = reopening.Reopening(job_id=JOB, target_results=1, pages_max=1, credits_max=1, queue_timeout=MINUTE)

HOT: dict[str, Callable[[Connection], Awaitable[Any]]] = {
    "claim": lambda c: step.claim_step(c, CLAIM),
    "view a step": lambda c: step.view_step(c, **PLACE),
    "renew": lambda c: step.renew_lease(c, **PLACE, token=TOKEN, lease=LEASE),
    "lock a step": lambda c: step.lock_step(c, **PLACE, token=TOKEN),
    "due steps": lambda c: step.due_steps(c, job_id=JOB),
    "release held": lambda c: step.release_held(c, job_id=JOB),
    "stranded": lambda c: step.stranded_steps(c, **PLACE),
    "published": lambda c: step.note_published(c, step=DUE, qstash_message_id="m"),
    "lock a page": lambda c: step.lock_page(c, **PLACE, token=TOKEN),
    "seen before": lambda c: step.seen_before(
        c, job_id=JOB, search_id=SEARCH, platform_ids=["a", "b", "c"], item_ids=["a1", "b2"]
    ),
    "gate": lambda c: ledger.open_call(c, CALL),
    "view the gate": lambda c: ledger.view_gate(c, CALL),
    "settle a call": lambda c: ledger.settle_call(c, SETTLEMENT),
    "settle a profile's call": lambda c: ledger.settle_profile_call(c, SETTLEMENT, GONE),
    "lose calls": lambda c: ledger.lose_open_calls(c, job_id=JOB, **PLACE, token=TOKEN),
    "stale calls": lambda c: ledger.stale_calls(c, older_than=MINUTE, count_max=500),
    "living token": lambda c: ledger.living_token(c, **PLACE),
    "view a grant": lambda c: quota.view_grant(c, job_id=JOB),
    "grant": lambda c: quota.grant(c, job_id=JOB, amount=1, day=date(2026, 1, 1)),
    "add to a day": lambda c: quota.add_to_day(c, owner="user:u7", amount=1, credits_per_day=9),
    "granted today": lambda c: quota.granted_today(c, owner="user:u7"),
    "release a grant": lambda c: quota.release_grant(c, job_id=JOB),
    "add to all jobs' day": lambda c: quota.add_to_all(c, amount=1, credits_per_day=9),
    "give back to all": lambda c: quota.give_back_to_all(c, day=date(2026, 1, 1), amount=1),
    "granted to all": quota.granted_to_all_today,
    "forget minutes": lambda c: quota.forget_minutes(c, older_than=MINUTE),
    "read a platform": lambda c: platform_state.read_platform(c, platform="tiktok"),
    "unreleased jobs": lambda c: quota.unreleased_jobs(c, count_max=500),
    "fresh profiles": lambda c: profile.fresh_profiles(c, platform="tiktok", platform_ids=["p1", "p2"], max_age=MINUTE),
    "claim a profile": lambda c: profile.claim_profile(c, BUYING),
    "release a profile": lambda c: profile.release_profile(c, platform="tiktok", platform_id="p1", token=TOKEN),
    "pending": lambda c: candidate.pending_of_step(c, job_id=JOB, **PLACE),
    "still pending": lambda c: candidate.still_pending(c, job_id=JOB, **PLACE),
    "open candidates": lambda c: candidate.open_candidates(c, job_id=JOB),
    "promote": lambda c: candidate.promote_reserve(c, job_id=JOB, **PLACE, count_max=5),
    "discard": lambda c: candidate.discard_reserve(c, job_id=JOB),
    "settle candidates": lambda c: candidate.settle_candidates(c, job_id=JOB, rows=[]),
    "lock a job": lambda c: job.lock_job(c, job_id=JOB),
    "tally": lambda c: search.tally(c, job_id=JOB),
    "start searches": lambda c: search.start_waiting(c, job_id=JOB, count_max=5),
    "count admitted": lambda c: owner.count_admitted(c, owner="user:u7"),
    "standing": lambda c: owner.view_standing(c, owner="user:u7"),
    "next waiting": lambda c: owner.next_waiting(c, owner="user:u7", count_max=5),
    "owners with a turn": lambda c: owner.owners_with_a_turn(c, active_jobs_max=5, count_max=500),
    "view what is spent": lambda c: reopening.view_spent(c, job_id=JOB),
    "reopen a job": lambda c: reopening.reopen_job(c, REOPENING),
    "reopen searches": lambda c: reopening.reopen_searches(c, job_id=JOB, ends=["job_ended"]),
    "note a limit": lambda c: reopening.note_limit(c, job_id=JOB, reason="credit_limit"),
    "hold steps": lambda c: reopening.hold_steps(c, job_id=JOB),
    "return surplus": lambda c: reopening.return_surplus(c, job_id=JOB),
    "promote in place": lambda c: reopening.promote_in_place(c, job_id=JOB, count_max=5),
    "reopen enrichments": lambda c: reopening.reopen_enrichments(c, job_id=JOB),
    "lose all calls": lambda c: reopening.lose_all_open_calls(c, job_id=JOB),
    "reopen a search": lambda c: reopening.reopen_failed_search(c, **PLACE),
    "hold a step": lambda c: reopening.hold_step(c, **PLACE),
    "resolve letters": lambda c: dead_letter.resolve_letters(c, job_id=JOB, resolution="retried"),
    "is paused": lambda c: sweep.is_paused(c, job_id=JOB),
    "overdue": sweep.overdue_jobs,
    "census of jobs": census.count_jobs,
    "census of steps": census.count_steps,
    "census of letters": census.count_letters,
    "stalled": lambda c: sweep.stalled_steps(c, stalled_after=MINUTE, unpublished_after=MINUTE),
    "idle": lambda c: sweep.idle_jobs(c, idle_for=MINUTE),
    "raise": lambda c: sweep.raise_generation(c, **PLACE, generation=0),
    "version": lambda c: poll.read_version(c, owner="user:u7", platform="tiktok", job_id=JOB),
    "poll": lambda c: poll.read_poll(c, owner="user:u7", platform="tiktok", job_id=JOB),
    "head of results": lambda c: result.read_result_head(c, owner="user:u7", job_id=JOB),
    "results by delivery": lambda c: result.list_found(c, RESULTS),
    "results by likeness": lambda c: result.list_alike(c, RESULTS),
    "first results by likeness": lambda c: result.list_alike(c, RESULTS.model_copy(update={"after": None})),
    "results by followers": lambda c: result.list_followed(c, RESULTS),
    "first results by followers": lambda c: result.list_followed(c, RESULTS.model_copy(update={"after": None})),
    "funnel": lambda c: outcome.read_funnel(c, owner="user:u7", job_id=JOB),
    "calls": lambda c: call.list_calls(c, CALLS),
    "usage": lambda c: usage.list_usage(c, USAGE),
    "sum of usage": lambda c: usage.sum_usage(c, **DAYS),
    "batch of a job": lambda c: export.list_job_batch(c, FOUND),
    "batch of a campaign": lambda c: export.list_campaign_batch(c, MERGED),
    "newest of a campaign": lambda c: campaign_creator.list_newest(c, NEWEST),
    "events": lambda c: event.list_events(c, EVENTS),
    "heads": lambda c: event.list_heads(c, [(JOB, "user:u7")]),
    "list jobs": lambda c: job_list.list_jobs(c, JOBS),
    "list chosen jobs": lambda c: job_list.list_jobs(c, CHOSEN_JOBS),
    "list jobs of statuses": lambda c: job_list.list_jobs(c, RARE_JOBS),
    "list campaigns": lambda c: campaign.list_campaigns(c, CAMPAIGNS),
    "read a campaign": lambda c: campaign.read_campaign(c, owner="user:u7", campaign_id=CAMPAIGN),
    "letters": lambda c: administration.read_letters(c, administration.LetterFilter(count_max=5)),
    "find a person": lambda c: operator.find_person(c, platform="tiktok", handle="mira", with_data=False),
    "kept answer": lambda c: idempotency.read_answer(c, owner="user:u7", key="k"),
    "open calls": lambda c: deletion.count_open_calls(c, job_id=JOB),
    "jobs of a campaign": lambda c: deletion.jobs_of_campaign(c, owner="user:u7", campaign_id=CAMPAIGN),
    "discard letters": lambda c: deletion.discard_letters(c, job_id=JOB, by="user_1"),
    "jobs with old creators": lambda c: purge.jobs_with_old_creators(c, until=LONG_AGO, count_max=10),
    "delete creators": lambda c: purge.delete_creators(c, job_id=JOB, until=LONG_AGO, count_max=1000),
    "oldest creator": lambda c: purge.oldest_creator(c, job_id=JOB),
    "note a removal": lambda c: purge.note_removal(c, job_id=JOB, removed=NOBODY, since=None),
    "forget the target": lambda c: purge.forget_target(c, job_id=JOB),
    "forget items": lambda c: purge.forget_items(c, job_id=JOB),
    "forget questions": lambda c: purge.forget_questions(c, job_id=JOB),
    "old profiles": lambda c: purge.delete_profiles(c, until=LONG_AGO, count_max=1000),
    "old letters": lambda c: purge.delete_letters(c, until=LONG_AGO, count_max=1000),
    "old days": lambda c: purge.delete_owner_days(c, until=LONG_AGO, count_max=1000),
    "is leaving": lambda c: account.is_leaving(c, owner="user:u7"),
    "departures": lambda c: account.list_departures(c, count_max=5),
    "some departures": lambda c: account.some_departures(c, count_max=5),
    "active jobs of an owner": lambda c: account.active_jobs_of(c, owner="user:u7", count_max=20),
    "jobs of an owner": lambda c: account.jobs_of(c, owner="user:u7", count_max=20),
    "hand calls over": lambda c: account.hand_over_calls(c, owner="user:u7", heir="user:u8", count_max=10),
    "rename who created": lambda c: account.rename_creator_of_jobs(
        c, user_id="user_1", pseudonym="deleted_1", count_max=10
    ),
    "read a job": lambda c: poll.read_job(c, owner="user:u7", job_id=JOB),
}

# What the gateway asks, under row-level security.
GATEWAYS = (
    *(
        "granted today",
        "standing",
        "lock a job",
        "count admitted",
        "next waiting",
        "tally",
        "start searches",
        "due steps",
    ),
    *("published", "release held", "settle candidates", "discard", "open candidates", "view a grant", "grant"),
    *("add to a day", "release a grant", "view what is spent", "reopen a job", "reopen searches", "note a limit"),
    *("hold steps", "return surplus", "promote in place", "reopen enrichments", "lose all calls", "reopen a search"),
    *("hold a step", "resolve letters", "poll", "head of results", "results by delivery", "results by likeness"),
    *("first results by likeness", "results by followers", "first results by followers", "funnel", "calls", "usage"),
    *("sum of usage", "batch of a job", "batch of a campaign", "newest of a campaign", "events", "heads", "list jobs"),
    *("list jobs of statuses", "list campaigns", "read a campaign"),
    *("list chosen jobs", "kept answer", "open calls", "jobs of a campaign", "discard letters", "read a job"),
)

LARGE = {"jobs", "searches", "steps", "candidates", "step_outcomes", "upstream_calls"}
LARGE |= {"job_events", "owner_days", "profiles", "dead_letters", "spending_days"}


class Listener(AsyncCursor[Any]):
    """A cursor that remembers what it was asked."""

    asked: list[tuple[Any, Any]]

    async def execute(self, query: Any, params: Any = None, **options: Any) -> Any:
        Listener.asked.append((query, params))
        return await super().execute(query, params, **options)


@pytest.fixture(scope="module")
async def connection(module_database_url: str) -> AsyncIterator[Connection]:
    database = Database(DatabaseSettings(database_url=SecretStr(module_database_url)), name="test", size_max=1)
    await database.open()
    async with database.connection() as connection:
        await connection.execute("set statement_timeout = '60s'")
        for statement in FILL:
            await connection.execute(statement)  # pyright: ignore
        cursor = await connection.execute("select job_id, search_id from steps where phase = 'page' limit 1")
        found = await cursor.fetchone()
        assert found is not None
        yield connection
    await database.close()


async def plans_of(
    connection: Connection, ask: Callable[[Connection], Awaitable[Any]], *, as_gateway: bool = False
) -> list[str]:
    """How Postgres would run each statement of a function, its constants replaced by a job and step that are there."""
    cursor = await connection.execute(
        "select job_id, search_id from steps where phase = 'page' order by search_id limit 1"
    )
    row = await cursor.fetchone()
    assert row is not None
    real = dict(zip((JOB, SEARCH), row, strict=True))
    Listener.asked = []
    async with connection.transaction(force_rollback=True):
        if as_gateway:
            await connection.execute("set local role creatorscout_gateway")
            await connection.execute("set local app.owner = 'user:u7'")
        connection.cursor_factory = Listener
        try:
            await ask(connection)
        finally:
            connection.cursor_factory = AsyncCursor
    plans: list[str] = []
    for query, params in Listener.asked:
        given = {
            name: real.get(value, value) if isinstance(value, UUID) else value for name, value in (params or {}).items()
        }
        async with connection.transaction(force_rollback=True):
            if as_gateway:
                await connection.execute("set local role creatorscout_gateway")
                await connection.execute("set local app.owner = 'user:u7'")
            cursor = await connection.execute(f"explain {query}", given)  # pyright: ignore
            plans.append("\n".join(line[0] for line in await cursor.fetchall()))
    return plans


@pytest.mark.parametrize("name", HOT)
async def test_a_hot_statement_reads_no_table_from_end_to_end(connection: Connection, name: str) -> None:
    plans = await plans_of(connection, HOT[name])
    assert plans
    for plan in plans:
        scanned = re.findall(r"Seq Scan on (\w+)", plan)
        assert not LARGE & set(scanned), plan


@pytest.mark.parametrize("name", GATEWAYS)
async def test_a_hot_statement_of_the_gateway_does_neither_under_row_level_security(
    connection: Connection, name: str
) -> None:
    """Where a condition that is not leakproof is no index condition any more, and each row's job is looked at."""
    plans = await plans_of(connection, HOT[name], as_gateway=True)
    assert plans
    for plan in plans:
        assert "current_setting" in plan or "InitPlan" in plan, plan
        scanned = re.findall(r"Seq Scan on (\w+)", plan)
        assert not LARGE & set(scanned), plan


async def test_the_version_of_a_job_is_one_look_at_its_key(connection: Connection) -> None:
    """Inside the function, where no plan is shown."""

    async def ask(connection: Connection) -> None:
        await connection.execute(
            """select j.event_seq, j.status from jobs j
               where j.id = %(job)s and j.owner = %(owner)s and j.platform = %(platform)s""",
            {"job": JOB, "owner": "user:u7", "platform": "tiktok"},
        )

    [plan] = await plans_of(connection, ask, as_gateway=True)
    assert re.search(r"Index Scan using \w+ on jobs j .*\n\s+Index Cond: .*\bid = ", plan), plan
    body = await connection.execute("select prosrc from pg_proc where proname = 'job_version'")
    found = await body.fetchone()
    assert found is not None
    assert "where j.id = the_job and j.owner = the_owner and j.platform = the_platform" in found[0]


async def test_the_sweep_reads_only_what_is_open(connection: Connection) -> None:
    """Its lists cost what is due, not what was ever done."""
    indexes = {
        "overdue": "jobs_(overdue|active)",
        "stalled": "steps_open",
        "idle": "jobs_(overdue|active)",
        "owners with a turn": "jobs_(overdue|active)",
        "stale calls": "upstream_calls_(stale|open)",
        "unreleased jobs": "jobs_unreleased",
        "claim": "profiles_claimed",
        "jobs with old creators": "jobs_with_creators",
        "old profiles": "profiles_by_age",
        "old letters": "dead_letters_by_age",
        "census of jobs": "jobs_(overdue|active)",
        "census of steps": "steps_open",
        "census of letters": "dead_letters_(open|by_job)",
    }
    for name, index in indexes.items():
        [plan] = await plans_of(connection, HOT[name])
        assert re.search(index, plan), plan


async def test_pages_come_in_their_order_from_an_index(connection: Connection) -> None:
    for name, index in {
        "results by delivery": "candidates_by_seq",
        "batch of a job": "candidates_by_seq",
        "results by likeness": "candidates_by_likeness",
        "first results by likeness": "candidates_by_likeness",
        "results by followers": "candidates_by_followers",
        "first results by followers": "candidates_by_followers",
        "calls": "upstream_calls_by_job",
    }.items():
        await connection.execute("set enable_sort = off")  # a job of the few creators here is sorted as fast
        [plan] = await plans_of(connection, HOT[name])
        await connection.execute("reset enable_sort")
        assert index in plan, plan
        assert "Sort" not in plan, plan


async def test_a_campaigns_batch_reads_a_few_rows_of_each_job_in_their_order(connection: Connection) -> None:
    """So it costs as much at the end of a large campaign as at its beginning."""
    [plan] = await plans_of(connection, HOT["batch of a campaign"])
    assert re.search(r"->  Limit[^\n]*\n\s+->  Index (Only )?Scan using candidates_(delivered|pkey)", plan), plan
    assert "platform_id >" in plan


async def test_events_are_found_from_their_place_on(connection: Connection) -> None:
    """Each of the two tables is read from the place by its index, and no further than is asked for."""
    await connection.execute("set enable_sort = off")
    [plan] = await plans_of(connection, HOT["events"])
    await connection.execute("reset enable_sort")
    assert "job_events_pkey" in plan, plan
    assert "candidates_by_seq" in plan, plan
    assert "Merge Append" in plan, plan


async def test_a_dead_holders_claims_and_a_jobs_letters_are_found_among_all(connection: Connection) -> None:
    [plan] = await plans_of(connection, HOT["lose calls"])
    assert "profiles_claimed" in plan, plan
    [plan] = await plans_of(connection, operator.open_letter_ids)
    assert re.search("dead_letters_(open|by_job)", plan), plan
    [plan] = await plans_of(connection, HOT["resolve letters"])
    assert re.search("dead_letters_(by_job|open)", plan), plan


async def test_a_person_is_looked_for_by_indexes(connection: Connection) -> None:
    """Among all creators, profiles and the targets of jobs."""
    [plan] = await plans_of(connection, HOT["find a person"])
    for index in ("candidates_by_handle", "profiles_by_handle", "jobs_by_target", "jobs_by_target_handle"):
        assert re.search(rf"\b{index}\b", plan), plan


async def test_a_reference_is_looked_for_by_indexes(connection: Connection) -> None:
    [plan] = await plans_of(connection, lambda c: operator.jobs_of_reference(c, reference="0123456789ab"))
    for index in ("jobs_by_reference", "dead_letters_by_reference"):
        assert re.search(rf"\b{index}\b", plan), plan


async def test_jobs_of_a_rare_status_are_found_without_the_others(connection: Connection) -> None:
    """However many jobs the owner has, a page of each status is read from its place in an index."""
    await connection.execute("set enable_sort = off")  # an owner of the few jobs here is read and sorted as fast
    [plan] = await plans_of(connection, HOT["list jobs of statuses"], as_gateway=True)
    await connection.execute("reset enable_sort")
    assert re.search(r"jobs_by_status on jobs[^\n]*\n\s+Index Cond: [^\n]*owner = [^\n]*status = [^\n]*id < ", plan), (
        plan
    )


async def test_a_campaigns_jobs_are_counted_without_the_owners_others(connection: Connection) -> None:
    for name in ("list campaigns", "read a campaign"):
        [plan] = await plans_of(connection, HOT[name], as_gateway=True)
        assert "jobs_by_campaign" in plan, plan
        assert "jobs_by_owner" not in plan, plan


@pytest.mark.parametrize("name", ["list jobs", "list chosen jobs", "list jobs of statuses", "letters"])
async def test_what_may_leave_conditions_out_is_planned_for_its_values(connection: Connection, name: str) -> None:
    """A prepared statement goes over to one plan for all values, which reads all rows that any of them may want."""
    for _ in range(3):
        await HOT[name](connection)
    cursor = await connection.execute(
        """select statement from pg_prepared_statements
           where statement not like 'explain%' and statement not like '%pg_prepared_statements%'
             and (statement like '%from dead_letters l left join%' or statement like '%targetUsername'' as target,%')"""
    )
    assert await cursor.fetchall() == []


async def test_the_guard_sees_a_scan(connection: Connection) -> None:
    """A statement without an index does show."""

    async def scan(connection: Connection) -> None:
        await connection.execute("select count(*) from steps where attempts > %(least)s", {"least": 3})

    [plan] = await plans_of(connection, scan)
    assert "Seq Scan on steps" in plan
