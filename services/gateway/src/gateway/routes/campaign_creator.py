"""What a campaign's jobs delivered, each creator once, the newest first."""

from datetime import timedelta
from typing import Final

from litestar import Request, Response, get
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.params import FromPath

from common.db.campaign_creator import MergedPlace, NewestQuery, list_newest, read_instant
from common.db.export import MergedRow
from gateway.answer.campaign_creator import CampaignCreatorAnswer, CampaignCreatorPage
from gateway.auth.principal import Principal
from gateway.composition import Gateway
from gateway.export.query import Walk, read_new_since, read_walk, write_walk
from gateway.parameter import read_parameters
from gateway.problem import not_found
from gateway.query import read_id, read_limit
from gateway.routes.campaign import PATH

PARAMETERS: Final = frozenset({"limit", "cursor", "newSince"})
IN_FLIGHT_MAX: Final = timedelta(minutes=1)
"""A commit that delivers takes milliseconds; none lives so long that waits 5 s for a lock and 15 s for a statement."""

_PRIVATE: Final = {"Cache-Control": "private, no-store"}


@get(f"{PATH}/{{campaign_id:str}}/creators")
async def list_own_campaign_creators(
    campaign_id: FromPath[str],
    request: Request[Principal, None, State],
    gateway: NamedDependency[Gateway],
    principal: NamedDependency[Principal],
) -> Response[bytes]:
    """A page of creators; `nextCursor` asks for the next, null ends. `newSince` leaves out who was found before.

    `asOf` is what to give as `newSince` the next time: it lies a minute back, so that what was being written while the
    first page was read is not missed. Who was found within that minute comes again then.
    """
    asked = read_parameters(request.scope["query_string"], PARAMETERS)
    wanted_id, limit = read_id(campaign_id), read_limit(asked.get("limit"))
    walk, new_since = read_walk(asked.get("cursor")), read_new_since(asked.get("newSince"))
    query = NewestQuery(
        owner=principal.owner,
        campaign_id=wanted_id,
        new_since=new_since,
        after=walk.place if walk else None,
        count_max=limit + 1,
    )
    async with gateway.door(principal).connection() as connection:
        seen_to = await read_instant(
            connection, owner=principal.owner, campaign_id=wanted_id, in_flight_max=IN_FLIGHT_MAX
        )
        if seen_to is None:
            raise not_found()
        rows = await list_newest(connection, query)
    as_of = walk.as_of if walk else seen_to
    shown = rows[:limit]
    page = CampaignCreatorPage(
        items=[CampaignCreatorAnswer.of(row) for row in shown],
        next_cursor=write_walk(Walk(_place_of(shown[-1]), as_of)) if len(rows) > limit else None,
        as_of=as_of,
    )
    return Response(page.encoded(), headers=_PRIVATE, media_type="application/json")


def _place_of(row: MergedRow) -> MergedPlace:
    return MergedPlace(first_found_at=row.first_found_at, platform=row.platform, platform_id=row.platform_id)
