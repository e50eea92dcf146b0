"""What callers put into the address: ids, limits, cursors. Nothing of it is ever repeated in an answer."""

import base64
import re
from uuid import UUID

from common.domain.job import PlatformName
from common.errors import CallerError
from gateway.problem import not_found

LIMIT_DEFAULT = 50
LIMIT_MAX = 200

_ID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_LIMIT = re.compile(r"[0-9]{1,6}")
_CURSOR = re.compile(r"[A-Za-z0-9_-]{22}")


def read_id(text: str) -> UUID:
    """An id in the path; what is none answers like an unknown one."""
    if not _ID.fullmatch(text):
        raise not_found()
    return UUID(text)


def read_platform_name(text: str) -> PlatformName:
    """A platform in the path; one that we do not have is not found."""
    try:
        return PlatformName(text)
    except ValueError:
        raise not_found() from None


def read_job_id(text: str | None) -> UUID:
    """The parameter `jobId`."""
    if text is None:
        raise CallerError("is required", pointer="/jobId", code="missing")
    if not _ID.fullmatch(text):
        raise CallerError("must be a UUID", pointer="/jobId", code="uuid_parsing")
    return UUID(text)


def read_limit(text: str | None) -> int:
    """The parameter `limit`; more than the most is the most."""
    if text is None:
        return LIMIT_DEFAULT
    if not _LIMIT.fullmatch(text) or int(text) < 1:
        raise CallerError("must be a whole number of at least 1", pointer="/limit", code="limit")
    return min(int(text), LIMIT_MAX)


def read_cursor(text: str | None) -> UUID | None:
    """The parameter `cursor`: where the page before ended. It is no permission: the query carries the owner."""
    if text is None:
        return None
    if not _CURSOR.fullmatch(text):
        raise CallerError("must be a nextCursor of an earlier answer", pointer="/cursor", code="cursor")
    return UUID(bytes=base64.urlsafe_b64decode(f"{text}=="))


def write_cursor(last_id: UUID) -> str:
    return base64.urlsafe_b64encode(last_id.bytes).rstrip(b"=").decode()
