"""What goes with a job that is deleted, and what stays."""

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from psycopg.errors import CheckViolation, ForeignKeyViolation

from common.db.deletion import (
    count_open_calls,
    delete_job,
    discard_letters,
    jobs_of_campaign,
    leftovers_of_campaign,
)

pytestmark = pytest.mark.server

END = {"status": "cancelled", "stop_reason": "cancelled", "ended_at": datetime(2026, 3, 1, tzinfo=UTC)}
CALL = """insert into upstream_calls (id, job_id, search_id, step, platform, token, kind, path, fingerprint, status,
              credits_reserved, credits_charged, settled_at)
          values (%s, %s, %s, 0, 'tiktok', gen_random_uuid(), 'page', '/', 'f', %s, 1, %s, %s)"""


async def test_a_job_goes_with_all_but_its_ledger(scene: Any) -> None:
    seat = await scene.seat()
    await scene.query(CALL, uuid4(), seat.job_id, seat.search_id, "settled", 1, END["ended_at"])
    await scene.change_job(seat, **END)
    async with scene.database.connection() as connection:
        await delete_job(connection, job_id=seat.job_id)
    for table in ("searches", "steps", "job_events", "candidates"):
        assert await scene.query(f"select from {table} where job_id = %s", seat.job_id) == []
    [call] = await scene.query("select owner, credits_charged from upstream_calls where job_id = %s", seat.job_id)
    assert call == {"owner": seat.owner, "credits_charged": 1}


async def test_a_job_that_runs_stays(scene: Any) -> None:
    seat = await scene.seat()
    async with scene.database.connection() as connection:
        with pytest.raises(CheckViolation):
            await delete_job(connection, job_id=seat.job_id)


async def test_open_calls_are_counted_for_their_job_alone(scene: Any) -> None:
    seat, other = await scene.seat(), await scene.seat()
    await scene.query(CALL, uuid4(), seat.job_id, seat.search_id, "open", None, None)
    await scene.query(CALL, uuid4(), seat.job_id, seat.search_id, "settled", 1, END["ended_at"])
    async with scene.database.connection() as connection:
        assert await count_open_calls(connection, job_id=seat.job_id) == 1
        assert await count_open_calls(connection, job_id=other.job_id) == 0


async def test_a_call_is_made_for_a_job_that_is_there(scene: Any) -> None:
    seat = await scene.seat()
    with pytest.raises(ForeignKeyViolation):
        await scene.query(CALL, uuid4(), uuid4(), seat.search_id, "settled", 1, END["ended_at"])


async def test_open_letters_of_the_job_are_settled(scene: Any) -> None:
    seat, other = await scene.seat(), await scene.seat()
    for job_id in (seat.job_id, other.job_id):
        await scene.query("insert into dead_letters (id, job_id, reason) values (gen_random_uuid(), %s, 'r')", job_id)
    async with scene.database.connection() as connection:
        await discard_letters(connection, job_id=seat.job_id, by="user_ada")
    rows = await scene.query(
        "select resolution, resolved_by from dead_letters where job_id = any(%s) order by resolution",
        [seat.job_id, other.job_id],
    )
    assert [tuple(row.values()) for row in rows] == [("discarded", "user_ada"), (None, None)]


async def test_a_campaigns_jobs_are_its_owners(scene: Any) -> None:
    seat = await scene.seat()
    campaign = uuid4()
    await scene.query(
        "insert into campaigns (id, owner, created_by, name) values (%s, %s, 'user_a', 'c')", campaign, seat.owner
    )
    await scene.change_job(seat, campaign_id=campaign)
    async with scene.database.connection() as connection:
        assert await jobs_of_campaign(connection, owner=seat.owner, campaign_id=campaign) == [seat.job_id]
        assert await jobs_of_campaign(connection, owner="user:other", campaign_id=campaign) == []
        assert await leftovers_of_campaign(connection, owner=seat.owner, campaign_id=campaign) == []
        await scene.change_job(seat, **END, credits_granted=2, credits_spent=1)
        assert await leftovers_of_campaign(connection, owner=seat.owner, campaign_id=campaign) == [seat.job_id]
        assert await leftovers_of_campaign(connection, owner="user:other", campaign_id=campaign) == []
