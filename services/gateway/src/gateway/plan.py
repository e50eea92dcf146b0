"""What a body means on its platform: decided from the body and from what the platform's worker announced."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, TypeVar

from common.db.platform_state import PlatformRow
from common.domain.filter import FilterName, Filters
from common.domain.handle import HandleError, HandleRule, read_handle
from common.domain.job import Mode
from common.domain.model import CamelModel
from common.engine.plan import plan_keywords
from common.errors import CallerError
from common.platform import TARGET_KIND, PlannedSearch
from gateway.body import FAULTS_MAX, BodyError, FiltersBody, Wish
from gateway.problem import Fault, UnsupportedError

_MODE_NAMES = {Mode.KEYWORD: "by keyword", Mode.SIMILAR: "by similar creator"}

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class JobPlan:
    """A job that its platform can do. `input` is what was understood, as the job keeps and shows it."""

    mode: Mode
    searches: tuple[PlannedSearch, ...]
    filters: Filters
    input: dict[str, Any]


def plan_job(wish: Wish, platform: PlatformRow) -> JobPlan:
    """Raises UnsupportedError if the platform cannot do it, BodyError or CallerError if a name names no account."""
    if wish.mode not in platform.modes:
        raise UnsupportedError(f"{platform.label} jobs {_MODE_NAMES[wish.mode]} are not available yet.")
    _check_filters(wish.filters, platform)
    understood = _understood(wish, platform.handles)
    searches = _first_searches(understood)
    lacking = sorted({search.kind for search in searches} - set(platform.search_kinds))
    if lacking:
        raise UnsupportedError(f"{platform.label} searches by {lacking[0]} are not available yet.")
    return JobPlan(
        mode=wish.mode, searches=searches, filters=filters_of(understood.filters), input=_kept_input(understood)
    )


def _kept_input(understood: Wish) -> dict[str, Any]:
    """What was asked for, in the words of the API; what was not is left out."""
    given: dict[str, Any] = {
        "keywords": None if understood.keywords is None else list(understood.keywords),
        "targetUsername": understood.target,
        "region": understood.region,
        "filters": _dump(understood.filters),
        "limits": _dump(understood.limits),
    }
    return {key: value for key, value in given.items() if value is not None}


def _dump(body: CamelModel | None) -> dict[str, Any] | None:
    return None if body is None else body.model_dump(mode="json", by_alias=True, exclude_none=True)


def _check_filters(filters: FiltersBody | None, platform: PlatformRow) -> None:
    lacking = [name for name in FilterName if _is_asked(filters, name) and name not in platform.filters]
    if lacking:
        message = f"is a filter that {platform.label} does not support"
        faults = [Fault(pointer=f"/filters/{name.value}", code="unsupported", message=message) for name in lacking]
        raise UnsupportedError(f"{platform.label} jobs cannot be filtered by {', '.join(lacking)}.", faults)


def _is_asked(filters: FiltersBody | None, name: FilterName) -> bool:
    return filters is not None and getattr(filters, _FIELDS[name]) is not None


# The API's word for each filter is its field's alias: a filter without a field is a KeyError in every job with filters.
_FIELDS = {FilterName(field.alias): name for name, field in FiltersBody.model_fields.items() if name != "unknown"}


def _understood(wish: Wish, rule: HandleRule | None) -> Wish:
    """The same wish with the name of an account wherever one was meant."""
    changes: dict[str, Any] = {}
    if wish.target is not None:
        try:
            changes["target"] = _read_name(wish.target, rule)
        except HandleError as error:
            raise CallerError(str(error), pointer=wish.target_pointer, code="handle") from None
    if wish.filters is not None:
        changes["filters"] = _understood_filters(wish.filters, rule)
    return replace(wish, **changes)


def _understood_filters(filters: FiltersBody, rule: HandleRule | None) -> FiltersBody:
    handles: list[str] = []
    faults: list[Fault] = []
    for index, text in enumerate(filters.exclude_handles or ()):
        try:
            handles.append(_read_name(text, rule).casefold())
        except HandleError as error:
            faults.append(Fault(pointer=f"/filters/excludeHandles/{index}", code="handle", message=str(error)))
    if faults:
        raise BodyError(faults[:FAULTS_MAX])
    changes = {
        "languages": _distinct(filters.languages),
        "countries": _distinct(filters.countries),
        "exclude_handles": _distinct(handles) or None,
        "exclude_campaigns": _distinct(filters.exclude_campaigns),
    }
    return filters.model_copy(update=changes)


def _read_name(text: str, rule: HandleRule | None) -> str:
    """The account's name. A worker of an older version announced no rule: then any word is one. Raises HandleError."""
    if rule is not None:
        return read_handle(text, rule)
    name = text.strip().removeprefix("@").strip()
    if not name or " " in name:
        raise HandleError("must be the name of one account, without blanks")
    return name


def _first_searches(understood: Wish) -> tuple[PlannedSearch, ...]:
    if understood.target is not None:
        return (PlannedSearch(kind=TARGET_KIND, query=understood.target),)
    return plan_keywords(understood.keywords or ())


def filters_of(understood: FiltersBody | None) -> Filters:
    """What was understood, as the engine and the database read it."""
    if understood is None:
        return Filters()
    days = understood.posted_within_days
    return Filters(
        followers_min=understood.followers_min,
        followers_max=understood.followers_max,
        has_email=understood.has_email,
        verified=understood.verified,
        languages=understood.languages or (),
        countries=understood.countries or (),
        posted_within=None if days is None else timedelta(days=days),
        exclude_handles=understood.exclude_handles or (),
        exclude_campaigns=understood.exclude_campaigns or (),
        unknown=understood.unknown,
    )


def _distinct(values: Iterable[T] | None) -> Sequence[T] | None:
    """Each once, in order; None stays None."""
    return None if values is None else tuple(dict.fromkeys(values))
