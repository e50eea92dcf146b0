"""What a job wants of creators: what a profile is bought for, what somebody is worth, what becomes of whom."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from common.domain.creator import Account, Content, Creator, Item, Match, Target
from common.domain.filter import FilterName, Filters, Unknown
from common.domain.job import JobStatus, PlatformName
from common.domain.outcome import Outcome
from common.engine.brief import Brief, profile_facts
from common.engine.cache import cache_max_age
from common.engine.end import target_missing, target_private
from common.engine.enrichment import judge, judge_at_end
from common.engine.fact import JobFacts, SearchFacts
from common.engine.likeness import likeness, portrait_of
from common.engine.page import KnownBefore, PageDecision, decide_page, numbered
from common.engine.worth import worth
from common.platform import Page, ProfileKind

NOW = datetime(2026, 11, 1, tzinfo=UTC)
MATCH = Match(kind="keyword", query="q")
JOB = JobFacts(status=JobStatus.PROCESSING, target=2, delivered=0, pending=0, reserve=0, pages=1, pages_max=9)


NOBODY = KnownBefore(accounts=frozenset(), items=frozenset())
ANYBODY = Filters()


def brief(filters: Filters = ANYBODY, **more: Any) -> Brief:
    usual = {"is_lacking": lambda account: account.bio is None, "told": frozenset({FilterName.VERIFIED})}
    return Brief(platform=PlatformName.TIKTOK, now=NOW, filters=filters, **usual | more)


def item(name: str, **account: Any) -> Item:
    return Item(item_id=name, account=Account(**{"platform_id": name, "handle": name, "bio": ""} | account))


def found(of: Brief, **account: Any) -> Creator:
    return of.found(item("ada", **account), MATCH)


def decide(page: Page, of: Brief, known: KnownBefore = NOBODY) -> PageDecision:
    decision = decide_page(JOB, SearchFacts(cursor=None, barren_pages=0, match=MATCH), page, known, of)
    assert sum(decision.counts.values()) == page.items_count
    return decision


def fates(decision: PageDecision) -> dict[str, str]:
    return {
        one.creator.account.handle: one.outcome.value + (f":{one.rule}" if one.rule else "")
        for one in decision.candidates
    }


def test_a_profile_is_bought_for_what_lacks_or_for_what_a_filter_asks_and_the_profile_tells() -> None:
    asks_verified, asks_country = brief(Filters(verified=True)), brief(Filters(countries=("GB",)))
    assert brief().is_profile_needed(found(brief(), bio=None))
    assert not brief().is_profile_needed(found(brief()))
    assert asks_verified.is_profile_needed(found(asks_verified))
    assert not asks_verified.is_profile_needed(found(asks_verified, verified=False))
    assert not asks_country.is_profile_needed(found(asks_country)), "no profile tells it"


def test_a_completed_creator_says_when_its_profile_was_seen_and_one_without_stays_as_the_page_told() -> None:
    creator = found(brief(), bio=None)
    seen_at = NOW - timedelta(days=3)
    account = creator.account.model_copy(update={"bio": "mail ada@ovens.studio"})
    completed = brief().completed(creator, account, profile_seen_at=seen_at)
    assert (completed.profile_seen_at, completed.account) == (seen_at, account)
    assert [email.seen_at for email in completed.contact.emails or ()] == [seen_at]
    assert brief().completed(creator, account, profile_seen_at=None) == creator


def test_what_is_found_has_all_that_the_page_says() -> None:
    content = Content(platform_id="v", text="rye")
    told = Item(
        item_id="v", account=Account(platform_id="1", handle="ada", bio="mail ada@ovens.studio"), content=content
    )
    creator = brief().found(told, MATCH)
    assert (creator.account, creator.content, creator.matched) == (told.account, content, MATCH)
    assert [(email.address, email.seen_at) for email in creator.contact.emails or ()] == [("ada@ovens.studio", NOW)]
    assert creator.profile_seen_at is None, "a page is no profile"


def test_likeness_follows_what_is_known_of_the_account_and_of_the_post() -> None:
    """A better-known account is compared again, and so is one that was found before the target was known."""
    target = Target(account=Account(platform_id="1", handle="target", followers=100, bio="sourdough bread"))
    similar = brief(portrait=portrait_of(target))
    creator = found(similar, bio="chess", followers=10**7)
    account = creator.account.model_copy(update={"bio": "sourdough bread", "followers": 100})
    completed = similar.completed(creator, account, profile_seen_at=NOW)
    assert completed.likeness == likeness(portrait_of(target), account, None, now=NOW) != creator.likeness
    early = found(brief(), bio="sourdough bread")
    assert early.likeness is None
    assert similar.completed(early, early.account, profile_seen_at=None).likeness is not None
    silent, content = Account(platform_id="9", handle="cy"), Content(platform_id="v", text="sourdough bread")
    told = similar.found(Item(item_id="v", account=silent, content=content), MATCH)
    assert told.likeness == likeness(portrait_of(target), silent, content, now=NOW)
    assert told.likeness != likeness(portrait_of(target), silent, None, now=NOW), "only the post tells anything"


def test_what_a_profile_tells_is_what_the_platform_says_and_nothing_without_the_endpoint() -> None:
    kind = ProfileKind(
        path="/p",
        ask=lambda account, age: {},
        read=lambda body: Account(platform_id="1", handle="ada"),
        is_needed=lambda account: account.bio is None,
        tells=frozenset({FilterName.COUNTRIES}),
    )
    is_lacking, told = profile_facts(kind)
    assert (is_lacking(Account(platform_id="1", handle="ada")), told) == (True, {FilterName.COUNTRIES})
    is_lacking, told = profile_facts(None)
    assert (is_lacking(Account(platform_id="1", handle="ada")), told) == (False, frozenset())


def test_likeness_is_there_only_with_a_target() -> None:
    target = Target(account=Account(platform_id="1", handle="target", followers=100, bio="sourdough bread"))
    similar = brief(portrait=portrait_of(target))
    alike, other = found(similar, bio="sourdough bread", followers=100), found(similar, bio="chess", followers=10**7)
    assert found(brief()).likeness is None
    assert alike.likeness is not None
    assert other.likeness is not None
    assert alike.likeness.score > other.likeness.score


def test_who_costs_nothing_comes_first_then_who_is_likely_to_be_reached() -> None:
    plain = worth(brief(), found(brief(), bio=None))
    for more in ({"links": ("https://a.example",)}, {"category": "Chef"}, {"verified": True}, {"followers": 5000}):
        assert worth(brief(), found(brief(), bio=None, **more)) > plain
    assert worth(brief(), found(brief(), bio=None, followers=4999)) == plain
    assert worth(brief(), found(brief())) > 9
    asking = brief(Filters(countries=("GB",)))
    assert worth(asking, found(asking, bio=None)) == plain / 2


def test_who_is_rejected_takes_no_place_and_costs_nothing() -> None:
    of = brief(Filters(followers_min=10, verified=True, unknown=Unknown.DROP))
    page = Page(
        items=(
            item("small", followers=3, bio=None),
            item("plain", followers=50, verified=False),
            item("unknown", followers=50),
            item("good", followers=50, verified=True),
            item("hidden", private=True, followers=50),
        ),
        cursor=None,
    )
    assert fates(decide(page, of)) == {
        "small": "filtered:followersMin",
        "plain": "filtered:verified",
        "unknown": "pending",
        "good": "delivered",
        "hidden": "private",
    }
    lonely = brief(Filters(verified=True, unknown=Unknown.DROP), told=frozenset())
    assert fates(decide(Page(items=(item("unknown"),), cursor=None), lonely)) == {
        "unknown": "filtered:verified:unknown"
    }, "no profile would tell it"


def test_the_target_is_never_a_candidate_and_what_the_campaigns_have_is_left_out() -> None:
    page = Page(
        items=(item("t"), item("old"), item("new")),
        cursor=None,
        target=Account(platform_id="t", handle="t"),
        target_contents=(),
    )
    decision = decide(page, brief(target_id="t"), KnownBefore(accounts=set(), items=set(), elsewhere={"old"}))
    assert decision.counts[Outcome.TARGET_ITSELF, ""] == 2, "its profile, and itself among the items"
    assert fates(decision) == {"old": "seen_before:excludeCampaigns", "new": "delivered"}


def test_places_go_to_the_most_promising_and_the_order_stays_the_pages() -> None:
    page = Page(
        items=(
            item("first", bio=None),
            item("second", bio=None),
            item("third", bio=None, links=("https://a.example",)),
            item("fourth", bio=None, followers=90_000),
        ),
        cursor="2",
    )
    decision = decide(page, brief())
    assert fates(decision) == {"first": "reserve", "second": "reserve", "third": "pending", "fourth": "pending"}
    assert [one.ordinal for one in decision.candidates] == [0, 1, 2, 3]


def test_who_is_judged_without_further_news_is_delivered_rejected_or_at_the_end_surplus() -> None:
    dropping = brief(Filters(countries=("GB",), unknown=Unknown.DROP))
    assert judge(brief(), found(brief())).outcome is Outcome.DELIVERED
    assert judge(brief(), found(brief(), private=True)).outcome is Outcome.PRIVATE
    verdict = judge(dropping, found(dropping))
    assert (verdict.outcome, verdict.rule) == (Outcome.FILTERED, "countries:unknown")
    assert judge_at_end(dropping, found(dropping)).outcome is Outcome.SURPLUS
    assert judge_at_end(dropping, found(dropping, country="GB")).outcome is Outcome.DELIVERED


@pytest.mark.parametrize(("cursor", "following"), [(None, "2"), ("2", "3"), ("10", "11"), ("11", None)])
def test_an_endpoint_that_takes_numbers_gets_the_next_until_the_last(cursor: str | None, following: str | None) -> None:
    full = Page(items=(item("a"),), cursor=None)
    assert numbered(full, cursor, 11).cursor == following
    assert numbered(Page(items=(), cursor=None), cursor, 11).cursor is None
    assert numbered(full, cursor, None) is full


@pytest.mark.parametrize(
    ("days", "age"), [(0, None), (0.9, None), (1, "1d"), (6.9, "3d"), (7, "7d"), (20, "14d"), (30, "30d"), (99, "30d")]
)
def test_the_upstreams_cache_may_answer_as_old_as_ours_would(days: float, age: str | None) -> None:
    assert cache_max_age(timedelta(days=days)) == age


def test_a_target_that_cannot_be_had_ends_the_job_with_a_reason_for_people() -> None:
    assert target_missing("mira", "TikTok").error == "TikTok has no account named mira"
    assert "mira is private" in (target_private("mira", "TikTok").error or "")
