"""The three searches: what is asked, where pages go on, what is no page, and where they lead."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from common.domain.creator import Account, Target
from common.errors import NotFoundError, ShapeError
from common.platform import Page, PlannedSearch, SearchInput, Trail, Unparsable
from instagram.table import INSTAGRAM

Json = dict[str, Any]
KEYWORD, HASHTAG, REELS = (INSTAGRAM.searches[kind] for kind in ("keyword", "hashtag", "reels"))
LISTS = {"keyword": "profiles", "hashtag": "posts", "reels": "reels"}
EMPTY = Page(items=(), cursor=None)
TARGET = Target(account=Account(platform_id="7", handle="mira"))


def trail(query: str, page: Page | None, target: Target | None = None) -> Trail:
    return Trail(search=SearchInput(query=query), page=page, target=target)


def read(kind: str, body: Json) -> Page:
    return INSTAGRAM.searches[kind].read(json.dumps(body).encode())


def test_what_is_asked() -> None:
    """Neither a region nor an age is a parameter of these; each has its own name for the query and the page."""
    search = SearchInput(query="rye bread", region="GB", cache_max_age="7d")
    assert KEYWORD.ask(search, "2") == {"query": "rye bread", "cursor": "2"}
    assert HASHTAG.ask(SearchInput(query="#rye", region="GB"), "3") == {"hashtag": "rye", "cursor": "3"}
    assert REELS.ask(search, "4") == {"query": "rye bread", "page": "4"}
    assert REELS.ask(search, None) == {"query": "rye bread"}


@pytest.mark.parametrize("kind", ["keyword", "hashtag"])
@pytest.mark.parametrize(
    ("sent", "cursor"),
    [
        ("2", "2"), (2, "2"), ("11", "11"), ("12", None), (12, None), ("1", None), ("0", None), (None, None),
        ("", None), ("next", None), (-2, None), (True, None), (["2"], None),
    ],
)  # fmt: skip
def test_the_last_page_is_the_eleventh(kind: str, sent: object, cursor: str | None) -> None:
    """A twelfth is refused, and the first would be bought again."""
    assert read(kind, {"success": True, LISTS[kind]: [], "cursor": sent}).cursor == cursor


def test_a_page_without_a_cursor_is_the_last() -> None:
    """The key may be missing."""
    assert read("keyword", {"success": True, "profiles": []}).cursor is None


def test_reels_have_numbered_pages(sample: Callable[[str], Json]) -> None:
    """The answer tells no cursor, and what might look like one is none: the engine counts, to eleven."""
    assert REELS.numbered_pages_max == 11
    assert read("reels", sample("reels") | {"cursor": "2"}).cursor is None
    assert (KEYWORD.numbered_pages_max, HASHTAG.numbered_pages_max) == (None, None)


@pytest.mark.parametrize("kind", LISTS)
def test_an_empty_list_is_a_page_and_a_missing_one_is_not(kind: str) -> None:
    """An answer that lost its list must not look like a search that found nothing."""
    for listed in ([], None):
        assert read(kind, {"success": True, LISTS[kind]: listed}) == EMPTY
    for body in ({"success": True}, {"success": True, "query": "rye"}, {"success": False, LISTS[kind]: []}):
        with pytest.raises(ShapeError):
            read(kind, body)


@pytest.mark.parametrize("kind", LISTS)
def test_a_200_may_say_that_nothing_was_found(kind: str) -> None:
    """As the 404 does."""
    with pytest.raises(NotFoundError):
        read(kind, {"success": False, "error": "not_found", "message": "No posts found"})


def test_older_reels_stand_in_data_or_are_wrapped(sample: Callable[[str], Json]) -> None:
    """Wherever they stand they are the same."""
    listed = sample("reels")["reels"]
    expected = read("reels", {"success": True, "reels": listed})
    assert expected.items
    assert read("reels", {"success": True, "data": {"items": listed}}) == expected
    assert read("reels", {"success": True, "reels": [{"media": one} for one in listed]}) == expected
    assert read("reels", {"success": True, "reels": [{**one, "media": None} for one in listed]}) == expected
    with pytest.raises(ShapeError):
        read("reels", {"success": True, "data": {}})


def test_what_is_no_item_is_unparsable_and_the_others_live(sample: Callable[[str], Json]) -> None:
    """Each is counted."""
    person, post = sample("keyword")["profiles"][0], sample("reels")["reels"][0]
    page = read("keyword", {"success": True, "profiles": [5, {"username": "mira"}, person]})
    assert page.items[:2] == (Unparsable("not a person"), Unparsable("person without a string id or a handle"))
    assert page.items_count == 3
    page = read("reels", {"success": True, "reels": ["x", {"id": "1"}, {"id": "1", "owner": {"id": 5}}, post]})
    assert page.items[:3] == (
        Unparsable("not a post"),
        Unparsable("post without an owner"),
        Unparsable("person without a string id or a handle"),
    )
    assert page.items_count == 4


# --- leads -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", [EMPTY, None, Page(items=(), cursor="2")])
def test_the_reels_of_a_keyword_are_for_later(page: Page | None) -> None:
    """When its profiles have ended, however they did, and places are open: their owners cost a profile call each."""
    assert list(KEYWORD.leads(trail("rye bread", page))) == [PlannedSearch(kind="reels", query="rye bread", wave=1)]


def test_a_hashtag_that_is_down_leads_to_profiles_at_once() -> None:
    """A 404 says that nothing matches or that the search is down; the other search worked all the same."""
    expected = [PlannedSearch(kind="keyword", query="rye", wave=0)]
    assert list(HASHTAG.leads(trail("rye", None))) == expected
    assert list(HASHTAG.leads(trail("#rye", None))) == expected
    for page in (EMPTY, Page(items=(), cursor="2")):
        assert list(HASHTAG.leads(trail("rye", page))) == []


@pytest.mark.parametrize("kind", ["reels", "related"])
def test_others_lead_nowhere(kind: str) -> None:
    """The engine asks for a branch where one may go on."""
    for page in (EMPTY, None):
        assert list(INSTAGRAM.searches[kind].leads(trail("rye", page, TARGET))) == []
