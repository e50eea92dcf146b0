"""Campaigns, as the API shows them."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from common.db.campaign import CampaignView
from gateway.answer.document import Answer


class CampaignAnswer(Answer, frozen=True, rename="camel", kw_only=True):
    id: UUID
    name: str
    archived_at: datetime | None
    created_at: datetime
    updated_at: datetime
    jobs_count: int

    @classmethod
    def of(cls, view: CampaignView) -> "CampaignAnswer":
        return cls(
            id=view.id,
            name=view.name,
            archived_at=view.archived_at,
            created_at=view.created_at,
            updated_at=view.updated_at,
            jobs_count=view.jobs_count,
        )


class CampaignPage(Answer, frozen=True, rename="camel", kw_only=True):
    items: Sequence[CampaignAnswer]
    next_cursor: str | None
