"""Campaigns: made, listed, read, renamed, archived, deleted."""

from gateway.answer.campaign import CampaignAnswer, CampaignPage
from gateway.body import CampaignBody
from gateway.change import CampaignChangeBody
from gateway.contract.header import LOCATION
from gateway.contract.operation import Answer, Body, Link, Operation, Parameter, json_of
from gateway.contract.parameter import CAMPAIGN_ID, CURSOR, LIMIT
from gateway.problem import Kind

_CAMPAIGN = {
    "id": CAMPAIGN_ID,
    "name": "Spring ovens",
    "archivedAt": None,
    "createdAt": "2026-03-01T09:00:00Z",
    "updatedAt": "2026-03-01T09:00:00Z",
}
_DETAIL = {**_CAMPAIGN, "jobsCount": 3}
_SAME = {"campaignId": "$request.path.campaignId"}
_LINKS = {
    "changeCampaign": Link(operation_id="changeCampaign", parameters=_SAME),
    "deleteCampaign": Link(operation_id="deleteCampaign", parameters=_SAME),
}
ARCHIVED = Parameter(
    name="archived",
    where="query",
    description="Only those that are archived, only the others, or all.",
    schema={"type": "string", "enum": ["false", "true", "all"], "default": "false"},
    example="all",
)
WITH_JOBS = Parameter(
    name="withJobs",
    where="query",
    description="Whether its jobs are deleted too.",
    schema={"type": "string", "enum": ["false", "true"], "default": "false"},
    example="true",
)
_READ = {
    "readCampaign": Link(
        operation_id="readCampaign",
        parameters={"campaignId": "$response.body#/id"},
        description="The campaign that was made.",
    )
}
_FIRST = {
    "readFirstCampaign": Link(operation_id="readCampaign", parameters={"campaignId": "$response.body#/items/0/id"}),
    "nextPage": Link(operation_id="listCampaigns", parameters={"cursor": "$response.body#/nextCursor"}),
}

OPERATIONS: tuple[Operation, ...] = (
    Operation(
        method="POST",
        path="/api/v1/campaigns",
        id="createCampaign",
        tag="campaigns",
        summary="Make a campaign",
        description="Names need not be distinct. Blanks at the ends and repeated ones are dropped.",
        body=Body(model=CampaignBody, examples={"campaign": {"name": "Spring ovens"}}),
        answers=(
            Answer(
                201,
                "The campaign, and its address.",
                (json_of(CampaignAnswer, {**_CAMPAIGN, "jobsCount": 0}),),
                headers=(LOCATION,),
                links=_READ,
            ),
        ),
        problems=(Kind.CONFLICT,),
    ),
    Operation(
        method="GET",
        path="/api/v1/campaigns",
        id="listCampaigns",
        tag="campaigns",
        summary="Campaigns, newest first",
        description="Archived ones only if they are asked for. `nextCursor` asks for the next page; null ends.",
        parameters=(LIMIT, CURSOR, ARCHIVED),
        answers=(
            Answer(200, "A page.", (json_of(CampaignPage, {"items": [_DETAIL], "nextCursor": None}),), links=_FIRST),
        ),
    ),
    Operation(
        method="GET",
        path="/api/v1/campaigns/{campaignId}",
        id="readCampaign",
        tag="campaigns",
        summary="A campaign",
        description="With the number of its jobs.",
        answers=(Answer(200, "The campaign.", (json_of(CampaignAnswer, _DETAIL),), links=_LINKS),),
    ),
    Operation(
        method="PATCH",
        path="/api/v1/campaigns/{campaignId}",
        id="changeCampaign",
        tag="campaigns",
        summary="Rename or archive a campaign",
        description="What is not given, or null, stays as it is; at least one thing is given. An archived campaign "
        "keeps its jobs, but no job is created in it.",
        body=Body(
            model=CampaignChangeBody,
            examples={"rename": {"name": "Summer ovens"}, "archive": {"archived": True}},
        ),
        answers=(Answer(200, "The campaign as it is now.", (json_of(CampaignAnswer, _DETAIL),)),),
    ),
    Operation(
        method="DELETE",
        path="/api/v1/campaigns/{campaignId}",
        id="deleteCampaign",
        tag="campaigns",
        summary="Delete a campaign",
        description="409 while it has jobs. With `withJobs=true` they go with it, as if each were deleted: all, "
        "or, if one is still under way, none (409).",
        parameters=(WITH_JOBS,),
        answers=(Answer(204, "It is gone."),),
        problems=(Kind.CONFLICT,),
    ),
)
