"""The target of a job in similar mode, and where it leads."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from common.errors import NotFoundError
from common.platform import Page, PlannedSearch, SearchInput, Trail
from tiktok.table import TIKTOK
from tiktok.target import telling_name

Json = dict[str, Any]
TARGET = TIKTOK.searches["target"]


def leads(body: Json) -> list[PlannedSearch]:
    page = TARGET.read(json.dumps(body).encode())
    return list(TARGET.leads(Trail(search=SearchInput(query="asked.for"), page=page, target=None)))


def test_a_target_is_asked_for_by_handle() -> None:
    """With the greatest age of a cached answer; there is one page, and no region."""
    search = SearchInput(query="@mira", region="GB", cache_max_age="1d")
    assert TARGET.ask(search, None) == {"handle": "mira", "cache_max_age": "1d"}
    assert TARGET.ask(SearchInput(query="mira"), "30") == {"handle": "mira"}


def test_a_target_leads_to_its_posts_then_whom_it_follows_then_its_name(user: Json) -> None:
    """By the handle that the profile says, which may be written in another way than the one that was asked for."""
    assert leads(user) == [
        PlannedSearch(kind="target_videos", query="ysolde_parnfit", wave=0),
        PlannedSearch(kind="following", query="ysolde_parnfit", wave=1),
        PlannedSearch(kind="users", query="Ysolde Parn Strength", wave=2),
    ]


def test_a_target_whose_name_says_nothing_is_not_searched_by_it(user: Json) -> None:
    """The search would find anybody, and bill it."""
    user["user"]["nickname"] = "🥐"
    assert [lead.kind for lead in leads(user)] == ["target_videos", "following"]


@pytest.mark.parametrize(
    ("name", "query"),
    [
        ("Mira Oventide 🥐", "Mira Oventide"),
        ("_-Mira_Oventide-_", "Mira Oventide"),
        ("Zoë | Kraft", "Zoë Kraft"),
        ("山田太郎さん", "山田太郎さん"),
        ("user1234567890123", None),
        ("User 99", None),
        ("userful things", "userful things"),
        ("Jo", None),
        ("12345", None),
        ("✨", None),
        ("", None),
        (None, None),
    ],
)
def test_a_name_says_something_if_a_word_of_it_is_long_enough(name: str | None, query: str | None) -> None:
    """Without emoji and signs; TikTok's own "user123" says nothing."""
    assert telling_name(name) == query


def test_a_private_target_is_told_so_and_leads_nowhere(sample: Callable[[str], Json]) -> None:
    """Its posts and whom it follows are hidden, and billed."""
    body = sample("profile_private_no_bio")
    target = TARGET.read(json.dumps(body).encode()).target
    assert target is not None
    assert target.private is True
    assert leads(body) == []


def test_a_target_that_was_not_read_leads_nowhere() -> None:
    """Neither by an error nor by an empty page."""
    for page in (None, Page(items=(), cursor=None)):
        assert TARGET.leads(Trail(search=SearchInput(query="mira"), page=page, target=None)) == ()


def test_a_200_may_say_that_there_is_no_such_target() -> None:
    """It ends the job with that reason."""
    with pytest.raises(NotFoundError):
        TARGET.read(b'{"success": true, "accountDoesNotExist": true}')
