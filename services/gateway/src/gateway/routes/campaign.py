"""Campaigns: made, listed, read."""

from litestar import Request, Response, get, post
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.params import FromPath, RawBody

from common.db.campaign import NewCampaign, insert_campaign, list_campaigns, read_campaign
from common.db.owner import add_owner
from gateway.answer.campaign import CampaignAnswer, CampaignDetailAnswer, CampaignPage
from gateway.auth.principal import Principal
from gateway.body import CampaignBody, read_body
from gateway.composition import Gateway
from gateway.parameter import read_parameters
from gateway.problem import not_found
from gateway.query import read_cursor, read_id, read_limit, write_cursor

PATH = "/api/v1/campaigns"
_PARAMETERS = frozenset({"limit", "cursor"})


@post(PATH)
async def create_campaign(
    body: RawBody, gateway: NamedDependency[Gateway], principal: NamedDependency[Principal]
) -> Response[bytes]:
    """201 with the campaign and its address."""
    given = read_body(CampaignBody, body)
    campaign = NewCampaign(
        id=gateway.resources.clock.new_id(), owner=principal.owner, created_by=principal.user_id, name=given.name
    )
    async with gateway.resources.database.transaction() as connection:
        await add_owner(connection, owner=principal.owner)
        row = await insert_campaign(connection, campaign)
    return Response(
        CampaignAnswer.of(row).encoded(),
        status_code=201,
        headers={"Location": f"{PATH}/{row.id}"},
        media_type="application/json",
    )


@get(PATH)
async def list_own_campaigns(
    request: Request[Principal, None, State],
    gateway: NamedDependency[Gateway],
    principal: NamedDependency[Principal],
) -> Response[bytes]:
    """Newest first; `nextCursor` asks for the next page, null ends."""
    asked = read_parameters(request.scope["query_string"], _PARAMETERS)
    limit, before = read_limit(asked.get("limit")), read_cursor(asked.get("cursor"))
    async with gateway.resources.database.connection() as connection:
        rows = await list_campaigns(connection, owner=principal.owner, before=before, count_max=limit + 1)
    shown = rows[:limit]
    page = CampaignPage(
        items=[CampaignAnswer.of(row) for row in shown],
        next_cursor=write_cursor(shown[-1].id) if len(rows) > limit else None,
    )
    return Response(page.encoded(), media_type="application/json")


@get(f"{PATH}/{{campaign_id:str}}")
async def read_own_campaign(
    campaign_id: FromPath[str], gateway: NamedDependency[Gateway], principal: NamedDependency[Principal]
) -> Response[bytes]:
    """The campaign with the number of its jobs."""
    async with gateway.resources.database.connection() as connection:
        view = await read_campaign(connection, owner=principal.owner, campaign_id=read_id(campaign_id))
    if view is None:
        raise not_found()
    return Response(CampaignDetailAnswer.of_view(view).encoded(), media_type="application/json")
