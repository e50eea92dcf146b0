"""The account that a job in similar mode was given, by its profile, and where that leads.

To whom Instagram shows beside it, from there breadth-first to those beside the creators most like it, and to accounts
that speak of the same.
"""

from collections.abc import Sequence
from typing import Final

from common.domain.creator import Account
from common.platform import Page, Params, PlannedSearch, SearchInput, SearchKind, Trail
from instagram.lead import telling_queries
from instagram.page import asked
from instagram.profile import PROFILE, read_answer


def ask_target(search: SearchInput, cursor: str | None) -> Params:
    """There is one page only."""
    del cursor
    return asked(handle=search.query.removeprefix("@"), cache_max_age=search.cache_max_age)


def read_target(body: bytes) -> Page:
    """The target, its newest posts, and as items whom Instagram shows beside it and with whom it made posts."""
    told = read_answer(body)
    return Page(items=(*told.related, *told.others), cursor=None, target=told.account, target_contents=told.contents)


def read_related(body: bytes) -> Page:
    """Whom Instagram shows beside a creator; for many there is nobody."""
    return Page(items=read_answer(body).related, cursor=None)


def leads_of_target(trail: Trail) -> Sequence[PlannedSearch]:
    """Profiles that speak of the same; nothing without a target or for a private one."""
    target = trail.page.target if trail.page else None
    if trail.page is None or target is None or target.private:
        return ()
    queries = telling_queries(target, trail.page.target_contents)
    return tuple(PlannedSearch(kind="keyword", query=query, wave=1) for query in queries)


def branch(account: Account) -> PlannedSearch:
    """Whom Instagram shows beside a creator like the target. Its profile was just read, so with a cached answer it is
    free."""
    return PlannedSearch(kind="related", query=account.handle)


TARGET: Final = SearchKind(path=PROFILE.path, ask=ask_target, read=read_target, leads=leads_of_target)
RELATED: Final = SearchKind(path=PROFILE.path, ask=ask_target, read=read_related)
