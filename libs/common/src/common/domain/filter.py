"""The filters of a job: what a creator must be to be delivered."""

from datetime import timedelta
from enum import StrEnum
from uuid import UUID

from common.domain.model import Model


class Unknown(StrEnum):
    """What becomes of a creator of whom a filter's value stays unknown."""

    KEEP = "keep"
    DROP = "drop"


class FilterName(StrEnum):
    """A filter that a platform may or may not be able to apply; the words of the API."""

    FOLLOWERS_MIN = "followersMin"
    FOLLOWERS_MAX = "followersMax"
    HAS_EMAIL = "hasEmail"
    VERIFIED = "verified"
    LANGUAGES = "languages"
    COUNTRIES = "countries"
    POSTED_WITHIN = "postedWithinDays"
    EXCLUDE_HANDLES = "excludeHandles"
    EXCLUDE_CAMPAIGNS = "excludeCampaigns"


class Filters(Model):
    """None or empty: not asked for. `languages` are primary subtags of BCP 47 in lower case ("en"), `countries` ISO
    3166-1 alpha-2 in capitals, `exclude_handles` in the platform's normal form and folded."""

    followers_min: int | None = None
    followers_max: int | None = None
    has_email: bool | None = None
    verified: bool | None = None
    languages: tuple[str, ...] = ()
    countries: tuple[str, ...] = ()
    posted_within: timedelta | None = None
    exclude_handles: tuple[str, ...] = ()
    exclude_campaigns: tuple[UUID, ...] = ()
    unknown: Unknown = Unknown.KEEP
