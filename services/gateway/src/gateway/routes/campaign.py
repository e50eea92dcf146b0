"""Campaigns: made, listed, read, renamed, archived, deleted."""

from uuid import UUID

from litestar import Request, Response, delete, get, patch, post
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.params import FromPath, RawBody

from common.crash import CrashPoint
from common.db.campaign import (
    CampaignChange,
    CampaignInUseError,
    CampaignQuery,
    CampaignView,
    NewCampaign,
    delete_campaign,
    insert_campaign,
    is_campaign,
    list_campaigns,
    read_campaign,
    update_campaign,
)
from common.db.pool import Door
from common.transaction import deletion as transaction
from common.transaction.account import enter
from gateway.answer.campaign import CampaignAnswer, CampaignPage
from gateway.auth.principal import Principal
from gateway.body import CampaignBody, read_body
from gateway.change import CampaignChangeBody
from gateway.choice import CAMPAIGN_PARAMETERS, DELETION_PARAMETERS, read_archived, read_with_jobs
from gateway.composition import Gateway
from gateway.parameter import read_parameters
from gateway.problem import Kind, ProblemError, not_found
from gateway.query import read_cursor, read_id, read_limit, write_cursor
from gateway.quota import deletion_problems, departure_problem

PATH = "/api/v1/campaigns"
_ONE = f"{PATH}/{{campaign_id:str}}"


@post(PATH)
async def create_campaign(
    body: RawBody, gateway: NamedDependency[Gateway], principal: NamedDependency[Principal]
) -> Response[bytes]:
    """201 with the campaign and its address."""
    given = read_body(CampaignBody, body)
    campaign = NewCampaign(
        id=gateway.resources.clock.new_id(), owner=principal.owner, created_by=principal.user_id, name=given.name
    )
    with departure_problem():
        row = await _insert(gateway.door(principal), campaign)
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
    """Newest first, without the archived ones unless asked for; `nextCursor` asks for the next page, null ends."""
    asked = read_parameters(request.scope["query_string"], CAMPAIGN_PARAMETERS)
    limit = read_limit(asked.get("limit"))
    query = CampaignQuery(
        owner=principal.owner,
        is_archived=read_archived(asked.get("archived")),
        before=read_cursor(asked.get("cursor")),
        count_max=limit + 1,
    )
    async with gateway.door(principal).connection() as connection:
        rows = await list_campaigns(connection, query)
    shown = rows[:limit]
    page = CampaignPage(
        items=[CampaignAnswer.of(row) for row in shown],
        next_cursor=write_cursor(shown[-1].id) if len(rows) > limit else None,
    )
    return Response(page.encoded(), media_type="application/json")


@get(_ONE)
async def read_own_campaign(
    campaign_id: FromPath[str], gateway: NamedDependency[Gateway], principal: NamedDependency[Principal]
) -> Response[bytes]:
    """The campaign with the number of its jobs."""
    async with gateway.door(principal).connection() as connection:
        view = await read_campaign(connection, owner=principal.owner, campaign_id=read_id(campaign_id))
    if view is None:
        raise not_found()
    return Response(CampaignAnswer.of(view).encoded(), media_type="application/json")


@patch(_ONE, status_code=200)
async def change_own_campaign(
    campaign_id: FromPath[str],
    body: RawBody,
    gateway: NamedDependency[Gateway],
    principal: NamedDependency[Principal],
) -> Response[bytes]:
    """The campaign as it is now. An archived one keeps its jobs, and no new ones are created in it."""
    given, wanted_id = read_body(CampaignChangeBody, body), read_id(campaign_id)
    change = CampaignChange(id=wanted_id, owner=principal.owner, name=given.name, is_archived=given.archived)
    async with gateway.door(principal).connection() as connection:
        is_known = await update_campaign(connection, change)
        view = await read_campaign(connection, owner=principal.owner, campaign_id=wanted_id) if is_known else None
    if view is None:
        raise not_found()
    return Response(CampaignAnswer.of(view).encoded(), media_type="application/json")


@delete(_ONE, status_code=204)
async def delete_own_campaign(
    campaign_id: FromPath[str],
    request: Request[Principal, None, State],
    gateway: NamedDependency[Gateway],
    principal: NamedDependency[Principal],
) -> None:
    """204 once it is gone; 409 while a job is in it, unless the jobs are to go with it and none is under way."""
    wanted_id = read_id(campaign_id)
    asked = read_parameters(request.scope["query_string"], DELETION_PARAMETERS)
    if read_with_jobs(asked.get("withJobs")):
        is_deleted = await _delete_with_jobs(gateway, principal, wanted_id)
        gateway.resources.crash.reach(CrashPoint.DELETION_COMMITTED)
    else:
        is_deleted = await _delete_empty(gateway, principal, wanted_id)
    if not is_deleted:
        raise not_found()


async def _insert(door: Door, campaign: NewCampaign) -> CampaignView:
    async with door.transaction() as connection:
        await enter(connection, owner=campaign.owner)
        return await insert_campaign(connection, campaign)


async def _delete_with_jobs(gateway: Gateway, principal: Principal, campaign_id: UUID) -> bool:
    unit = await gateway.unit(principal)
    with deletion_problems():
        return await transaction.delete_campaign(unit, campaign_id, owner=principal.owner, by=principal.user_id)


async def _delete_empty(gateway: Gateway, principal: Principal, campaign_id: UUID) -> bool:
    """False if the owner has no such campaign."""
    owner, in_use = principal.owner, ProblemError(Kind.CONFLICT, "The campaign has jobs.")
    async with gateway.door(principal).connection() as connection:
        try:
            is_deleted = await delete_campaign(connection, owner=owner, campaign_id=campaign_id)
        except CampaignInUseError:
            raise in_use from None
        if not is_deleted and await is_campaign(connection, owner=owner, campaign_id=campaign_id):
            raise in_use
    return is_deleted
