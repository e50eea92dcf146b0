"""What a campaign's jobs delivered, merged, as the API shows it."""

from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

from common.db.export import MergedRow
from common.domain.job import PlatformName
from gateway.answer.document import Answer
from gateway.creator import CreatorDocument, write_creator


class CampaignCreatorAnswer(Answer, frozen=True, rename="camel", kw_only=True):
    """A creator of a campaign, as the job knew them that delivered them last. `job_ids` in the order of delivery."""

    platform: PlatformName
    first_found_at: datetime
    last_found_at: datetime
    job_ids: Sequence[UUID]
    creator: CreatorDocument

    @classmethod
    def of(cls, row: MergedRow) -> "CampaignCreatorAnswer":
        return cls(
            platform=row.platform,
            first_found_at=row.first_found_at.astimezone(UTC),
            last_found_at=row.last_found_at.astimezone(UTC),
            job_ids=row.job_ids,
            creator=write_creator(row.details),
        )


class CampaignCreatorPage(Answer, frozen=True, rename="camel", kw_only=True):
    """`as_of` is what to give as `newSince` the next time: the same on every page of a walk."""

    items: Sequence[CampaignCreatorAnswer]
    next_cursor: str | None
    as_of: datetime
