"""What a candidate is worth, as a number: the chance to pass times the hope, and nothing outranks what is free."""

from datetime import UTC, datetime
from typing import Any

import pytest

from common.domain.creator import Account, Contact, Creator, Likeness, Match
from common.domain.filter import Filters
from common.domain.job import PlatformName
from common.engine.brief import Brief
from common.engine.worth import (
    AUDIENCE_BONUS,
    AUDIENCE_MIN,
    CATEGORY_BONUS,
    CONTACT_BASE,
    FREE_BONUS,
    LINK_BONUS,
    UNKNOWN_FILTER_CHANCE,
    VERIFIED_BONUS,
    worth,
)

NOW = datetime(2026, 11, 1, tzinfo=UTC)
BEST: dict[str, Any] = {"links": ("https://a.example",), "category": "Chef", "verified": True, "followers": 90_000}
TWO_UNKNOWN = Filters(countries=("GB",), languages=("en",))
NOTHING_ASKED = Filters()


def creator(score: float | None = None, **account: Any) -> Creator:
    return Creator(
        account=Account(**{"platform_id": "1", "handle": "ada"} | account),
        contact=Contact(),
        content=None,
        matched=Match(kind="keyword", query="q"),
        likeness=None if score is None else Likeness(score=score, parts=()),
    )


def brief(filters: Filters = NOTHING_ASKED) -> Brief:
    """A profile is bought for whoever has no bio yet."""
    return Brief(platform=PlatformName.TIKTOK, now=NOW, filters=filters, is_lacking=lambda account: account.bio is None)


@pytest.mark.parametrize(
    ("account", "bonus"),
    [
        ({}, 0),
        ({"links": BEST["links"]}, LINK_BONUS),
        ({"category": "Chef"}, CATEGORY_BONUS),
        ({"verified": True}, VERIFIED_BONUS),
        ({"verified": False}, 0),
        ({"followers": AUDIENCE_MIN}, AUDIENCE_BONUS),
        ({"followers": AUDIENCE_MIN - 1}, 0),
        (BEST, LINK_BONUS + CATEGORY_BONUS + VERIFIED_BONUS + AUDIENCE_BONUS),
    ],
)
def test_each_sign_that_somebody_can_be_reached_adds_its_bonus(account: dict[str, Any], bonus: float) -> None:
    assert worth(brief(), creator(**account)) == pytest.approx(CONTACT_BASE + bonus)


def test_each_unknown_filter_halves_the_hope_and_the_likeness() -> None:
    asking, known = brief(TWO_UNKNOWN), {"country": "GB", "language": "en"}
    whole = CONTACT_BASE + 0.8
    assert worth(asking, creator(0.8, **known)) == pytest.approx(whole)
    assert worth(asking, creator(0.8, country="GB")) == pytest.approx(whole * UNKNOWN_FILTER_CHANCE)
    assert worth(asking, creator(0.8)) == pytest.approx(whole * UNKNOWN_FILTER_CHANCE**2)


def test_who_is_free_comes_before_the_best_who_is_not() -> None:
    """Even with every filter unknown: nothing is spent to find out."""
    asking = brief(TWO_UNKNOWN)
    free, best = creator(bio=""), creator(1.0, country="GB", language="en", **BEST)
    assert worth(asking, free) > worth(asking, best)
    assert worth(asking, free) == pytest.approx(FREE_BONUS + CONTACT_BASE * UNKNOWN_FILTER_CHANCE**2)
