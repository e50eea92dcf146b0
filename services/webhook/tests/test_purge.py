"""The sweep's purge: each class goes when it is due and not before, in batches, with a proof, whatever dies between."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from pydantic import SecretStr

from common.clock import Clock
from common.crash import Crash, CrashPoint
from common.db.job import lock_job
from common.db.pool import Database
from common.domain.retention import DataClass
from common.settings import DatabaseSettings
from common.transaction.deletion import delete_job
from common.transaction.failure import cancel_job
from local.held import Held, until_waiting
from webhook.purge import Bounds, purge
from webhook.sweep import sweep_once

pytestmark = [pytest.mark.anyio, pytest.mark.security]

# What is older than these days by a moment is due, what is younger by one is not.
DAYS = {"results": 90, "profiles": 30, "dead_letters": 90, "setting_changes": 730}


class DeathError(Exception):
    """The process dies here."""


async def found(site: Any, *ages: str) -> UUID:
    """A final job with a creator found so long ago, for each age."""
    [due] = await site.new_job()
    await site.query(
        "update steps set phase = 'done', items_count = 0, item_ids = array['i'] where job_id = %(job)s",
        job=due.job_id,
    )
    for number, age in enumerate(ages):
        await site.query(
            f"""insert into candidates (job_id, platform_id, search_id, step, ordinal, assigned_search_id,
                    assigned_step, outcome, seq, delivered_at, created_at, handle, details)
                values (%(job)s, %(name)s, %(search)s, 0, 0, %(search)s, 0, 'delivered', %(seq)s, now(),
                    now() - interval '{age}', 'h', '{{}}')""",
            job=due.job_id,
            name=f"u{number}",
            search=due.search_id,
            seq=100 + number,
        )
    await cancel_job(await site.webhook.resources.unit(), due.job_id)
    await site.query(
        """update jobs set creators_since = (select min(created_at) from candidates where job_id = jobs.id)
           where id = %(job)s""",
        job=due.job_id,
    )
    return due.job_id


async def creators_of(site: Any, job_id: UUID) -> int:
    return len(await site.query("select platform_id from candidates where job_id = %(job)s", job=job_id))


async def fill(site: Any, data: str, age: str) -> None:
    """One row of a class, of this age."""
    statements = {
        "profiles": f"""insert into profiles (platform, platform_id, status, fetched_at)
                        values ('tiktok', '{uuid4()}', 'not_found', now() - interval '{age}')""",
        "dead_letters": f"""insert into dead_letters (id, reason, resolved_at, resolution)
                            values (gen_random_uuid(), 'r', now() - interval '{age}', 'discarded')""",
        "setting_changes": f"""insert into setting_changes (id, category, key, changed_by, changed_at)
                               values (gen_random_uuid(), 'c', 'k', 'user_1', now() - interval '{age}')""",
    }
    await site.query(statements[data])


async def an_hour_passes(site: Any) -> None:
    await site.query("update purges set at = at - interval '1 hour'")


@pytest.mark.parametrize("data", [name for name in DAYS if name != "results"])
async def test_a_class_goes_when_it_is_due_and_not_before(site: Any, data: str) -> None:
    await fill(site, data, f"{DAYS[data]} days 1 minute")
    await fill(site, data, f"{DAYS[data]} days -1 minute")
    assert await purge(site.webhook.resources) == {data: 1}
    assert len(await site.query(f"select from_row.* from {data} from_row")) == 1
    assert await purge(site.webhook.resources) == {}, "not before an hour is over"
    await fill(site, data, f"{DAYS[data]} days 1 minute")
    assert await purge(site.webhook.resources) == {}
    await an_hour_passes(site)
    assert await purge(site.webhook.resources) == {data: 1}
    assert await site.metric(f'creatorscout_purged_rows_total{{data="{data}"}}') == 2


async def test_a_jobs_creators_go_one_by_one_when_they_are_due(site: Any) -> None:
    """A job that was extended holds older and newer ones: another run renews nothing."""
    job_id = await found(site, "90 days 1 minute", "90 days -1 minute", "1 day")
    assert await purge(site.webhook.resources) == {"results": 1}
    assert await creators_of(site, job_id) == 2
    [job] = await site.query("select removed_count, creators_removed_at, target from jobs")
    assert (job["removed_count"], job["target"]) == (1, None)
    assert job["creators_removed_at"] is not None
    [step] = await site.query("select item_ids from steps")
    assert step["item_ids"] == ["i"], "not before the last is gone"
    await site.query("update candidates set created_at = created_at - interval '90 days'")
    await site.query("update jobs set creators_since = creators_since - interval '90 days'")
    await an_hour_passes(site)
    assert await purge(site.webhook.resources) == {"results": 2}
    [step] = await site.query("select item_ids from steps")
    assert step["item_ids"] is None


async def test_how_long_is_a_setting(site: Any) -> None:
    job_id = await found(site, "2 days")
    await site.query("insert into system_settings (category, key, value) values ('retention', 'results', '\"P1D\"')")
    site.webhook.resources.settings.forget()
    await purge(site.webhook.resources)
    assert await creators_of(site, job_id) == 0


async def test_profiles_that_need_not_be_bought_again_stay(site: Any) -> None:
    """Whoever sets less for them than `profiles.max_age` gets that."""
    for key, category, value in (("profiles", "retention", "P1D"), ("max_age", "profiles", "P7D")):
        await site.query(
            """insert into system_settings (category, key, value)
               values (%(category)s, %(key)s, to_jsonb(%(value)s::text))""",
            category=category,
            key=key,
            value=value,
        )
    site.webhook.resources.settings.forget()
    await fill(site, "profiles", "6 days")
    await fill(site, "profiles", "8 days")
    assert await purge(site.webhook.resources) == {"profiles": 1}


async def test_what_a_batch_leaves_over_goes_with_the_next_sweep(site: Any) -> None:
    """And the proof says so meanwhile."""
    two = Bounds(rows_max=2)
    job_id = await found(site, *["91 days"] * 3)
    for _ in range(3):
        await fill(site, "profiles", "31 days")
    assert await purge(site.webhook.resources, two) == {"results": 2, "profiles": 2}
    proof = {row["class"]: row["is_done"] for row in await site.query("select class, is_done from purges")}
    assert proof == {data.value: data.value not in ("results", "profiles") for data in DataClass}
    assert await purge(site.webhook.resources, two) == {"results": 1, "profiles": 1}
    assert await creators_of(site, job_id) == 0
    rows = await site.query("select class, rows from purges where is_done and rows > 0 order by class")
    assert [tuple(row.values()) for row in rows] == [("profiles", 3), ("results", 3)]


async def test_more_jobs_than_a_sweep_takes_are_left_for_the_next(site: Any) -> None:
    two = Bounds(jobs_max=2)
    for _ in range(3):
        await found(site, "91 days")
    assert await purge(site.webhook.resources, two) == {"results": 2}
    assert await purge(site.webhook.resources, two) == {"results": 1}
    assert await purge(site.webhook.resources, two) == {}


async def test_when_its_time_is_over_what_is_left_is_not_called_done(site: Any) -> None:
    job = await found(site, "100 days")
    resources = site.webhook.resources
    assert await purge(resources, Bounds(ends_at=resources.clock.now())) == {}
    [note] = await site.query("select is_done from purges where class = 'results'")
    assert (note["is_done"], await creators_of(site, job)) == (False, 1)
    assert await purge(resources) == {"results": 1}


async def test_a_job_that_its_owner_deletes_meanwhile_keeps_no_other(site: Any) -> None:
    gone, other = await found(site, "92 days"), await found(site, "91 days")
    async with site.office.transaction() as connection:
        await lock_job(connection, job_id=gone)
        purging = asyncio.create_task(purge(site.webhook.resources))
        await until_waiting(purging, site.query)
        await delete_job(await site.webhook.resources.unit(Held(connection)), gone, by="user_1")
    assert await purging == {"results": 1}
    assert await creators_of(site, other) == 0
    [note] = await site.query("select is_done from purges where class = 'results'")
    assert note["is_done"]


async def test_a_purge_that_is_killed_between_two_batches_goes_on(site: Any) -> None:
    one = Bounds(rows_max=1)
    job_id = await found(site, "91 days", "92 days")

    def die() -> None:
        raise DeathError

    resources = replace(site.webhook.resources, crash=Crash(CrashPoint.PURGE_COMMITTED, die=die))
    with pytest.raises(DeathError):
        await purge(resources, one)
    assert await creators_of(site, job_id) == 1
    await purge(site.webhook.resources, one)
    assert await creators_of(site, job_id) == 0
    [job] = await site.query("select removed_count from jobs")
    assert job["removed_count"] == 2


async def test_a_class_that_is_refused_keeps_no_other(site: Any) -> None:
    """And is tried again with the next sweep."""
    for data in ("profiles", "dead_letters"):
        await fill(site, data, "9999 days")
    await site.query("alter table profiles rename to away")
    assert await purge(site.webhook.resources) == {"dead_letters": 1}
    await site.query("alter table away rename to profiles")
    assert await purge(site.webhook.resources) == {"profiles": 1}


async def test_other_owners_and_running_jobs_keep_theirs(site: Any) -> None:
    old, new = await found(site, "91 days"), await found(site, "1 day")
    running = await found(site, "91 days")
    await site.query(
        "insert into job_transitions (from_status, to_status, action) values ('cancelled', 'pending', 'retry')"
    )
    await site.query(
        """update jobs set status = 'pending', run = 2, ended_at = null, stop_reason = null, creators_since = null
           where id = %(job)s""",
        job=running,
    )
    await purge(site.webhook.resources)
    assert [await creators_of(site, job) for job in (old, new, running)] == [0, 1, 1]


async def test_the_sweep_purges_as_the_role_that_the_webhook_has(site: Any, service_database_url: Any) -> None:
    """With no more rights than the migration grants; every class has something that is due."""
    await found(site, "91 days")
    for data in DAYS:
        if data != "results":
            await fill(site, data, "9999 days")
    await site.query("insert into owners (owner) values ('user:old')")
    await site.query("insert into owner_days (owner, day) values ('user:old', '2020-01-01')")
    settings = DatabaseSettings(database_url=SecretStr(service_database_url("webhook")))
    database = Database(settings, name="webhook", size_max=3)
    await database.open()
    try:
        await sweep_once(replace(site.webhook.resources, database=database))
    finally:
        await database.close()
    rows = await site.query("select class, rows from purges where is_done order by class")
    assert [tuple(row.values()) for row in rows] == [(data, 1) for data in sorted(data.value for data in DataClass)]


class LaterClock(Clock):
    def now(self) -> Any:
        return super().now() + timedelta(days=91)


async def test_the_purge_goes_by_the_clock_that_it_is_given(site: Any) -> None:
    job_id = await found(site, "1 minute")
    await purge(site.webhook.resources)
    assert await creators_of(site, job_id) == 1
    await an_hour_passes(site)
    await purge(replace(site.webhook.resources, clock=LaterClock()))
    assert await creators_of(site, job_id) == 0
