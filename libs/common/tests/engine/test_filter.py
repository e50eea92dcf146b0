"""Filters say yes, no or not yet, and the first no is the rule."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from common.domain.creator import Account, Contact, Content, Creator, Email, EmailSource, Match
from common.domain.filter import FilterName, Filters, Unknown
from common.engine.filter import examine, rejection, unknown_filters

NOW = datetime(2026, 11, 1, tzinfo=UTC)
DAY = timedelta(days=1)
MAIL = Email(address="a@ovens.studio", sources=(EmailSource.BIO,), seen_at=NOW)


def creator(emails: Any = None, posted_at: datetime | None = None, **account: Any) -> Creator:
    return Creator(
        account=Account(**{"platform_id": "7", "handle": "Mira.Ovens"} | account),
        contact=Contact(emails=emails),
        content=Content(platform_id="v", posted_at=posted_at),
        matched=Match(kind="keyword", query="q"),
    )


@pytest.mark.parametrize(
    ("filters", "known", "passes"),
    [
        ({"followers_min": 10}, {"followers": 10}, True),
        ({"followers_min": 10}, {"followers": 9}, False),
        ({"followers_min": 10}, {}, None),
        ({"followers_max": 10}, {"followers": 10}, True),
        ({"followers_max": 10}, {"followers": 11}, False),
        ({"followers_max": 0}, {"followers": 0}, True),
        ({"verified": True}, {"verified": True}, True),
        ({"verified": True}, {"verified": False}, False),
        ({"verified": False}, {"verified": False}, True),
        ({"verified": False}, {}, None),
        ({"languages": ("zh", "en")}, {"language": "zh-Hant"}, True),
        ({"languages": ("en",)}, {"language": "EN_us"}, True),
        ({"languages": ("en",)}, {"language": "eng"}, False),
        ({"languages": ("en",)}, {}, None),
        ({"countries": ("GB",)}, {"country": "GB"}, True),
        ({"countries": ("GB",)}, {"country": "US"}, False),
        ({"countries": ("GB",)}, {}, None),
        ({"has_email": True}, {"emails": (MAIL,)}, True),
        ({"has_email": True}, {"emails": ()}, False),
        ({"has_email": True}, {}, None),
        ({"has_email": False}, {"emails": ()}, True),
        ({"has_email": False}, {"emails": (MAIL,)}, False),
        ({"exclude_handles": ("mira.ovens",)}, {}, False),
        ({"exclude_handles": ("7",)}, {}, False),
        ({"exclude_handles": ("mira",)}, {}, True),
        ({"posted_within": DAY}, {"posted_at": NOW - DAY}, True),
        ({"posted_within": DAY}, {"posted_at": NOW - 2 * DAY}, None),
        ({"posted_within": DAY}, {"last_posted_at": NOW - 2 * DAY}, False),
        ({"posted_within": DAY}, {"last_posted_at": NOW - 2 * DAY, "posted_at": NOW}, True),
        ({"posted_within": DAY}, {"last_posted_at": NOW - DAY, "posted_at": NOW - 9 * DAY}, True),
        ({"posted_within": DAY}, {}, None),
    ],
)
def test_a_filter_passes_rejects_or_does_not_know(filters: Any, known: Any, passes: bool | None) -> None:
    """At its bounds. An old post that a search found proves nothing: its author may post daily."""
    assert list(examine(Filters(**filters), creator(**known), now=NOW).values()) == [passes]


def test_what_is_not_asked_for_is_not_examined() -> None:
    assert examine(Filters(), creator(), now=NOW) == {}


def test_zero_no_and_false_are_asked_for() -> None:
    filters = Filters(followers_min=0, followers_max=0, verified=False, has_email=False, posted_within=timedelta(0))
    assert len(examine(filters, creator(), now=NOW)) == 5


def test_an_id_with_capitals_is_left_out_too() -> None:
    """The names to leave out are folded, ids of YouTube are not."""
    asked = examine(Filters(exclude_handles=("ucx7",)), creator(platform_id="UCx7"), now=NOW)
    assert rejection(Filters(), asked, is_settled=False) == "excludeHandles"


def test_rejections_are_named_in_one_order() -> None:
    """Whoever fails every filter is named by the first; what is known to fail comes before what is unknown."""
    filters = Filters(
        followers_min=5,
        followers_max=1,
        has_email=True,
        verified=True,
        languages=("en",),
        countries=("GB",),
        posted_within=DAY,
        exclude_handles=("mira.ovens",),
        unknown=Unknown.DROP,
    )
    known: dict[str, Any] = {
        "followers": 3,
        "verified": False,
        "language": "de",
        "country": "DE",
        "last_posted_at": NOW - 2 * DAY,
    }
    order = [
        FilterName.EXCLUDE_HANDLES,
        FilterName.FOLLOWERS_MIN,
        FilterName.FOLLOWERS_MAX,
        FilterName.VERIFIED,
        FilterName.LANGUAGES,
        FilterName.COUNTRIES,
        FilterName.POSTED_WITHIN,
        FilterName.HAS_EMAIL,
    ]
    asked = examine(filters, creator(emails=(), **known), now=NOW)
    assert list(asked.items()) == [(name, False) for name in order]
    assert rejection(filters, asked, is_settled=False) == "excludeHandles"
    unknown = examine(filters, creator(handle="tobin"), now=NOW)
    assert rejection(filters, unknown, is_settled=True) == "followersMin:unknown"


def test_the_first_no_is_the_rule_and_outranks_what_is_unknown() -> None:
    filters = Filters(followers_min=5, verified=True, has_email=True, unknown=Unknown.DROP)
    asked = examine(filters, creator(followers=1, emails=()), now=NOW)
    assert rejection(filters, asked, is_settled=True) == "followersMin"
    asked = examine(filters, creator(followers=9, emails=()), now=NOW)
    assert rejection(filters, asked, is_settled=True) == "hasEmail", "verified is only unknown"


@pytest.mark.parametrize(
    ("unknown", "is_settled", "rule"),
    [
        (Unknown.KEEP, True, None),
        (Unknown.KEEP, False, None),
        (Unknown.DROP, False, None),
        (Unknown.DROP, True, "verified:unknown"),
    ],
)
def test_unknown_is_dropped_only_if_asked_for_and_nothing_more_will_be_learnt(
    unknown: Unknown, is_settled: bool, rule: str | None
) -> None:
    filters = Filters(verified=True, unknown=unknown)
    asked = examine(filters, creator(), now=NOW)
    assert unknown_filters(asked) == {FilterName.VERIFIED}
    assert rejection(filters, asked, is_settled=is_settled) == rule
