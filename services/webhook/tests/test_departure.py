"""The sweep sees an account off: after it no column of no table says who it was or what they looked for."""

import asyncio
import json
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from psycopg import sql
from psycopg.types.json import Jsonb
from pydantic import SecretStr

from common.crash import Crash, CrashPoint
from common.db.pool import Database
from common.settings import DatabaseSettings
from common.transaction.account import AccountLeavesError, request_deletion
from webhook.departure import DEPARTURES_MAX, see_off
from webhook.sweep import sweep_once

pytestmark = [pytest.mark.anyio, pytest.mark.security]

USER = "user_departs7391"
OWNER = f"user:{USER}"
MARKS = (USER, "campaign7391", "keyword7391", "tag7391", "handle7391", "mail7391@example.com", "key7391")


class DeathError(Exception):
    """The process dies here."""


async def settle_in(site: Any) -> UUID:
    """Everything that an owner can have: a final job with creators, one that runs, a campaign, a key, a letter, a
    setting that they changed, a share in an organisation's work."""
    running = await site.new_job("keyword7391", owner=OWNER)
    [due] = await site.new_job("keyword7391", owner=OWNER)
    values = {"job": due.job_id, "search": due.search_id, "owner": OWNER, "user": USER}
    await site.query(
        """insert into upstream_calls (id, job_id, search_id, step, platform, token, kind, path, fingerprint, status,
               credits_reserved, credits_charged, settled_at)
           values (gen_random_uuid(), %(job)s, %(search)s, 0, 'tiktok', gen_random_uuid(), 'page', '/', 'keyword7391',
               'settled', 1, 1, now())""",
        **values,
    )
    await site.query(
        "update jobs set status = 'cancelled', stop_reason = 'cancelled', ended_at = now() where id = %(job)s", **values
    )
    # It spent something of today's quota, so that the owner's name stays until the day is over.
    await site.query("update jobs set credits_spent = 1, calls_count = 1 where id = %(job)s", **values)
    await site.query("update steps set phase = 'done', items_count = 0 where job_id = %(job)s", **values)
    await site.query(
        """insert into candidates (job_id, platform_id, search_id, step, ordinal, assigned_search_id, assigned_step,
               outcome, seq, delivered_at, handle, details)
           select %(job)s, 'handle7391' || n, %(search)s, 0, n, %(search)s, 0, 'delivered', 100 + n, now(),
               'handle7391', '{"contact": "mail7391@example.com"}' from generate_series(1, 3) n""",
        **values,
    )
    campaign = uuid4()
    await site.query(
        "insert into campaigns (id, owner, created_by, name) values (%(id)s, %(owner)s, %(user)s, 'campaign7391')",
        id=campaign,
        **values,
    )
    await site.query(
        """update jobs set campaign_id = %(id)s, tags = array['tag7391'], created_by = %(user)s,
               input = '{"keywords": ["keyword7391"]}' where id = %(job)s""",
        id=campaign,
        **values,
    )
    await site.query(
        """insert into idempotency_keys (owner, key, fingerprint, job_id, answer)
           values (%(owner)s, 'key7391', 'f', %(job)s, 'keyword7391')""",
        **values,
    )
    await site.query("insert into dead_letters (id, job_id, reason) values (gen_random_uuid(), %(job)s, 'r')", **values)
    await site.query(
        """insert into dead_letters (id, reason, resolved_at, resolution, resolved_by)
           values (gen_random_uuid(), 'r', now(), 'discarded', %(user)s)""",
        **values,
    )
    admins = Jsonb([USER, "user_stays"])
    await site.query(
        """insert into system_settings (category, key, value, updated_by)
           values ('limits', 'admin_user_ids', %(admins)s, %(user)s)""",
        admins=admins,
        **values,
    )
    await site.query(
        """insert into setting_changes (id, category, key, new_value, changed_by)
           values (gen_random_uuid(), 'limits', 'admin_user_ids', %(admins)s, %(user)s)""",
        admins=admins,
        **values,
    )
    [others] = await site.new_job("their keyword", owner="org:org_acme")
    await site.query("update jobs set created_by = %(user)s where id = %(job)s", job=others.job_id, user=USER)
    assert running
    return others.job_id


async def columns_that_say(site: Any, *marks: str) -> list[str]:
    """Every column of every table that holds text in any form is read, those of later tables too."""
    columns = await site.query(
        """select c.table_name, c.column_name from information_schema.columns c
           join information_schema.tables t using (table_schema, table_name)
           where c.table_schema = 'public' and t.table_type = 'BASE TABLE'
             and c.data_type in ('text', 'jsonb', 'json', 'ARRAY', 'character varying', 'bytea', 'USER-DEFINED')"""
    )
    assert len(columns) > 60
    told: list[str] = []
    for column in columns:
        table, name = sql.Identifier(column["table_name"]), sql.Identifier(column["column_name"])
        statement = sql.SQL("select {name}::text as said from {table} where {name} is not null").format(
            table=table, name=name
        )
        said = json.dumps(await site.query(statement))
        told += [f"{column['table_name']}.{column['column_name']}: {mark}" for mark in marks if mark in said]
    return told


async def ask(site: Any) -> None:
    await request_deletion(site.office, site.webhook.resources.clock, owner=OWNER)


async def tomorrow(site: Any) -> None:
    await site.query("update owner_days set day = day - 1")


async def test_before_it_every_mark_is_somewhere(site: Any) -> None:
    """So that the search for them can fail."""
    await settle_in(site)
    told = await columns_that_say(site, *MARKS)
    assert {line.partition(": ")[2] for line in told} == set(MARKS)
    assert "jobs.created_by: " + USER in told


async def test_after_it_no_column_of_no_table_says_who_it_was(site: Any, record_property: Any) -> None:
    others = await settle_in(site)
    await ask(site)
    await sweep_once(site.webhook.resources)
    assert {line.partition(".")[0] for line in await columns_that_say(site, *MARKS)} <= {
        "account_deletions", "owners", "owner_days", "dead_letters", "setting_changes", "system_settings",
    }, "but for the owner's name, until the day of their quota is over"  # fmt: skip
    await tomorrow(site)
    await sweep_once(site.webhook.resources)
    assert await columns_that_say(site, *MARKS) == []
    [proof] = await site.query("select owner, jobs_count, done_at from account_deletions")
    assert (proof["owner"], proof["jobs_count"]) == (None, 2)
    [call] = await site.query("select owner, credits_charged from upstream_calls")
    assert call["credits_charged"] == 1
    assert call["owner"].startswith("user:deleted_")
    [job] = await site.query("select id, owner from jobs")
    assert job == {"id": others, "owner": "org:org_acme"}
    [setting] = await site.query("select value from system_settings")
    assert setting["value"] == ["user_stays"]
    record_property("told", "account deletion: every text and JSON column of every table searched, no trace found")


async def test_running_jobs_are_cancelled_before_anything_is_removed(site: Any) -> None:
    await settle_in(site)
    await ask(site)

    def die() -> None:
        raise DeathError

    resources = replace(site.webhook.resources, crash=Crash(CrashPoint.DEPARTURE_COMMITTED, die=die))
    with pytest.raises(DeathError):
        await see_off(resources)
    seen = [row["status"] for row in await site.query("select status from jobs where owner = %(owner)s", owner=OWNER)]
    assert seen == ["cancelled", "cancelled"]


@pytest.mark.parametrize("skip", range(5))
async def test_it_survives_death_after_every_step(site: Any, skip: int) -> None:
    """Killed there, it goes on and ends as if nothing had been: the steps are a cancellation, two jobs' removals, the
    rest, the end."""
    await settle_in(site)
    await ask(site)
    await tomorrow(site)

    def die() -> None:
        raise DeathError

    crash = Crash(CrashPoint.DEPARTURE_COMMITTED, skip=skip, die=die)
    with pytest.raises(DeathError):
        await see_off(replace(site.webhook.resources, crash=crash))
    await tomorrow(site)
    await see_off(site.webhook.resources)
    await see_off(site.webhook.resources)
    assert await columns_that_say(site, *MARKS) == []
    [proof] = await site.query("select jobs_count from account_deletions where done_at is not null")
    assert proof["jobs_count"] == 2


async def test_two_sweeps_at_once_do_no_harm(site: Any) -> None:
    await settle_in(site)
    await ask(site)
    resources = site.webhook.resources
    await asyncio.gather(*(see_off(resources) for _ in range(3)))
    await tomorrow(site)
    ended = await asyncio.gather(*(see_off(resources) for _ in range(3)))
    assert sum(ended) >= 1
    assert await columns_that_say(site, *MARKS) == []
    assert len(await site.query("select id from account_deletions where done_at is not null")) == 1


async def test_as_long_as_it_lasts_nothing_new_is_taken_and_then_the_same_user_is_new(site: Any) -> None:
    await settle_in(site)
    await ask(site)
    with pytest.raises(AccountLeavesError):
        await site.new_job(owner=OWNER)
    await see_off(site.webhook.resources)
    with pytest.raises(AccountLeavesError):
        await site.new_job(owner=OWNER)
    await tomorrow(site)
    await see_off(site.webhook.resources)
    await site.new_job(owner=OWNER)
    [job] = await site.query("select removed_count from jobs where owner = %(owner)s", owner=OWNER)
    assert job["removed_count"] == 0


async def test_the_sweep_sees_off_as_the_role_that_the_webhook_has(site: Any, service_database_url: Any) -> None:
    """With no more rights than the migration grants."""
    await settle_in(site)
    await ask(site)
    settings = DatabaseSettings(database_url=SecretStr(service_database_url("webhook")))
    database = Database(settings, name="webhook", size_max=3)
    await database.open()
    try:
        await sweep_once(replace(site.webhook.resources, database=database))
        await tomorrow(site)
        await sweep_once(replace(site.webhook.resources, database=database))
    finally:
        await database.close()
    assert await columns_that_say(site, *MARKS) == []


async def test_accounts_that_wait_for_the_end_of_the_day_keep_no_other_from_theirs(site: Any) -> None:
    """As many as a sweep works on wait: who asks after them is gone at once all the same."""
    office, clock = site.office, site.webhook.resources.clock
    for number in range(DEPARTURES_MAX):
        await site.query("insert into owners (owner) values (%(owner)s)", owner=f"user:waits_{number}")
        await site.query(
            """insert into owner_days (owner, day, credits_granted)
               values (%(owner)s, (now() at time zone 'UTC')::date, 1)""",
            owner=f"user:waits_{number}",
        )
        await request_deletion(office, clock, owner=f"user:waits_{number}")
    await request_deletion(office, clock, owner=OWNER)
    assert await see_off(site.webhook.resources) == 1
    assert await site.query("select 1 as one from owners where owner = %(owner)s", owner=OWNER) == []


async def test_when_its_time_is_over_nothing_new_is_begun_and_the_next_sweep_goes_on(site: Any) -> None:
    """However much there is to remove: other owners' jobs, which run, wait for that sweep."""
    await settle_in(site)
    await ask(site)
    await tomorrow(site)
    resources = site.webhook.resources
    assert await see_off(resources, ends_at=resources.clock.now()) == 0
    statuses = {
        row["status"] for row in await site.query("select status from jobs where owner = %(owner)s", owner=OWNER)
    }
    assert statuses == {"cancelled", "pending"}
    await see_off(resources, ends_at=resources.clock.now() + timedelta(minutes=1))
    assert await site.query("select id from jobs where owner = %(owner)s", owner=OWNER) == []
