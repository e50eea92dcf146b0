"""The fate of each creator of a page: which reason is named when there are several, and who gets the places."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from common.domain.creator import Account, Content, Item, Match
from common.domain.filter import FilterName, Filters, Unknown
from common.domain.job import JobStatus, PlatformName
from common.domain.outcome import Enrichment, Outcome
from common.engine.brief import Brief
from common.engine.fact import JobFacts, SearchFacts
from common.engine.page import KnownBefore, PageDecision, decide_page
from common.platform import Page, Unparsable

MATCH = Match(kind="keyword", query="q")
JOB = JobFacts(status=JobStatus.PROCESSING, target=9, delivered=0, pending=0, reserve=0, pages=1, pages_max=9)
NOBODY = KnownBefore(accounts=frozenset(), items=frozenset())
STRICT = Filters(followers_min=10, unknown=Unknown.DROP)
LINK = ("https://a.example",)


def brief(filters: Filters = STRICT, **changes: Any) -> Brief:
    """A profile is bought for whoever has no bio yet, or whose followers are asked for and unknown."""
    usual: dict[str, Any] = {
        "is_lacking": lambda account: account.bio is None,
        "told": frozenset({FilterName.FOLLOWERS_MIN}),
    }
    now = datetime(2026, 11, 1, tzinfo=UTC)
    return Brief(platform=PlatformName.TIKTOK, now=now, filters=filters, **usual | changes)


def item(name: str, **account: Any) -> Item:
    """Somebody of whom everything is known and whom the filters let pass, but for what is given."""
    known = {"platform_id": name, "handle": name, "bio": "", "followers": 10}
    return Item(item_id=f"v-{name}", account=Account(**known | account))


def decide(
    *items: Item | Unparsable, job: JobFacts = JOB, of: Brief | None = None, known: KnownBefore = NOBODY, **page: Any
) -> PageDecision:
    paid = Page(items=items, cursor=None, **page)
    decision = decide_page(job, SearchFacts(cursor=None, barren_pages=0, match=MATCH), paid, known, of or brief())
    assert sum(decision.counts.values()) == paid.items_count, "every item of the upstream's is in the funnel"
    return decision


def fates(decision: PageDecision) -> list[tuple[str, Outcome, str, Enrichment | None]]:
    found = decision.candidates
    return [(one.creator.account.handle, one.outcome, one.rule, one.enrichment) for one in found]


@pytest.mark.parametrize(
    ("status", "target", "elsewhere", "account", "fate"),
    [
        (JobStatus.PROCESSING, 1, False, {}, (Outcome.DELIVERED, "", Enrichment.NOT_NEEDED)),
        (JobStatus.PROCESSING, 1, False, {"bio": None}, (Outcome.PENDING, "", None)),
        (JobStatus.PROCESSING, 0, False, {}, (Outcome.RESERVE, "", None)),
        (JobStatus.PROCESSING, 0, False, {"followers": 9}, (Outcome.FILTERED, "followersMin", None)),
        (JobStatus.PROCESSING, 0, False, {"private": True}, (Outcome.PRIVATE, "", None)),
        (JobStatus.PROCESSING, 1, False, {"private": True, "followers": 9}, (Outcome.PRIVATE, "", None)),
        (JobStatus.PROCESSING, 1, True, {"private": True}, (Outcome.SEEN_BEFORE, "excludeCampaigns", None)),
        (JobStatus.PROCESSING, 1, True, {"followers": 9}, (Outcome.SEEN_BEFORE, "excludeCampaigns", None)),
        (JobStatus.COMPLETED, 1, True, {}, (Outcome.SEEN_BEFORE, "excludeCampaigns", None)),
        (JobStatus.COMPLETED, 1, False, {"followers": 9}, (Outcome.SURPLUS, "", None)),
        (JobStatus.COMPLETED, 1, False, {"private": True}, (Outcome.SURPLUS, "", None)),
    ],
)
def test_of_several_reasons_the_strongest_is_named(
    status: JobStatus, target: int, elsewhere: bool, account: dict[str, Any], fate: tuple[Any, ...]
) -> None:
    """What the campaigns have, then the end of the job, then private, then the filters, then the places."""
    known = replace(NOBODY, elsewhere=frozenset({"ada"}) if elsewhere else frozenset())
    decision = decide(item("ada", **account), job=replace(JOB, status=status, target=target), known=known)
    assert fates(decision) == [("ada", *fate)]
    assert decision.counts == {fate[:2]: 1}, "counted under its rule"


@pytest.mark.parametrize(
    ("unknown", "told", "bio", "fate"),
    [
        (Unknown.DROP, True, "", (Outcome.PENDING, "")),
        (Unknown.DROP, False, "", (Outcome.FILTERED, "followersMin:unknown")),
        (Unknown.DROP, False, None, (Outcome.PENDING, "")),
        (Unknown.KEEP, False, "", (Outcome.DELIVERED, "")),
    ],
)
def test_unknown_rejects_only_where_no_profile_will_be_bought(
    unknown: Unknown, told: bool, bio: str | None, fate: tuple[Outcome, str]
) -> None:
    tells = frozenset({FilterName.FOLLOWERS_MIN} if told else set[FilterName]())
    of = brief(STRICT.model_copy(update={"unknown": unknown}), told=tells)
    decision = decide(item("ada", followers=None, bio=bio), of=of)
    assert [(one.outcome, one.rule) for one in decision.candidates] == [fate]


def test_whoever_is_rejected_leaves_the_place_to_the_next() -> None:
    """The rejected are the most promising here, so that they are judged first."""
    decision = decide(
        item("small", followers=9, links=LINK),
        item("hidden", private=True, links=LINK),
        item("old", links=LINK),
        item("good"),
        item("late"),
        job=replace(JOB, target=1),
        known=replace(NOBODY, elsewhere=frozenset({"old"})),
    )
    assert [(name, outcome) for name, outcome, _, _ in fates(decision)] == [
        ("small", Outcome.FILTERED),
        ("hidden", Outcome.PRIVATE),
        ("old", Outcome.SEEN_BEFORE),
        ("good", Outcome.DELIVERED),
        ("late", Outcome.RESERVE),
    ]


def test_who_is_free_takes_a_place_as_well_and_equals_are_served_in_the_pages_order() -> None:
    decision = decide(
        item("first", bio=None), item("second", bio=None), item("free"), job=replace(JOB, target=2), of=brief(Filters())
    )
    assert [(one.ordinal, one.outcome) for one in decision.candidates] == [
        (0, Outcome.PENDING),
        (1, Outcome.RESERVE),
        (2, Outcome.DELIVERED),
    ]


def test_what_a_candidate_is_worth_is_kept_as_it_was_judged() -> None:
    [plain, linked] = decide(item("plain", bio=None), item("linked", bio=None, links=LINK)).candidates
    assert linked.worth - plain.worth == pytest.approx(0.5)


def test_the_target_and_each_of_its_posts_is_an_item_that_brings_nobody() -> None:
    decision = decide(
        item("t"),
        item("ada"),
        item("ada"),
        Unparsable("no_id"),
        of=brief(target_id="t"),
        target=Account(platform_id="t", handle="t"),
        target_contents=(Content(platform_id="a"), Content(platform_id="b")),
    )
    assert decision.counts == {
        (Outcome.TARGET_ITSELF, ""): 4,
        (Outcome.DELIVERED, ""): 1,
        (Outcome.DUPLICATE, ""): 1,
        (Outcome.UNPARSABLE, "no_id"): 1,
    }
    assert [name for name, *_ in fates(decision)] == ["ada"]


def test_a_page_with_the_target_alone_brings_nobody_and_counts_it() -> None:
    decision = decide(target=Account(platform_id="t", handle="t"))
    assert (decision.candidates, decision.counts) == ((), {(Outcome.TARGET_ITSELF, ""): 1})
