"""Laws of the page decision, by hypothesis, and each reason for which a search ends."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from common.domain.creator import Account, Item, Match
from common.domain.job import JobStatus, PlatformName
from common.domain.outcome import Outcome
from common.engine.brief import Brief
from common.engine.fact import JobFacts, SearchFacts
from common.engine.page import KnownBefore, PageDecision, Successor, decide_page
from common.platform import Page, Unparsable

ids = st.integers(0, 12).map(str)
accounts = st.builds(
    Account,
    platform_id=ids,
    handle=st.just("handle"),
    private=st.sampled_from([None, False, True]),
    bio=st.sampled_from([None, "", "bio"]),
)
items = st.builds(Item, item_id=ids, account=accounts)
pages = st.builds(
    Page,
    items=st.lists(st.one_of(items, st.just(Unparsable("no_id"))), max_size=30).map(tuple),
    cursor=st.sampled_from([None, "30", "60"]),
)
BRIEF = Brief(
    platform=PlatformName.TIKTOK, now=datetime(2026, 11, 1, tzinfo=UTC), is_lacking=lambda account: account.bio is None
)
MATCH = Match(kind="keyword", query="q")
searches = st.builds(
    SearchFacts, cursor=st.sampled_from([None, "30"]), barren_pages=st.integers(0, 1), match=st.just(MATCH)
)
knowns = st.builds(KnownBefore, accounts=st.frozensets(ids), items=st.frozensets(ids))


@st.composite
def jobs(draw: st.DrawFn) -> JobFacts:
    target = draw(st.integers(1, 20))
    delivered = draw(st.integers(0, target))
    pending = draw(st.integers(0, target - delivered))
    is_open = delivered + pending < target
    pages_max = draw(st.integers(1, 5))
    return JobFacts(
        status=draw(st.sampled_from(JobStatus)),
        target=target,
        delivered=delivered,
        pending=pending,
        reserve=0 if is_open else draw(st.integers(0, 5)),
        pages=draw(st.integers(1, pages_max)),
        pages_max=pages_max,
    )


def decide(job: JobFacts, search: SearchFacts, page: Page, known: KnownBefore) -> PageDecision:
    return decide_page(job, search, page, known, BRIEF)


@given(jobs(), searches, pages, knowns)
def test_every_item_has_exactly_one_outcome(job: JobFacts, search: SearchFacts, page: Page, known: KnownBefore) -> None:
    decision = decide(job, search, page, known)
    assert sum(decision.counts.values()) == len(page.items)
    assert len(decision.candidates) == sum(
        count
        for (outcome, _), count in decision.counts.items()
        if outcome not in (Outcome.DUPLICATE, Outcome.UNPARSABLE)
    )


@given(jobs(), searches, pages, knowns)
def test_no_more_places_are_given_than_the_target_has(
    job: JobFacts, search: SearchFacts, page: Page, known: KnownBefore
) -> None:
    decision = decide(job, search, page, known)
    taken = sum(candidate.outcome in (Outcome.PENDING, Outcome.DELIVERED) for candidate in decision.candidates)
    assert taken <= (0 if job.status.is_final else job.open_places)
    if any(candidate.outcome is Outcome.RESERVE for candidate in decision.candidates):
        assert taken == job.open_places


@given(jobs(), searches, pages, knowns)
def test_a_creator_is_a_candidate_once(job: JobFacts, search: SearchFacts, page: Page, known: KnownBefore) -> None:
    found = [candidate.creator.account.platform_id for candidate in decide(job, search, page, known).candidates]
    assert len(found) == len(set(found))
    assert not known.accounts & set(found)


@given(jobs(), searches, pages, knowns)
def test_a_search_goes_on_with_another_cursor_or_ends(
    job: JobFacts, search: SearchFacts, page: Page, known: KnownBefore
) -> None:
    decision = decide(job, search, page, known)
    is_stopped = decision.search_end == "call_limit"
    assert (decision.successor is None) == (decision.search_end is not None and not is_stopped)
    if decision.successor is not None:
        assert decision.successor.cursor not in (None, search.cursor)
        assert is_stopped == (job.pages >= job.pages_max)
        assert decision.barren_pages < 2


@given(jobs(), searches, pages, knowns)
def test_a_covered_target_or_a_limit_holds_the_successor(
    job: JobFacts, search: SearchFacts, page: Page, known: KnownBefore
) -> None:
    decision = decide(job, search, page, known)
    if decision.successor is None:
        return
    taken = sum(candidate.outcome in (Outcome.PENDING, Outcome.DELIVERED) for candidate in decision.candidates)
    is_stopped = decision.search_end is not None
    assert decision.successor.is_held == (job.status.is_final or taken == job.open_places or is_stopped)


@given(jobs(), searches, pages, knowns)
def test_on_a_final_job_everything_new_is_surplus(
    job: JobFacts, search: SearchFacts, page: Page, known: KnownBefore
) -> None:
    if not job.status.is_final:
        return
    decision = decide(job, search, page, known)
    assert all(candidate.outcome is Outcome.SURPLUS for candidate in decision.candidates)


def an_item(number: int) -> Item:
    return Item(item_id=f"v{number}", account=Account(platform_id=f"u{number}", handle=f"h{number}"))


JOB = JobFacts(status=JobStatus.PROCESSING, target=10, delivered=0, pending=0, reserve=0, pages=1, pages_max=5)
NOTHING = KnownBefore(accounts=frozenset(), items=frozenset())
FIRST = SearchFacts(cursor=None, barren_pages=0, match=MATCH)


def end_of(job: JobFacts, search: SearchFacts, page: Page, known: KnownBefore = NOTHING) -> str | None:
    return decide(job, search, page, known).search_end


def test_a_search_ends_when_the_upstream_says_so() -> None:
    assert end_of(JOB, FIRST, Page(items=(an_item(1),), cursor=None)) == "exhausted"


def test_a_search_ends_when_the_cursor_does_not_move() -> None:
    search = SearchFacts(cursor="30", barren_pages=0, match=MATCH)
    assert end_of(JOB, search, Page(items=(an_item(1),), cursor="30")) == "cursor_stuck"


def test_a_search_ends_when_a_page_holds_only_items_that_it_has_seen() -> None:
    known = KnownBefore(accounts=frozenset(), items=frozenset({"v1", "v2"}))
    assert end_of(JOB, FIRST, Page(items=(an_item(1), an_item(2)), cursor="30"), known) == "repeated"
    assert end_of(JOB, FIRST, Page(items=(an_item(1), an_item(3)), cursor="30"), known) is None


def test_a_search_ends_after_two_pages_without_a_new_candidate() -> None:
    known = KnownBefore(accounts=frozenset({"u1"}), items=frozenset())
    page = Page(items=(an_item(1),), cursor="30")
    assert end_of(JOB, FIRST, page, known) is None
    assert end_of(JOB, SearchFacts(cursor=None, barren_pages=1, match=MATCH), page, known) == "nothing_new"


def test_one_empty_page_does_not_end_a_search() -> None:
    assert end_of(JOB, FIRST, Page(items=(), cursor="30")) is None


def test_a_search_ends_at_the_call_limit() -> None:
    job = JobFacts(status=JobStatus.PROCESSING, target=10, delivered=0, pending=0, reserve=0, pages=5, pages_max=5)
    page = Page(items=(an_item(1),), cursor="30")
    assert end_of(job, FIRST, page) == "call_limit"
    assert decide(job, FIRST, page, NOTHING).successor == Successor(cursor="30", is_held=True), (
        "another run goes on there"
    )
