"""Searches that a step adds to its job."""

from collections.abc import Sequence

from common.db import search as search_table
from common.db.search import NewSearch
from common.db.step import Claim
from common.engine.target import SEARCHES_MAX
from common.platform import PlannedSearch, Platform, SearchInput
from common.transaction.lock import LockedWork


async def add_leads(work: LockedWork, platform: Platform, claim: Claim, planned: Sequence[PlannedSearch]) -> None:
    """Store what the job does not have yet, as far as its limit allows; they start when their turn comes.

    Those of a final job are kept as ended, for another run of it.
    """
    known = [search for search in planned if search.kind in platform.searches and search.query]
    if not known:
        return
    searches = [
        NewSearch(
            id=work.clock.new_id(),
            ordinal=ordinal,
            kind=search.kind,
            query=search.query,
            region=claim.region,
            wave=search.wave,
        )
        for ordinal, search in enumerate(known)
    ]
    await search_table.add_searches(
        work.connection,
        job_id=work.job.id,
        searches=searches,
        count_max=SEARCHES_MAX,
        is_ended=work.job.status.is_final,
    )


def asked_of(claim: Claim) -> SearchInput:
    """What the step's search asks for."""
    return SearchInput(query=claim.query, region=claim.region)
