"""Campaigns: made, listed, read."""

from gateway.answer.campaign import CampaignAnswer, CampaignDetailAnswer, CampaignPage
from gateway.body import CampaignBody
from gateway.contract.header import LOCATION
from gateway.contract.operation import Answer, Body, Link, Operation, json_of
from gateway.contract.parameter import CAMPAIGN_ID, CURSOR, LIMIT

_CAMPAIGN = {
    "id": CAMPAIGN_ID,
    "name": "Spring ovens",
    "createdAt": "2026-03-01T09:00:00Z",
    "updatedAt": "2026-03-01T09:00:00Z",
}
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
                (json_of(CampaignAnswer, _CAMPAIGN),),
                headers=(LOCATION,),
                links=_READ,
            ),
        ),
    ),
    Operation(
        method="GET",
        path="/api/v1/campaigns",
        id="listCampaigns",
        tag="campaigns",
        summary="Campaigns, newest first",
        description="`nextCursor` asks for the next page; null ends.",
        parameters=(LIMIT, CURSOR),
        answers=(
            Answer(200, "A page.", (json_of(CampaignPage, {"items": [_CAMPAIGN], "nextCursor": None}),), links=_FIRST),
        ),
    ),
    Operation(
        method="GET",
        path="/api/v1/campaigns/{campaignId}",
        id="readCampaign",
        tag="campaigns",
        summary="A campaign",
        description="With the number of its jobs.",
        answers=(Answer(200, "The campaign.", (json_of(CampaignDetailAnswer, {**_CAMPAIGN, "jobsCount": 3}),)),),
    ),
)
