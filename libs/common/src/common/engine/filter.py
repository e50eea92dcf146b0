"""Decides what the filters of a job say of a creator, as far as it is known."""

from datetime import datetime

from common.domain.creator import Creator
from common.domain.filter import FilterName, Filters, Unknown

UNKNOWN_SUFFIX = ":unknown"


def examine(filters: Filters, creator: Creator, *, now: datetime) -> dict[FilterName, bool | None]:
    """For each filter that is asked for: whether the creator passes, None while the value is unknown.

    In the order in which a rejection is named. `exclude_campaigns` is not among them: it is a look into the database.
    """
    account = creator.account
    asked: dict[FilterName, bool | None] = {}
    if filters.exclude_handles:
        asked[FilterName.EXCLUDE_HANDLES] = account.handle.casefold() not in filters.exclude_handles
    if filters.followers_min is not None:
        asked[FilterName.FOLLOWERS_MIN] = _compared(account.followers, least=filters.followers_min)
    if filters.followers_max is not None:
        asked[FilterName.FOLLOWERS_MAX] = _compared(account.followers, most=filters.followers_max)
    if filters.verified is not None:
        asked[FilterName.VERIFIED] = None if account.verified is None else account.verified == filters.verified
    if filters.languages:
        asked[FilterName.LANGUAGES] = _is_one_of(_primary(account.language), filters.languages)
    if filters.countries:
        asked[FilterName.COUNTRIES] = _is_one_of(account.country, filters.countries)
    if filters.posted_within is not None:
        asked[FilterName.POSTED_WITHIN] = _has_posted_since(creator, now - filters.posted_within)
    if filters.has_email is not None:
        emails = creator.contact.emails
        asked[FilterName.HAS_EMAIL] = None if emails is None else bool(emails) == filters.has_email
    return asked


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


def _compared(number: int | None, *, least: int = 0, most: int | None = None) -> bool | None:
    if number is None:
        return None
    return number >= least and (most is None or number <= most)


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
