"""How a search is asked for, what of a page is an item, and where it goes on and ends."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from common.domain.creator import Item
from common.errors import ShapeError
from common.platform import Page, SearchInput, Unparsable
from youtube.table import YOUTUBE

Json = dict[str, Any]
ReadItems = Callable[..., list[Item | Unparsable]]
KEYWORD, HASHTAG = YOUTUBE.searches["keyword"], YOUTUBE.searches["hashtag"]
BARE = Unparsable("video without a channel")


def read(body: object) -> Page:
    return KEYWORD.read(json.dumps(body).encode())


def page(**fields: object) -> Json:
    return {"success": True, "videos": [], "continuationToken": "EpoDEgtERU1P"} | fields


# --- asking --------------------------------------------------------------------------------------------------------


def test_the_keyword_search_asks_for_extras() -> None:
    """They cost nothing more, and only they tell when a video was published."""
    assert KEYWORD.ask(SearchInput(query="sourdough bread"), None) == {
        "query": "sourdough bread",
        "includeExtras": "true",
    }


def test_a_further_page_is_asked_for_with_the_token_and_the_same_input() -> None:
    """The token alone is not known to be enough."""
    search = SearchInput(query="sourdough", region="GB")
    assert KEYWORD.ask(search, "EpoD") == {
        "query": "sourdough",
        "region": "GB",
        "includeExtras": "true",
        "continuationToken": "EpoD",
    }
    assert HASHTAG.ask(search, "EpoD") == {"hashtag": "sourdough", "continuationToken": "EpoD"}


def test_a_hashtag_is_asked_for_without_its_sign_and_without_what_the_endpoint_does_not_know() -> None:
    """Unknown parameters are billed in silence; a search page is never cached."""
    search = SearchInput(query="#sourdough", region="GB", cache_max_age="7d")
    assert HASHTAG.ask(search, None) == {"hashtag": "sourdough"}
    assert "cache_max_age" not in KEYWORD.ask(search, None)


# --- going on and ending -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("token", ["EpoD" * 400, "a b", "%3D%3D", "-"])
def test_a_token_is_handed_back_exactly_as_sent(token: str) -> None:
    """Tokens have 500 to 1,500 characters and more."""
    assert read(page(continuationToken=token)).cursor == token


@pytest.mark.parametrize("token", [None, "", " ", 0, 5, True, [], {}, "é", "a\nb", "\x00", "x" * 16_001])
def test_a_search_ends_without_a_token_to_go_on_with(token: object) -> None:
    """What no request could carry is none."""
    assert read(page(continuationToken=token)).cursor is None


def test_a_search_ends_if_the_token_is_absent() -> None:
    """As on the last page of some answers."""
    body = page()
    del body["continuationToken"]
    assert read(body).cursor is None


# --- what is an item -----------------------------------------------------------------------------------------------


def test_videos_shorts_lives_and_channels_are_items(read_items: ReadItems, video: Json, card: Json) -> None:
    """Videos first, so that a channel that is found twice comes with its video."""
    short, live = {**video, "id": "s"}, {**video, "id": "l"}
    items = read_items(channels=[card], lives=[live], shorts=[short], videos=[video])
    assert [item.item_id for item in items if isinstance(item, Item)] == [video["id"], "s", "l", card["id"]]


def test_a_bare_short_is_unparsable(read_items: ReadItems, video: Json) -> None:
    """It names nobody; the reason is ours."""
    bare = {name: video[name] for name in ("type", "id", "url", "title", "viewCountText", "viewCountInt")}
    assert read_items(shorts=[bare]) == [BARE]


def test_playlists_are_no_items(read_items: ReadItems, sample: Callable[[str], Json]) -> None:
    """They hold other people's videos; on a shelf as well."""
    playlist = sample("search_keyword_channels")["playlists"][0]
    assert read_items(playlists=[playlist], shelves=[{"title": "Mixes", "items": [playlist]}]) == []


def test_what_stands_on_a_shelf_is_an_item_by_its_type(read_items: ReadItems, video: Json, card: Json) -> None:
    """Videos with a channel, channels, and bare shorts as unparsable."""
    short = {"type": "short", "id": "x", "title": "sparks"}
    shelves = [{"title": "a", "items": [video, {"type": "post"}, card]}, {"items": [short]}, {"title": "empty"}]
    first, second, third = read_items(shelves=shelves)
    assert isinstance(first, Item)
    assert isinstance(second, Item)
    assert (first.item_id, second.item_id, third) == (video["id"], card["id"], BARE)


def test_one_bad_element_costs_itself_only(read_items: ReadItems, video: Json) -> None:
    """And every element is counted."""
    items = read_items(videos=[None, video, 5, {}, {"channel": {}}, [], {"channel": {"id": 5}}])
    assert [isinstance(item, Unparsable) for item in items] == [True, False, True, True, True, True, True]


@pytest.mark.parametrize("name", ["shorts", "lives", "channels", "shelves"])
@pytest.mark.parametrize("odd", ["text", 5, {}, True])
def test_an_odd_array_costs_itself_only(read_items: ReadItems, video: Json, name: str, odd: object) -> None:
    """The videos live, and that something could not be read is told."""
    item, told = read_items(videos=[video], **{name: odd})
    assert isinstance(item, Item)
    assert told == Unparsable("not a list")


@pytest.mark.parametrize("name", ["shorts", "lives", "channels", "shelves", "playlists"])
def test_null_in_place_of_an_array_is_an_empty_one(read_items: ReadItems, name: str) -> None:
    """Nothing is told of it."""
    assert read_items(**{name: None}) == []


def test_a_search_that_finds_nothing_is_an_empty_page(sample: Callable[[str], Json]) -> None:
    """It is billed all the same."""
    assert read(sample("search_keyword_nothing")) == Page(items=(), cursor=None)


def test_half_an_emoji_does_not_lose_the_page(sample: Callable[[str], Json]) -> None:
    """JavaScript cuts text inside an emoji and sends the half as an escape."""
    whole = sample("search_keyword")
    expected = read(whole)
    whole["videos"][0]["badges"] = ["cut \ud83c"]
    assert read(whole) == expected


# --- no page at all ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        None,
        [],
        "text",
        {},
        {"success": True, "continuationToken": None},
        {"success": True, "shorts": [], "channels": [], "continuationToken": None},
        page(success=False),
        page(videos={}),
        page(videos="odd"),
        page(videos=5),
    ],
)
def test_an_answer_without_its_videos_is_no_page(body: object) -> None:
    """A lost list must not look like a search that found nothing."""
    with pytest.raises(ShapeError):
        read(body)


def test_null_in_place_of_the_videos_is_an_empty_page() -> None:
    """And a missing `success` is no failure."""
    assert read({"videos": None}) == Page(items=(), cursor=None)
