"""What Postgres makes of a job's creators for the old poll: never written by us, so these structs only say its shape.
The statement is `common.db.poll.read_poll`."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from gateway.answer.document import Answer
from gateway.answer.poll import PollAnswer


class PolledStatistics(Answer, frozen=True, rename="camel", kw_only=True):
    likes: int | None
    comments: int | None
    shares: int | None
    views: int | None


class PolledVideo(Answer, frozen=True, rename="camel", kw_only=True):
    """The post through which the creator was found."""

    description: str | None
    url: str | None
    statistics: PolledStatistics


class PolledPerson(Answer, frozen=True, rename="camel", kw_only=True):
    """`unique_id` is the handle."""

    name: str | None
    followers: int | None
    avatar_url: str | None
    profile_pic_url: str | None
    bio: str | None
    emails: Sequence[str] | None
    unique_id: str
    verified: bool | None


class PolledCreator(Answer, frozen=True, rename="camel", kw_only=True):
    """`platform` is its name for people: TikTok, Instagram, YouTube."""

    creator: PolledPerson
    video: PolledVideo
    hashtags: Sequence[str]
    platform: str


class PolledResult(Answer, frozen=True, rename="camel", kw_only=True):
    """What one step of the job found."""

    id: UUID
    job_id: UUID
    created_at: datetime
    creators: Sequence[PolledCreator]


class WholePollAnswer(PollAnswer, frozen=True, rename="camel", kw_only=True):
    """A job with all its creators."""

    results: Sequence[PolledResult]  # pyright: ignore[reportIncompatibleVariableOverride] # what the raw JSON holds
