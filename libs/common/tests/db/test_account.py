"""The statements by which an account is deleted: each touches its owner's rows alone, or its user's name alone."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from psycopg.errors import CheckViolation, ForeignKeyViolation
from psycopg.types.json import Jsonb

from common.db import account
from common.db.account import Departure, Estate

pytestmark = [pytest.mark.server, pytest.mark.security]

AT = datetime(2026, 3, 1, tzinfo=UTC)
END = {"status": "cancelled", "stop_reason": "cancelled", "ended_at": AT}


def departure_of(scene: Any, owner: str, at: datetime = AT) -> Departure:
    name = f"deleted_{scene.clock.new_id().hex}"
    return Departure(id=scene.clock.new_id(), owner=owner, pseudonym=name, requested_at=at)


async def begin(scene: Any, owner: str, at: datetime = AT) -> Departure:
    departure = departure_of(scene, owner, at)
    async with scene.database.connection() as connection:
        await account.begin_departure(connection, departure)
    return departure


async def add_campaign(scene: Any, owner: str, created_by: str = "user_1") -> Any:
    campaign_id = scene.clock.new_id()
    await scene.query(
        "insert into campaigns (id, owner, created_by, name) values (%s, %s, %s, 'c')", campaign_id, owner, created_by
    )
    return campaign_id


async def test_a_departure_begins_once_and_is_listed_until_it_ends(scene: Any) -> None:
    first, second = await begin(scene, "user:a", AT + timedelta(hours=1)), await begin(scene, "user:b")
    again = departure_of(scene, "user:a")
    async with scene.database.connection() as connection:
        await account.begin_departure(connection, again)
        assert await account.read_departure(connection, owner="user:a") == first
        assert await account.is_leaving(connection, owner="user:a")
        assert not await account.is_leaving(connection, owner="user:c")
        assert await account.list_departures(connection, count_max=9) == [second, first]
        assert await account.list_departures(connection, count_max=1) == [second]
        await account.count_gone_job(connection, departure_id=first.id)
        for one in (first, second):
            await account.end_departure(connection, departure_id=one.id)
        assert not await account.is_leaving(connection, owner="user:a")
        assert await account.list_departures(connection, count_max=9) == []
        await account.begin_departure(connection, again)
        assert await account.read_departure(connection, owner="user:a") == again, "who comes again may leave again"
        await account.end_departure(connection, departure_id=again.id)
    [row] = await scene.query("select owner, done_at, jobs_count from account_deletions where id = %s", first.id)
    assert (row["owner"], row["jobs_count"]) == (None, 1)
    assert row["done_at"] is not None


def test_whose_the_rest_is_and_whose_name_is_forgotten() -> None:
    one = Departure.model_construct(owner="user:user_ada", pseudonym="deleted_1")
    many = Departure.model_construct(owner="org:org_acme", pseudonym="deleted_2")
    assert (one.heir, one.user_id) == ("user:deleted_1", "user_ada")
    assert (many.heir, many.user_id) == ("user:deleted_2", None)


async def test_an_owners_jobs_are_counted_and_listed(scene: Any) -> None:
    waiting = await scene.seat(admitted_at=None)
    owner = waiting.owner
    for columns in ({}, END, END | {"credits_reserved": 1}):
        await scene.store(scene.new_job(owner=owner), **columns)
    await add_campaign(scene, owner)
    await scene.seat()
    async with scene.database.connection() as connection:
        assert await account.view_estate(connection, owner=owner) == Estate(jobs=4, active_jobs=2, campaigns=1)
        active = await account.active_jobs_of(connection, owner=owner, count_max=9)
        assert active[0] == waiting.job_id, "who waits shall not get their turn"
        assert len(active) == 2
        final = await account.jobs_of(connection, owner=owner, count_max=9)
        assert len(final) == 2
        assert (await scene.query("select credits_reserved as n from jobs where id = %s", final[1]))[0]["n"] == 1
        assert await account.jobs_of(connection, owner=owner, count_max=1) == final[:1]


async def test_settled_calls_go_over_when_the_last_job_is_gone(scene: Any) -> None:
    """An open one is still to be settled; another's stay where they are."""
    gone, other = await scene.held_seat(), await scene.held_seat()
    for seat in (gone, gone, gone, other):
        assert await scene.opens(scene.call_of(seat))
    await scene.query(
        """update upstream_calls set status = 'settled', settled_at = now(), credits_charged = 1
           where id <> (select min(id::text)::uuid from upstream_calls where job_id = %s)""",
        gone.job_id,
    )
    await scene.query("insert into owners (owner) values ('user:deleted_1')")
    async with scene.database.connection() as connection:

        async def hand_over() -> int:
            return await account.hand_over_calls(connection, owner=gone.owner, heir="user:deleted_1", count_max=1)

        assert await hand_over() == 0, "the job is still there"
        await scene.change_job(gone, **END, credits_reserved=0)
        await scene.query("delete from jobs where id = %s", gone.job_id)
        assert [await hand_over() for _ in range(3)] == [1, 1, 0]
    rows = await scene.query("select job_id, fingerprint from upstream_calls where owner = 'user:deleted_1'")
    assert [tuple(row.values()) for row in rows] == [(gone.job_id, "")] * 2
    rows = await scene.query("select status from upstream_calls where owner = %s", gone.owner)
    assert rows == [{"status": "open"}]
    assert len(await scene.calls_of(other)) == 1


async def test_campaigns_go_when_no_job_is_in_them(scene: Any) -> None:
    seat, other = await scene.seat(), await scene.seat()
    used, empty = await add_campaign(scene, seat.owner), await add_campaign(scene, seat.owner)
    others = await add_campaign(scene, other.owner)
    await scene.change_job(seat, campaign_id=used)
    async with scene.database.connection() as connection:
        assert await account.delete_campaigns(connection, owner=seat.owner, count_max=9) == 1
    rows = await scene.query("select id from campaigns where id = any(%s)", [used, empty, others])
    assert {row["id"] for row in rows} == {used, others}


async def test_keys_and_days_go_and_others_stay(scene: Any) -> None:
    seat, other = await scene.seat(), await scene.seat()
    for owner in (seat.owner, other.owner):
        await scene.query("insert into idempotency_keys (owner, key, fingerprint) values (%s, 'k', 'f')", owner)
        await scene.query("insert into owner_days (owner, day, credits_granted) values (%s, now()::date, 5)", owner)
    async with scene.database.connection() as connection:
        assert await account.has_spent_today(connection, owner=seat.owner)
        assert await account.delete_keys(connection, owner=seat.owner) == 1
        await account.delete_days(connection, owner=seat.owner)
        assert not await account.has_spent_today(connection, owner=seat.owner)
        assert await account.has_spent_today(connection, owner=other.owner)
    keys = await scene.query("select owner from idempotency_keys where owner = any(%s)", [seat.owner, other.owner])
    assert keys == [{"owner": other.owner}]


async def test_a_users_name_is_forgotten_in_what_is_others(scene: Any) -> None:
    jobs = [(await scene.seat(created_by=user)).job_id for user in ("user_leaves", "user_leaves", "user_stays")]
    owner = (await scene.seat()).owner
    for user in ("user_leaves", "user_stays"):
        await add_campaign(scene, owner, user)
        await scene.query(
            """insert into dead_letters (id, reason, resolved_at, resolution, resolved_by)
               values (gen_random_uuid(), 'r', now(), 'discarded', %s)""",
            user,
        )
    async with scene.database.connection() as connection:
        who = {"user_id": "user_leaves", "pseudonym": "deleted_9"}
        counts = [await account.rename_creator_of_jobs(connection, **who, count_max=1) for _ in range(3)]
        await account.rename_creator_of_campaigns(connection, **who)
        await account.rename_who_resolved(connection, **who)
    assert counts == [1, 1, 0]
    rows = await scene.query("select created_by from jobs where id = any(%s) order by 1", jobs)
    assert [row["created_by"] for row in rows] == ["deleted_9", "deleted_9", "user_stays"]
    rows = await scene.query("select created_by from campaigns where owner = %s order by 1", owner)
    assert [row["created_by"] for row in rows] == ["deleted_9", "user_stays"]
    rows = await scene.query("select resolved_by from dead_letters order by 1")
    assert [row["resolved_by"] for row in rows] == ["deleted_9", "user_stays"]


async def test_a_users_name_is_forgotten_in_settings_and_their_history(scene: Any) -> None:
    """A name that only begins like it stays."""
    both = ["user_leaves", "user_leaves_not"]
    await scene.query(
        """insert into system_settings (category, key, value, updated_by)
           values ('limits', 'admin_user_ids', %s, 'user_leaves'), ('api', 'max_api_calls', '7', 'user_stays')""",
        Jsonb(both),
    )
    changes = [(None, Jsonb(["user_leaves"]), "user_stays"), (Jsonb(both), None, "user_leaves")]
    changes.append((None, Jsonb(7), "user_leaves_not"))
    for old, new, by in changes:
        await scene.query(
            """insert into setting_changes (id, category, key, old_value, new_value, changed_by)
               values (%s, 'limits', 'admin_user_ids', %s, %s, %s)""",
            scene.clock.new_id(),
            old,
            new,
            by,
        )
    async with scene.database.connection() as connection:
        await account.rename_who_set(connection, user_id="user_leaves", pseudonym="deleted_9")
    rows = await scene.query("select value, updated_by from system_settings order by category")
    assert [tuple(row.values()) for row in rows] == [(7, "user_stays"), (["user_leaves_not"], "deleted_9")]
    rows = await scene.query("select old_value, new_value, changed_by from setting_changes order by id")
    assert [tuple(row.values()) for row in rows] == [
        (None, ["deleted_9"], "user_stays"),
        (["deleted_9", "user_leaves_not"], None, "deleted_9"),
        (None, 7, "user_leaves_not"),
    ]


async def test_an_owner_goes_only_while_leaving_and_with_nothing_left(scene: Any) -> None:
    seat = await scene.seat()
    async with scene.database.connection() as connection:
        assert await account.has_rest(connection, owner=seat.owner)
        with pytest.raises(CheckViolation, match="only with the deletion of its account"):
            await account.delete_owner(connection, owner=seat.owner)
        departure = await begin(scene, seat.owner)
        await account.lock_for_deletion(connection, owner=seat.owner)
        with pytest.raises(ForeignKeyViolation):
            await account.delete_owner(connection, owner=seat.owner)
        await scene.change_job(seat, **END)
        await scene.query("delete from jobs where id = %s", seat.job_id)
        assert not await account.has_rest(connection, owner=seat.owner)
        await account.delete_owner(connection, owner=seat.owner)
        await account.end_departure(connection, departure_id=departure.id)
    assert await scene.query("select owner from owners where owner = %s", seat.owner) == []


@pytest.mark.parametrize("table", ["campaigns", "idempotency_keys", "upstream_calls"])
async def test_whatever_is_left_is_seen(scene: Any, table: str) -> None:
    seat = await scene.held_seat()
    if table == "campaigns":
        await add_campaign(scene, seat.owner)
    elif table == "idempotency_keys":
        await scene.query("insert into idempotency_keys (owner, key, fingerprint) values (%s, 'k', 'f')", seat.owner)
    else:
        assert await scene.opens(scene.call_of(seat))
    await scene.change_job(seat, **END, credits_reserved=0)
    await scene.query("delete from jobs where id = %s", seat.job_id)
    async with scene.database.connection() as connection:
        assert await account.has_rest(connection, owner=seat.owner)
