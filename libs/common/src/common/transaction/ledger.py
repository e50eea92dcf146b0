"""Calls that nobody will settle any more."""

from common.db import ledger as ledger_table
from common.db.ledger import StaleCalls
from common.transaction.lock import LockedWork, Unit, under_lock


async def lose_stale_calls(unit: Unit, stale: StaleCalls) -> int:
    """The step's open rows become unknown and count as charged, but for those of whoever holds it under a lease.
    Returns how many."""

    async def work(locked: LockedWork) -> int:
        holder = await ledger_table.living_token(locked.connection, search_id=stale.search_id, step=stale.step)
        return await ledger_table.lose_open_calls(
            locked.connection,
            job_id=stale.job_id,
            search_id=stale.search_id,
            step=stale.step,
            token=holder or unit.clock.new_id(),
        )

    count, _ = await under_lock(unit, stale.job_id, work)
    return count
