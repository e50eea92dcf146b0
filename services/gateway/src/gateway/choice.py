"""Parameters of the query by which lists are narrowed down."""

import re
from collections.abc import Mapping
from uuid import UUID

from common.errors import CallerError
from gateway.query import read_job_id

ARCHIVED: Mapping[str, bool | None] = {"false": False, "true": True, "all": None}
CAMPAIGN_PARAMETERS = frozenset({"limit", "cursor", "archived"})
DELETION_PARAMETERS = frozenset({"withJobs"})
LETTER_PARAMETERS = frozenset({"limit", "cursor", "state", "jobId", "reference"})
PAGE_PARAMETERS = frozenset({"limit", "cursor"})

WITH_JOBS: Mapping[str, bool | None] = {"false": False, "true": True}
LETTERS: Mapping[str, bool | None] = {"open": True, "resolved": False, "all": None}

_REFERENCE = re.compile(r"[A-Za-z0-9_-]{1,64}")


def read_archived(text: str | None) -> bool | None:
    """The parameter `archived`; None: both. Who does not say wants those that are not."""
    return _choose(text, "archived", ARCHIVED)


def read_with_jobs(text: str | None) -> bool:
    """The parameter `withJobs` of a deletion. Who does not say wants to keep them."""
    return bool(_choose(text, "withJobs", WITH_JOBS))


def read_is_open(text: str | None) -> bool | None:
    """The parameter `state` of dead letters; None: all. Who does not say wants the open ones."""
    return _choose(text, "state", LETTERS)


def read_wanted_job(text: str | None) -> UUID | None:
    """The parameter `jobId` of a list."""
    return None if text is None else read_job_id(text)


def read_reference(text: str | None) -> str | None:
    """The parameter `reference`, as a failed job shows it."""
    if text is not None and not _REFERENCE.fullmatch(text):
        raise CallerError("must be a reference, as a failed job shows it", pointer="/reference", code="reference")
    return text


def _choose(text: str | None, name: str, choices: Mapping[str, bool | None]) -> bool | None:
    """The first choice is that of who does not say."""
    first, *others, last = choices
    if text is None:
        return choices[first]
    if text not in choices:
        words = f"must be {', '.join((first, *others))} or {last}"
        raise CallerError(words, pointer=f"/{name}", code="enum")
    return choices[text]
