"""The parameters of a list of jobs."""

from collections.abc import Callable, Mapping
from typing import TypeVar

from pydantic_core import PydanticCustomError

from common.db.job_list import JobQuery
from common.domain.job import JobStatus, Mode, PlatformName
from common.errors import CallerError
from gateway.query import read_cursor, read_uuid, read_word
from gateway.text import TAG_LENGTH_MAX, clean_line

JOB_PARAMETERS = frozenset({"limit", "cursor", "status", "platform", "mode", "campaignId", "tag"})
TAGS_ASKED_MAX = 20

T = TypeVar("T")


def read_job_query(asked: Mapping[str, str], *, owner: str, count_max: int) -> JobQuery:
    """Raises CallerError, naming the parameter."""
    return JobQuery(
        owner=owner,
        statuses=_if_given(
            asked, "status", lambda text: [read_word(JobStatus, "status", word) for word in text.split(",")]
        ),
        platform=_if_given(asked, "platform", lambda text: read_word(PlatformName, "platform", text)),
        mode=_if_given(asked, "mode", lambda text: read_word(Mode, "mode", text)),
        campaign_id=_if_given(asked, "campaignId", lambda text: read_uuid(text, "campaignId")),
        tags=_if_given(asked, "tag", _read_tags),
        before=read_cursor(asked.get("cursor")),
        count_max=count_max,
    )


def _if_given(asked: Mapping[str, str], name: str, read: Callable[[str], T]) -> T | None:
    return read(asked[name]) if name in asked else None


def _read_tags(text: str) -> list[str]:
    """Tags by comma; a job must have all of them."""
    tags = text.split(",")
    if len(tags) > TAGS_ASKED_MAX:
        raise CallerError(f"must have at most {TAGS_ASKED_MAX} tags", pointer="/tag", code="too_long")
    try:
        return [clean_line(tag, TAG_LENGTH_MAX) for tag in tags]
    except PydanticCustomError as error:
        raise CallerError(error.message(), pointer="/tag", code=error.type) from None
