"""What callers send. Read strictly: numbers are numbers, unknown fields are errors, each fault names its field."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar
from uuid import UUID

from pydantic import Field, ValidationError, ValidationInfo, field_validator
from pydantic_core import ErrorDetails, PydanticCustomError

from common.domain.filter import Unknown
from common.domain.job import Mode, PlatformName
from common.domain.model import CamelModel
from common.errors import CallerError
from gateway.problem import Fault, Kind, ProblemError, invalid
from gateway.text import CampaignName, Country, HandleText, Keyword, Language, Tag

KEYWORDS_MAX = 20
RESULTS_MAX = 10_000
FOLLOWERS_MAX = 10**10
LANGUAGES_MAX = 20
COUNTRIES_MAX = 50
DAYS_MAX = 3650
EXCLUDED_HANDLES_MAX = 1000
EXCLUDED_CAMPAIGNS_MAX = 50
TAGS_MAX = 20
PAGES_MAX = 10_000
CREDITS_MAX = 1_000_000
SEARCHES_MAX = 100
SECONDS_MAX = 30 * 86_400
FAULTS_MAX = 20
_POINTER_PART_MAX = 64

M = TypeVar("M", bound=CamelModel)

_MESSAGES: Mapping[str, str] = {
    "missing": "is required",
    "extra_forbidden": "is not a known field",
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "int_parsing_size": "must be a whole number within its limits",
    "finite_number": "must be a whole number",
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
    "bool_type": "must be true or false",
    "enum": "must be {expected}",
    "string_type": "must be a text",
    "string_unicode": "must be a text",
    "tuple_type": "must be a list",
    "too_short": "must have at least {min_length} elements",
    "too_long": "must have at most {max_length} elements",
    "uuid_type": "must be a UUID",
    "uuid_parsing": "must be a UUID",
    "model_type": "must be a JSON object",
    "model_attributes_type": "must be a JSON object",
}
# Errors of ours, whose message is for the caller as it stands.
_OWN_KINDS = frozenset({"control_character", "blank", "keyword", "hashtag", "country", "language", "range", "nothing"})


class BodyError(ProblemError):
    """The body does not hold what it must; its faults name the fields."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__(Kind.VALIDATION, "")
        self.problem = invalid(faults)


class CampaignBody(CamelModel):
    name: CampaignName


class LimitsBody(CamelModel):
    """What a job may use at most. None: what the settings in force allow; more than that is for them to refuse."""

    pages_max: Annotated[int, Field(ge=1, le=PAGES_MAX)] | None = None
    credits_max: Annotated[int, Field(ge=1, le=CREDITS_MAX)] | None = None
    parallel_searches_max: Annotated[int, Field(ge=1, le=SEARCHES_MAX)] | None = None
    timeout_seconds: Annotated[int, Field(ge=1, le=SECONDS_MAX)] | None = None


class RunLimitsBody(CamelModel):
    """What a job may use in all, its earlier runs included. None: what its creation asked for, else what the settings
    in force allow. A job's limits never shrink."""

    pages_max: Annotated[int, Field(ge=1, le=PAGES_MAX)] | None = None
    credits_max: Annotated[int, Field(ge=1, le=CREDITS_MAX)] | None = None


class ExtensionBody(CamelModel):
    """How many creators a completed job shall have in all."""

    target_results: Annotated[int, Field(ge=1, le=RESULTS_MAX)]
    limits: RunLimitsBody | None = None


class FiltersBody(CamelModel):
    """What a creator must be to be delivered. None: not asked for; asking for nothing is no empty list."""

    followers_min: Annotated[int, Field(ge=0, le=FOLLOWERS_MAX)] | None = None
    followers_max: Annotated[int, Field(ge=0, le=FOLLOWERS_MAX)] | None = None
    has_email: bool | None = None
    verified: bool | None = None
    languages: Annotated[tuple[Language, ...], Field(min_length=1, max_length=LANGUAGES_MAX)] | None = None
    countries: Annotated[tuple[Country, ...], Field(min_length=1, max_length=COUNTRIES_MAX)] | None = None
    posted_within_days: Annotated[int, Field(ge=1, le=DAYS_MAX)] | None = None
    exclude_handles: Annotated[tuple[HandleText, ...], Field(min_length=1, max_length=EXCLUDED_HANDLES_MAX)] | None = (
        None
    )
    exclude_campaigns: Annotated[tuple[UUID, ...], Field(min_length=1, max_length=EXCLUDED_CAMPAIGNS_MAX)] | None = None
    unknown: Unknown = Unknown.KEEP

    @field_validator("followers_max", mode="after")
    @classmethod
    def _is_not_below_the_least(cls, most: int | None, info: ValidationInfo) -> int | None:
        least = info.data.get("followers_min")
        if least is not None and most is not None and most < least:
            raise PydanticCustomError("range", "must not be less than followersMin")
        return most


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """The job that a caller wants, whichever route it came by. `target_pointer` names the field that held `target`."""

    platform: PlatformName
    mode: Mode
    keywords: tuple[str, ...] | None
    target: str | None
    target_pointer: str
    target_results: int
    campaign_id: UUID | None
    region: str | None
    filters: FiltersBody | None
    limits: LimitsBody | None = None
    tags: tuple[str, ...] = ()


Keywords = Annotated[tuple[Keyword, ...], Field(min_length=1, max_length=KEYWORDS_MAX)]
TargetResults = Annotated[int, Field(ge=1, le=RESULTS_MAX)]


class ScrapingBody(CamelModel):
    """A job as the old routes take it: by keywords, or by likeness to an account: exactly one of the two."""

    keywords: Keywords | None = None
    target_username: HandleText | None = None
    target_results: TargetResults = 1000
    campaign_id: UUID | None = None
    region: Country | None = None
    filters: FiltersBody | None = None

    def wish(self, platform: PlatformName) -> Wish:
        """Raises CallerError unless exactly one of the two ways to search is given."""
        if self.keywords is None and self.target_username is None:
            raise CallerError("is required, or targetUsername instead", pointer="/keywords", code="missing")
        if self.keywords is not None and self.target_username is not None:
            raise CallerError("must not be given together with keywords", pointer="/targetUsername", code="conflict")
        return Wish(
            platform=platform,
            mode=Mode.SIMILAR if self.keywords is None else Mode.KEYWORD,
            keywords=self.keywords,
            target=self.target_username,
            target_pointer="/targetUsername",
            target_results=self.target_results,
            campaign_id=self.campaign_id,
            region=self.region,
            filters=self.filters,
        )


class JobBody(CamelModel):
    """A job of any platform and mode: `keywords` in mode keyword, `target` in mode similar."""

    platform: PlatformName
    mode: Mode
    keywords: Keywords | None = None
    target: HandleText | None = None
    target_results: TargetResults = 1000
    campaign_id: UUID | None = None
    region: Country | None = None
    filters: FiltersBody | None = None
    limits: LimitsBody | None = None
    tags: Annotated[tuple[Tag, ...], Field(max_length=TAGS_MAX)] = ()

    def wish(self) -> Wish:
        """Raises CallerError unless what is given is what the mode searches by."""
        wanted, other = ("keywords", "target") if self.mode is Mode.KEYWORD else ("target", "keywords")
        if getattr(self, wanted) is None:
            raise CallerError(f"is required in mode {self.mode.value}", pointer=f"/{wanted}", code="missing")
        if getattr(self, other) is not None:
            raise CallerError(f"must not be given in mode {self.mode.value}", pointer=f"/{other}", code="conflict")
        return Wish(
            platform=self.platform,
            mode=self.mode,
            keywords=self.keywords,
            target=self.target,
            target_pointer="/target",
            target_results=self.target_results,
            campaign_id=self.campaign_id,
            region=self.region,
            filters=self.filters,
            limits=self.limits,
            tags=tuple(dict.fromkeys(self.tags)),
        )


def read_body(model: type[M], body: bytes) -> M:
    """The body as a model. Raises BodyError, or ProblemError if it is no JSON or not clear."""
    try:
        given = model.model_validate_json(body, strict=True, by_alias=True, by_name=False)
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=False)
    else:
        json.loads(body, object_pairs_hook=_check_names)
        return given
    if details[0]["type"] == "json_invalid":
        raise ProblemError(Kind.MALFORMED, "The body is not valid JSON in UTF-8.")
    raise BodyError([_fault(detail) for detail in details[:FAULTS_MAX]])


def _check_names(pairs: list[tuple[str, Any]]) -> None:
    """What is meant by a field that is given twice is anybody's guess: each reader of JSON keeps another."""
    if len({name for name, _ in pairs}) < len(pairs):
        raise ProblemError(Kind.MALFORMED, "An object in the body has two fields of one name.")


def _fault(detail: ErrorDetails) -> Fault:
    kind, context = detail["type"], detail.get("ctx", {})
    if kind in _OWN_KINDS or "length_max" in context:
        message = detail["msg"]
    else:
        message = _MESSAGES.get(kind, "is not valid").format_map(context)
    return Fault(pointer=_pointer(detail["loc"]), code=kind, message=message)


def _pointer(location: tuple[int | str, ...]) -> str:
    parts = (str(part)[:_POINTER_PART_MAX].replace("~", "~0").replace("/", "~1") for part in location)
    return "".join(f"/{part}" for part in parts)
