"""Whom somebody follows, and who is found by name."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from common.domain.creator import Account, Item
from common.errors import NotFoundError, ShapeError
from common.platform import Page, SearchInput, Trail, Unparsable
from tiktok.profile import PROFILE
from tiktok.table import TIKTOK

Json = dict[str, Any]
FOLLOWING, USERS = TIKTOK.searches["following"], TIKTOK.searches["users"]
KINDS = pytest.mark.parametrize(("kind", "listed"), [("following", "followings"), ("users", "user_list")])


@pytest.fixture
def person(sample: Callable[[str], Json]) -> Json:
    """Somebody whom the target follows, to be spoilt by a test."""
    return sample("following")["followings"][0]


def page(kind: str, listed: str, people: object, **fields: object) -> Page:
    body = {"success": True, listed: people, "has_more": True, "cursor": 30, "min_time": 1769490575} | fields
    return TIKTOK.searches[kind].read(json.dumps(body).encode())


def account(kind: str, listed: str, person: Json) -> Account:
    (item,) = page(kind, listed, [person]).items
    assert isinstance(item, Item)
    assert item.content is None
    assert item.item_id == item.account.platform_id
    return item.account


# --- asking --------------------------------------------------------------------------------------------------------


def test_the_next_page_of_a_following_list_is_asked_for_by_its_time() -> None:
    """A wrong name of a cursor would buy the first page again; the endpoint has no region and no cache."""
    search = SearchInput(query="@mira", region="GB", cache_max_age="7d")
    assert FOLLOWING.ask(search, None) == {"handle": "mira"}
    assert FOLLOWING.ask(search, "1769490575") == {"handle": "mira", "min_time": "1769490575"}


def test_people_are_searched_by_name() -> None:
    """The endpoint documents no region."""
    search = SearchInput(query="Mira Oventide", region="GB", cache_max_age="7d")
    assert USERS.ask(search, None) == {"query": "Mira Oventide"}
    assert USERS.ask(search, "30") == {"query": "Mira Oventide", "cursor": "30"}


def test_a_list_of_people_leads_nowhere(person: Json) -> None:
    """They are candidates."""
    for search in (FOLLOWING, USERS):
        found = page("following", "followings", [person])
        assert search.leads(Trail(search=SearchInput(query="mira"), page=found, target=None)) == ()


# --- what is told of a person --------------------------------------------------------------------------------------


@pytest.mark.parametrize("signature", ["", "Sourdough\nhello@oventide.example"])
def test_nobody_from_a_following_list_needs_a_profile(person: Json, signature: str) -> None:
    """An empty bio is known to be none, and 0 followers are 0."""
    told = account("following", "followings", person | {"signature": signature, "follower_count": 0})
    assert (told.bio, told.followers) == (signature, 0)
    assert not PROFILE.is_needed(told)


def test_a_followed_person_whose_bio_is_missing_needs_a_profile(person: Json) -> None:
    """Nothing was said."""
    del person["signature"]
    assert PROFILE.is_needed(account("following", "followings", person))


def test_a_followed_person_is_told_whole(person: Json) -> None:
    """Counts, country and language are the account's own."""
    told = account("following", "followings", person)
    assert (told.followers, told.following, told.posts) == (48213, 312, 214)
    assert (told.country, told.language, told.private) == ("GB", "en", None)


@pytest.mark.parametrize(("secret", "private"), [(1, True), (0, None), (None, None)])
def test_a_followed_person_may_be_private(person: Json, secret: object, private: bool | None) -> None:
    """But the flag is 0 for private ones too."""
    assert account("following", "followings", person | {"secret": secret}).private is private


@pytest.mark.parametrize(("sent", "known"), [(0, None), (1, None), (2, 2), (201, 201)])
def test_a_person_found_by_name_seems_to_follow_nobody(person: Json, sent: int, known: int | None) -> None:
    """That search often says 0 or 1; a following list means it."""
    person["following_count"] = sent
    assert account("users", "user_list", {"user_info": person}).following == known
    assert account("following", "followings", person).following == sent


@pytest.mark.parametrize("signature", [None, ""])
def test_a_person_found_by_name_needs_a_profile(person: Json, signature: object) -> None:
    """That search tells no bio, so "" is unknown."""
    told = account("users", "user_list", {"user_info": person | {"signature": signature}})
    assert told.bio is None
    assert (told.followers, told.posts) == (48213, 214)
    assert PROFILE.is_needed(told)


# --- shapes --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("listed", ["user_list", "users"])
@pytest.mark.parametrize("is_wrapped", [True, False])
def test_people_are_found_under_either_name_wrapped_or_not(person: Json, listed: str, is_wrapped: bool) -> None:
    """Documentation and answers differ."""
    entry = {"user_info": person, "position": None} if is_wrapped else person
    assert account("users", listed, entry).platform_id == "7300000000000000101"


@pytest.mark.parametrize("first", [None, []])
def test_an_empty_user_list_does_not_hide_the_users(person: Json, first: object) -> None:
    """If both are there."""
    assert len(page("users", "users", [person], user_list=first).items) == 1


@KINDS
def test_one_bad_person_costs_itself_only(kind: str, listed: str, person: Json) -> None:
    """And every element is counted."""
    numeric = person | {"uid": 7300000000000000101}
    items = page(kind, listed, [None, 5, "odd", {}, {"user_info": None}, numeric, person]).items
    assert [isinstance(item, Unparsable) for item in items] == [True] * 6 + [False]
    assert items[0] == Unparsable("not a person")
    assert items[5] == Unparsable("person without a string id or a handle")


@KINDS
def test_a_list_ends_when_it_says_so(kind: str, listed: str, person: Json) -> None:
    """One endpoint says it with a number, the other with a boolean; with `trim` neither says it."""
    cursor = {"following": "1769490575", "users": "30"}[kind]
    for more in (True, 1, None):
        assert page(kind, listed, [person], has_more=more).cursor == cursor
    for no_more in (False, 0):
        assert page(kind, listed, [person], has_more=no_more).cursor is None
    assert page(kind, listed, [person], cursor=0, min_time=0).cursor is None


@KINDS
@pytest.mark.parametrize("people", [[], None])
def test_an_empty_list_of_people_is_the_last(kind: str, listed: str, people: object) -> None:
    """Whatever it says: that is how a hidden list may look."""
    assert page(kind, listed, people) == Page(items=(), cursor=None)


@KINDS
def test_a_lost_list_is_no_page(kind: str, listed: str) -> None:
    """It must not look like nobody."""
    for body in ({"success": True, "has_more": 0}, {"success": False, listed: []}, {"status_code": 3, listed: None}):
        with pytest.raises(ShapeError):
            TIKTOK.searches[kind].read(json.dumps(body).encode())


@KINDS
def test_a_200_may_say_that_there_is_no_such_account(kind: str, listed: str) -> None:
    """By a flag, or by a word."""
    for body in ({"accountDoesNotExist": True}, {"success": False, "error": "not_found", listed: []}):
        with pytest.raises(NotFoundError):
            TIKTOK.searches[kind].read(json.dumps(body).encode())
