"""Decides what the filters of a job say of a creator, as far as it is known."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from common.domain.creator import Creator
from common.domain.filter import FilterName, Filters, Unknown

UNKNOWN_SUFFIX = ":unknown"


def examine(filters: Filters, creator: Creator, *, now: datetime) -> dict[FilterName, bool | None]:
    """For each filter that is asked for: whether the creator passes, None while the value is unknown.

    In the order in which a rejection is named. `exclude_campaigns` is not among them: it is a look into the database.
    """
    return {name: test(filters, creator, now) for name, (is_asked, test) in _TESTS.items() if is_asked(filters)}


def rejection(filters: Filters, asked: dict[FilterName, bool | None], *, is_settled: bool) -> str | None:
    """The rule that rejects, None if nothing does. `is_settled`: nothing more will be learnt, so that what is still
    unknown is kept or dropped as the job says; the rule's name tells the difference."""
    for name, passes in asked.items():
        if passes is False:
            return name.value
    if is_settled and filters.unknown is Unknown.DROP:
        for name, passes in asked.items():
            if passes is None:
                return name.value + UNKNOWN_SUFFIX
    return None


def unknown_filters(asked: dict[FilterName, bool | None]) -> frozenset[FilterName]:
    """Those whose value is still to be learnt."""
    return frozenset(name for name, passes in asked.items() if passes is None)


def _compared(number: int | None, *, least: int | None = None, most: int | None = None) -> bool | None:
    if number is None:
        return None
    return (least is None or number >= least) and (most is None or number <= most)


def _is_as_asked(value: bool | None, wanted: bool | None) -> bool | None:
    return None if value is None else value == wanted


def _names(creator: Creator) -> frozenset[str]:
    """What an account may be called by who leaves it out: some are named by their id."""
    account = creator.account
    return frozenset({account.handle.casefold(), account.platform_id.casefold()})


def _has_email(creator: Creator) -> bool | None:
    emails = creator.contact.emails
    return None if emails is None else bool(emails)


def _primary(language: str | None) -> str | None:
    """The primary subtag: filters say "zh", accounts "zh-Hant"."""
    return language.replace("_", "-").partition("-")[0].lower() if language else None


def _is_one_of(value: str | None, wanted: tuple[str, ...]) -> bool | None:
    return None if value is None else value in wanted


def _has_posted_since(creator: Creator, start: datetime) -> bool | None:
    """A post within the time proves it; only the account's last post can disprove it: the one that a search found may
    be an old one of somebody who posts daily."""
    last = creator.account.last_posted_at
    found = creator.content.posted_at if creator.content else None
    if any(at is not None and at >= start for at in (last, found)):
        return True
    return None if last is None else False


# In this order a rejection is named: whether the job asks for it, and the comparison.
_TESTS: Mapping[FilterName, tuple[Callable[[Filters], bool], Callable[[Filters, Creator, datetime], bool | None]]] = {
    FilterName.EXCLUDE_HANDLES: (
        lambda filters: bool(filters.exclude_handles),
        lambda filters, creator, _: _names(creator).isdisjoint(filters.exclude_handles),
    ),
    FilterName.FOLLOWERS_MIN: (
        lambda filters: filters.followers_min is not None,
        lambda filters, creator, _: _compared(creator.account.followers, least=filters.followers_min),
    ),
    FilterName.FOLLOWERS_MAX: (
        lambda filters: filters.followers_max is not None,
        lambda filters, creator, _: _compared(creator.account.followers, most=filters.followers_max),
    ),
    FilterName.VERIFIED: (
        lambda filters: filters.verified is not None,
        lambda filters, creator, _: _is_as_asked(creator.account.verified, filters.verified),
    ),
    FilterName.LANGUAGES: (
        lambda filters: bool(filters.languages),
        lambda filters, creator, _: _is_one_of(_primary(creator.account.language), filters.languages),
    ),
    FilterName.COUNTRIES: (
        lambda filters: bool(filters.countries),
        lambda filters, creator, _: _is_one_of(creator.account.country, filters.countries),
    ),
    FilterName.POSTED_WITHIN: (
        lambda filters: filters.posted_within is not None,
        lambda filters, creator, now: _has_posted_since(creator, now - (filters.posted_within or timedelta(0))),
    ),
    FilterName.HAS_EMAIL: (
        lambda filters: filters.has_email is not None,
        lambda filters, creator, _: _is_as_asked(_has_email(creator), filters.has_email),
    ),
}
