"""What callers send. Read strictly: numbers are numbers, unknown fields are errors, each fault names its field."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, TypeVar
from uuid import UUID

from pydantic import AfterValidator, Field, ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError

from common.domain.job import Mode
from common.domain.model import CamelModel
from common.engine.plan import plan_keywords
from common.errors import CallerError
from common.platform import PlannedSearch
from gateway.problem import Fault, Kind, ProblemError, invalid
from gateway.text import CampaignName, Handle, Keyword, Region

KEYWORDS_MAX = 20
RESULTS_MAX = 10_000
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


class BodyError(ProblemError):
    """The body does not hold what it must; its faults name the fields."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__(Kind.VALIDATION, "")
        self.problem = invalid(faults)


def _searchable(keyword: str) -> str:
    if not plan_keywords([keyword]):
        raise PydanticCustomError("blank", "must not be empty")
    return keyword


class CampaignBody(CamelModel):
    name: CampaignName


class ExtensionBody(CamelModel):
    """How many creators a completed job shall have in all."""

    target_results: Annotated[int, Field(ge=1, le=RESULTS_MAX)]


class JobBody(CamelModel):
    """A job to be created: by keywords, or by likeness to an account."""

    keywords: (
        Annotated[
            tuple[Annotated[Keyword, AfterValidator(_searchable)], ...], Field(min_length=1, max_length=KEYWORDS_MAX)
        ]
        | None
    ) = None
    target_username: Handle | None = None
    target_results: Annotated[int, Field(ge=1, le=RESULTS_MAX)] = 1000
    campaign_id: UUID | None = None
    region: Region | None = None

    @property
    def mode(self) -> Mode:
        """Raises CallerError unless exactly one of the two ways to search is given."""
        if self.keywords is None and self.target_username is None:
            raise CallerError("is required, or targetUsername instead", pointer="/keywords", code="missing")
        if self.keywords is not None and self.target_username is not None:
            raise CallerError("must not be given together with keywords", pointer="/targetUsername", code="conflict")
        return Mode.SIMILAR if self.keywords is None else Mode.KEYWORD

    @property
    def first_searches(self) -> tuple[PlannedSearch, ...]:
        if self.target_username is not None:
            return (PlannedSearch(kind="target", query=self.target_username),)
        return plan_keywords(self.keywords or ())

    @property
    def stored_input(self) -> dict[str, Any]:
        """What was asked for, as the job keeps it."""
        return self.model_dump(
            mode="json", by_alias=True, exclude_none=True, include={"keywords", "target_username", "region"}
        )


def read_body(model: type[M], body: bytes) -> M:
    """The body as a model. Raises BodyError, or ProblemError if it is no JSON."""
    try:
        return model.model_validate_json(body, strict=True, by_alias=True, by_name=False)
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=False)
    if details[0]["type"] == "json_invalid":
        raise ProblemError(Kind.MALFORMED, "The body is not valid JSON in UTF-8.")
    raise BodyError([_fault(detail) for detail in details[:FAULTS_MAX]])


def _fault(detail: ErrorDetails) -> Fault:
    kind, context = detail["type"], detail.get("ctx", {})
    if kind in ("control_character", "blank", "handle", "region") or "length_max" in context:
        message = detail["msg"]
    else:
        message = _MESSAGES.get(kind, "is not valid").format_map(context)
    return Fault(pointer=_pointer(detail["loc"]), code=kind, message=message)


def _pointer(location: tuple[int | str, ...]) -> str:
    parts = (str(part)[:_POINTER_PART_MAX].replace("~", "~0").replace("/", "~1") for part in location)
    return "".join(f"/{part}" for part in parts)
