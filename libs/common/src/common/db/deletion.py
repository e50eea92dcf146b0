"""Deleting a job: all that is known of its creators goes with it, what it cost stays in the ledger."""

from uuid import UUID

from common.db.pool import Connection


async def delete_job(connection: Connection, *, job_id: UUID) -> None:
    """Remove the job with everything that hangs on it. The database refuses it for one that has not ended."""
    await connection.execute("delete from jobs where id = %(job_id)s", {"job_id": job_id})


async def count_open_calls(connection: Connection, *, job_id: UUID) -> int:
    """Calls of the job that are still to be settled: it would be by rows that are gone."""
    cursor = await connection.execute(
        "select count(*) from upstream_calls where job_id = %(job_id)s and status = 'open'", {"job_id": job_id}
    )
    row = await cursor.fetchone()
    return int(row[0]) if row else 0


async def discard_letters(connection: Connection, *, job_id: UUID, by: str) -> None:
    """The job's open dead letters are settled by its deletion."""
    await connection.execute(
        """update dead_letters set resolved_at = now(), resolution = 'discarded', resolved_by = %(by)s
           where job_id = %(job_id)s and resolved_at is null""",
        {"job_id": job_id, "by": by},
    )


async def jobs_of_campaign(connection: Connection, *, owner: str, campaign_id: UUID) -> list[UUID]:
    """The campaign's jobs, the oldest first."""
    cursor = await connection.execute(
        "select id from jobs where campaign_id = %(campaign_id)s and owner = %(owner)s order by id",
        {"campaign_id": campaign_id, "owner": owner},
    )
    return [row[0] for row in await cursor.fetchall()]


async def leftovers_of_campaign(connection: Connection, *, owner: str, campaign_id: UUID) -> list[UUID]:
    """Those of them that are final and still hold more of the quota than they spent."""
    cursor = await connection.execute(
        """select id from jobs
           where campaign_id = %(campaign_id)s and owner = %(owner)s
             and ended_at is not null and credits_granted > credits_spent order by id""",
        {"campaign_id": campaign_id, "owner": owner},
    )
    return [row[0] for row in await cursor.fetchall()]
