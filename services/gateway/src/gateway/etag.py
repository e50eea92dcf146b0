"""Strong entity tags (RFC 9110), so that a poll that brings nothing new costs nothing."""

import hashlib
import re
from uuid import UUID

from litestar.types import Scope

from common.db.poll import JobMark, JobPoll

# Part of every tag: raise it when an answer's shape changes.
SHAPE = 1

_TAG = re.compile(r'\s*(?:W/)?("[\x21\x23-\x7e]*")\s*(?:,|$)')
_HEADER_LENGTH_MAX = 2000


def tag_of_version(job_id: UUID, version: JobMark | JobPoll) -> str:
    """The tag of a job's poll in this state."""
    return f'"{SHAPE}-{job_id.hex}-{version.event_seq}-{version.status}"'


def tag_of_content(content: bytes) -> str:
    return f'"{hashlib.sha256(content).hexdigest()[:32]}"'


def read_if_none_match(scope: Scope) -> str | None:
    """The header as it was sent. Not from Litestar's headers: it would read all of them for this one."""
    return next((value.decode("latin-1") for name, value in scope["headers"] if name == b"if-none-match"), None)


def is_match(if_none_match: str | None, tag: str) -> bool:
    """Whether the client has this state already: `If-None-Match` compares weakly and takes a list or `*`."""
    if if_none_match is None or len(if_none_match) > _HEADER_LENGTH_MAX:
        return False
    return if_none_match.strip() == "*" or tag in _TAG.findall(if_none_match)
