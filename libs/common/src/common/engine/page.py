"""Decides what a page means: the fate of each item, and whether the search goes on."""

from collections import Counter
from collections.abc import Set
from dataclasses import dataclass, replace

from common.domain.creator import Creator, Item
from common.domain.filter import FilterName
from common.domain.outcome import Enrichment, Outcome
from common.engine.brief import Brief
from common.engine.fact import JobFacts, SearchFacts
from common.engine.filter import examine, rejection
from common.engine.worth import worth
from common.platform import Page, Unparsable

BARREN_PAGES_MAX = 2
CALL_LIMIT = "call_limit"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewCandidate:
    """A creator seen for the first time in this job. `ordinal` is the item's position on its page."""

    ordinal: int
    creator: Creator
    outcome: Outcome
    rule: str = ""
    enrichment: Enrichment | None = None
    worth: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Successor:
    """The next step of the search. Held: it waits until the target turns out to be open."""

    cursor: str
    is_held: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PageDecision:
    """What the page commit writes. The counts sum to the page's items. A search goes on at its successor or ends;
    one that ends at a limit has a held successor too, from which another run of the job goes on."""

    candidates: tuple[NewCandidate, ...]
    counts: dict[tuple[Outcome, str], int]
    item_ids: tuple[str, ...]
    barren_pages: int
    successor: Successor | None
    search_end: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownBefore:
    """Of the page's ids: which accounts the job already has, which items this search has already seen, which accounts
    the campaigns have that the job leaves out."""

    accounts: Set[str]
    items: Set[str]
    elsewhere: Set[str] = frozenset()


def decide_page(job: JobFacts, search: SearchFacts, page: Page, known: KnownBefore, brief: Brief) -> PageDecision:
    """The fate of every item and of the search.

    Never gives more places than the target has, and the most promising of the page get them first, so that the cost
    does not depend on how fast earlier profiles came. On a final job everything new is surplus and the successor is
    held: the page was paid for, so its items and cursor are kept, but nothing starts.
    """
    counts: Counter[tuple[Outcome, str]] = Counter()
    newcomers = _newcomers(search, page, known, brief, counts)
    places = 0 if job.status.is_final else job.open_places
    candidates: list[NewCandidate] = []
    for newcomer in sorted(newcomers, key=lambda one: -one.worth):
        outcome, rule, enrichment = _fate(newcomer.creator, places, job, known, brief)
        places -= outcome in (Outcome.PENDING, Outcome.DELIVERED)
        counts[outcome, rule] += 1
        candidates.append(replace(newcomer, outcome=outcome, rule=rule, enrichment=enrichment))
    candidates.sort(key=lambda one: one.ordinal)
    item_ids = tuple(dict.fromkeys(item.item_id for item in page.items if isinstance(item, Item)))
    barren_pages = 0 if candidates else search.barren_pages + 1
    end = _search_end(job, search, page, barren_pages, is_repeated=bool(item_ids) and known.items >= set(item_ids))
    successor = None
    if end is None or end == CALL_LIMIT:
        assert page.cursor is not None
        successor = Successor(cursor=page.cursor, is_held=places <= 0 or end is not None)
    return PageDecision(
        candidates=tuple(candidates),
        counts=dict(counts),
        item_ids=item_ids,
        barren_pages=barren_pages,
        successor=successor,
        search_end=end,
    )


def _newcomers(
    search: SearchFacts, page: Page, known: KnownBefore, brief: Brief, counts: Counter[tuple[Outcome, str]]
) -> list[NewCandidate]:
    """Those of the page whom the job sees for the first time, their outcome still open; everything else is counted."""
    newcomers: list[NewCandidate] = []
    seen: set[str] = set(known.accounts)
    if page.target_items_count:
        counts[Outcome.TARGET_ITSELF, ""] += page.target_items_count
    for ordinal, item in enumerate(page.items):
        if isinstance(item, Unparsable):
            counts[Outcome.UNPARSABLE, item.reason] += 1
        elif item.account.platform_id == brief.target_id:
            counts[Outcome.TARGET_ITSELF, ""] += 1
        elif item.account.platform_id in seen:
            counts[Outcome.DUPLICATE, ""] += 1
        else:
            seen.add(item.account.platform_id)
            creator = brief.found(item, search.match)
            value = worth(brief, creator)
            newcomers.append(NewCandidate(ordinal=ordinal, creator=creator, outcome=Outcome.SURPLUS, worth=value))
    return newcomers


def _fate(
    creator: Creator, places: int, job: JobFacts, known: KnownBefore, brief: Brief
) -> tuple[Outcome, str, Enrichment | None]:
    """The outcome of somebody new, the rule behind it, and how the profile came about if that is settled.

    Whoever can be rejected by what the page tells is rejected before anything is bought.
    """
    asked = examine(brief.filters, creator, now=brief.now)
    is_needed = brief.is_profile_needed(creator)
    rule = rejection(brief.filters, asked, is_settled=not is_needed)
    if creator.account.platform_id in known.elsewhere:
        return Outcome.SEEN_BEFORE, FilterName.EXCLUDE_CAMPAIGNS.value, None
    if job.status.is_final:
        return Outcome.SURPLUS, "", None
    if creator.account.private:
        return Outcome.PRIVATE, "", None
    if rule is not None:
        return Outcome.FILTERED, rule, None
    if places <= 0:
        return Outcome.RESERVE, "", None
    if is_needed:
        return Outcome.PENDING, "", None
    return Outcome.DELIVERED, "", Enrichment.NOT_NEEDED


def numbered(page: Page, cursor: str | None, numbers_max: int | None) -> Page:
    """The page with the number of the next one as its cursor, where the endpoint takes numbers and tells no cursor."""
    if numbers_max is None or not page.items:
        return page
    following = int(cursor or 1) + 1
    return replace(page, cursor=str(following) if following <= numbers_max else None)


def _search_end(job: JobFacts, search: SearchFacts, page: Page, barren_pages: int, *, is_repeated: bool) -> str | None:
    if page.cursor is None:
        return "exhausted"
    if page.cursor == search.cursor:
        return "cursor_stuck"
    if is_repeated:
        return "repeated"
    if barren_pages >= BARREN_PAGES_MAX:
        return "nothing_new"
    if job.pages >= job.pages_max:
        return CALL_LIMIT
    return None
