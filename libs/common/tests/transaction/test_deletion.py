"""What is deleted, and who goes on meanwhile, on real Postgres."""

import asyncio
from typing import Any
from uuid import UUID, uuid4

from common.db.job import lock_job
from common.db.owner import lock_owner
from common.transaction.deletion import delete_campaign, delete_job
from common.transaction.failure import cancel_job
from local.held import until_waiting

USER = "user_ada"


async def cancelled_in(lab: Any, campaign_id: UUID, owner: str | None = None) -> UUID:
    job_id, _ = await lab.create(owner)
    await cancel_job(lab.unit, job_id)
    await lab.query(
        """insert into campaigns (id, owner, created_by, name)
           select %s, owner, created_by, 'c' from jobs where id = %s on conflict do nothing""",
        campaign_id,
        job_id,
    )
    await lab.query("update jobs set campaign_id = %s where id = %s", campaign_id, job_id)
    return job_id


async def test_while_a_campaign_is_deleted_its_owners_other_jobs_go_on(lab: Any) -> None:
    """It may take long. A worker that waits for its owner all that time loses the page that it paid for."""
    campaign_id = uuid4()
    job_id = await cancelled_in(lab, campaign_id)
    owner = (await lab.job(job_id))["owner"]
    async with lab.unit.database.transaction() as holder:
        await lock_job(holder, job_id=job_id)
        deletion = asyncio.create_task(delete_campaign(lab.unit, campaign_id, owner=owner, by=USER))
        await until_waiting(deletion, lab.query)
        async with lab.unit.database.transaction() as other:
            await other.execute("set local lock_timeout = '100ms'")
            await lock_owner(other, owner=owner)
    assert await deletion
    assert await lab.query("select 1 from campaigns where id = %s", campaign_id) == []


async def test_what_a_deleted_job_holds_of_the_quota_is_given_back(lab: Any) -> None:
    """Its last call may have been settled after its end, for less than was reserved, and the sweep comes too late."""
    campaign_id = uuid4()
    owner = lab.new_owner()
    alone, _ = await cancelled_in(lab, uuid4(), owner), await cancelled_in(lab, campaign_id, owner)
    await lab.query("update jobs set credits_granted = 3, credits_of_day = 3 where owner = %s", owner)
    await lab.query("update owner_days set credits_granted = 6 where owner = %s", owner)
    await delete_job(lab.unit, alone, by=USER)
    assert await lab.granted_to(owner) == 3
    assert await delete_campaign(lab.unit, campaign_id, owner=owner, by=USER)
    assert await lab.granted_to(owner) == 0
