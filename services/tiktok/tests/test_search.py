"""How a search is asked for, and where it goes on and ends."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from common.errors import ShapeError
from common.platform import Page, SearchInput, Unparsable
from tiktok.table import TIKTOK

Json = dict[str, Any]
KEYWORD, HASHTAG = TIKTOK.searches["keyword"], TIKTOK.searches["hashtag"]


def read(body: object) -> Page:
    return KEYWORD.read(json.dumps(body).encode())


def page(**fields: object) -> Json:
    return {"success": True, "search_item_list": [], "cursor": 30, "has_more": 1} | fields


# --- asking --------------------------------------------------------------------------------------------------------


def test_the_first_page_is_asked_for_without_a_cursor() -> None:
    """And without a region unless there is one; unknown parameters would be billed in silence."""
    assert KEYWORD.ask(SearchInput(query="sourdough bread"), None) == {"query": "sourdough bread"}
    assert HASHTAG.ask(SearchInput(query="sourdough"), None) == {"hashtag": "sourdough"}


def test_a_further_page_is_asked_for_with_the_cursor_and_the_same_input() -> None:
    """All are strings."""
    search = SearchInput(query="sourdough", region="GB")
    assert KEYWORD.ask(search, "30") == {"query": "sourdough", "region": "GB", "cursor": "30"}
    assert HASHTAG.ask(search, "12") == {"hashtag": "sourdough", "region": "GB", "cursor": "12"}


def test_a_hashtag_is_asked_for_without_its_sign() -> None:
    """The endpoint wants the bare tag."""
    assert HASHTAG.ask(SearchInput(query="#sourdough"), None) == {"hashtag": "sourdough"}


# --- going on and ending -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("has_more", [1, True, 1.0, "1", None, "odd", 2])
def test_a_search_goes_on_while_there_is_more(has_more: object) -> None:
    """`has_more` is a number here and a boolean there."""
    assert read(page(has_more=has_more)).cursor == "30"


def test_a_search_goes_on_if_only_the_cursor_is_there() -> None:
    """With `trim` there is no `has_more`."""
    body = page()
    del body["has_more"]
    assert read(body).cursor == "30"


@pytest.mark.parametrize("has_more", [0, False, 0.0, "0", "false"])
def test_a_search_ends_when_there_is_no_more(has_more: object) -> None:
    """Whatever the cursor says."""
    assert read(page(has_more=has_more)).cursor is None


@pytest.mark.parametrize("cursor", [None, 0, "0", "", -30, [], {}, True, 1.5])
def test_a_search_ends_without_a_cursor_to_go_on_with(cursor: object) -> None:
    """0 would buy the first page again."""
    assert read(page(cursor=cursor)).cursor is None


def test_a_search_ends_if_the_cursor_is_absent() -> None:
    """Even if there is more."""
    body = page()
    del body["cursor"]
    assert read(body).cursor is None


@pytest.mark.parametrize(("sent", "cursor"), [(30, "30"), (30.0, "30"), ("30", "30"), ("opaque-token", "opaque-token")])
def test_a_cursor_is_handed_back_as_a_string(sent: object, cursor: str) -> None:
    """It is a count today."""
    assert read(page(cursor=sent)).cursor == cursor


# --- both shapes of an item ----------------------------------------------------------------------------------------


def test_wrapped_and_flat_posts_are_read_alike(post: Json) -> None:
    """`trim` unwraps them."""
    wrapped, flat = read(page(search_item_list=[{"aweme_info": post, "search_aweme_info": {}}, post])).items
    assert wrapped == flat
    assert not isinstance(wrapped, Unparsable)


def test_one_bad_element_costs_itself_only(post: Json) -> None:
    """And every element is counted."""
    page_read = read(page(search_item_list=[None, {"aweme_info": post}, 5, {}, {"aweme_info": None}, []]))
    assert [isinstance(item, Unparsable) for item in page_read.items] == [True, False, True, True, True, True]


def test_half_an_emoji_does_not_lose_the_page(sample: Callable[[str], Json]) -> None:
    """JavaScript cuts text inside an emoji and sends the half as an escape, also in fields that we do not read."""
    whole = sample("keyword")
    expected = read(whole)
    whole["search_item_list"][1]["aweme_info"]["search_desc"] = "cut \ud83c"
    whole["search_item_list"][2]["aweme_info"]["\udf5e"] = "\\ud83c \\\ud83c"
    assert read(whole) == expected


# --- no page at all ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        None,
        [],
        "text",
        5,
        {},
        {"success": True},
        {"success": True, "cursor": None, "has_more": 0},
        page(success=False),
        page(search_item_list={}),
        page(search_item_list="odd"),
        page(search_item_list=5),
        {"success": True, "aweme_list": [], "cursor": 12},
    ],
)
def test_an_answer_without_its_list_is_no_page(body: object) -> None:
    """A lost list must not look like a search that found nothing."""
    with pytest.raises(ShapeError):
        read(body)


@pytest.mark.parametrize("body", [b"", b"<html>", b'{"search_item_list": [', b"\xff\xfe", b"[" * 90_000])
def test_an_answer_that_is_no_json_is_no_page(body: bytes) -> None:
    """Nor one that ends early."""
    with pytest.raises(ShapeError):
        KEYWORD.read(body)


def test_an_empty_list_is_an_empty_page() -> None:
    """It is billed all the same."""
    assert read(page(search_item_list=[], cursor=None, has_more=0)) == Page(items=(), cursor=None)


def test_null_in_place_of_the_list_is_an_empty_page() -> None:
    """TikTok's services write an empty list so."""
    assert read(page(search_item_list=None, cursor=None)) == Page(items=(), cursor=None)


def test_null_in_place_of_the_list_beside_an_error_of_tiktok_is_no_page() -> None:
    """`status_code` is theirs, in a 200 of the vendor."""
    with pytest.raises(ShapeError):
        HASHTAG.read(json.dumps({"success": True, "aweme_list": None, "status_code": 2483}).encode())


def test_a_missing_success_is_not_a_failure() -> None:
    """The envelope varies; the list decides."""
    body = page()
    del body["success"]
    assert read(body).cursor == "30"
