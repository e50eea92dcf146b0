"""Decides what a page means: the fate of each item, and whether the search goes on."""

from collections import Counter
from collections.abc import Callable, Set
from dataclasses import dataclass

from common.domain.creator import Account, Item
from common.domain.outcome import Enrichment, Outcome
from common.engine.fact import JobFacts, SearchFacts
from common.platform import Page, Unparsable

BARREN_PAGES_MAX = 2
CALL_LIMIT = "call_limit"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewCandidate:
    """A creator seen for the first time in this job. `ordinal` is the item's position on its page."""

    ordinal: int
    item: Item
    outcome: Outcome
    enrichment: Enrichment | None = None


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
    """Of the page's ids: which accounts the job already has, which items this search has already seen."""

    accounts: Set[str]
    items: Set[str]


def decide_page(
    job: JobFacts, search: SearchFacts, page: Page, known: KnownBefore, is_profile_needed: Callable[[Account], bool]
) -> PageDecision:
    """The fate of every item and of the search.

    Never gives more places than the target has. On a final job everything new is surplus and the successor is
    held: the page was paid for, so its items and cursor are kept, but nothing starts.
    """
    candidates: list[NewCandidate] = []
    counts: Counter[tuple[Outcome, str]] = Counter()
    seen: set[str] = set(known.accounts)
    places = 0 if job.status.is_final else job.open_places
    for ordinal, item in enumerate(page.items):
        if isinstance(item, Unparsable):
            counts[Outcome.UNPARSABLE, item.reason] += 1
            continue
        if item.account.platform_id in seen:
            counts[Outcome.DUPLICATE, ""] += 1
            continue
        seen.add(item.account.platform_id)
        candidate = _place(ordinal, item, places, job, is_profile_needed)
        places -= candidate.outcome in (Outcome.PENDING, Outcome.DELIVERED)
        candidates.append(candidate)
        counts[candidate.outcome, ""] += 1
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


def _place(
    ordinal: int, item: Item, places: int, job: JobFacts, is_profile_needed: Callable[[Account], bool]
) -> NewCandidate:
    if job.status.is_final:
        return NewCandidate(ordinal=ordinal, item=item, outcome=Outcome.SURPLUS)
    if item.account.private:
        return NewCandidate(ordinal=ordinal, item=item, outcome=Outcome.PRIVATE)
    if places <= 0:
        return NewCandidate(ordinal=ordinal, item=item, outcome=Outcome.RESERVE)
    if is_profile_needed(item.account):
        return NewCandidate(ordinal=ordinal, item=item, outcome=Outcome.PENDING)
    return NewCandidate(ordinal=ordinal, item=item, outcome=Outcome.DELIVERED, enrichment=Enrichment.NOT_NEEDED)


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
