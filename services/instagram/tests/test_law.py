"""Whatever an answer holds, reading it raises nothing but what the table promises, and loses nothing."""

import copy
import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.domain.creator import Account, Content, Item
from common.errors import NotFoundError, ShapeError
from common.platform import SearchInput, Trail
from instagram.lead import telling_queries
from instagram.profile import PROFILE
from instagram.table import INSTAGRAM
from local.spoil import DROPPED, spoil

DATA = Path(__file__).parent / "data"
SEARCHES = {
    "keyword": ("keyword", "profiles"),
    "keyword_last_page": ("keyword", "profiles"),
    "hashtag": ("hashtag", "posts"),
    "reels": ("reels", "reels"),
    "reels_media": ("reels", "reels"),
}
PROFILES = ["profile_pinned", "profile_merged", "profile_trim", "profile_private"]
DEEP = "@@deep@@"

TEXT = st.text(st.characters(codec=None), max_size=20)  # with NUL and lone surrogates
LEAVES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), TEXT, st.just(DEEP)
)
VALUES = st.one_of(
    st.just(DROPPED),
    st.sampled_from([None, "", "0", 0, -1, 2**63, 1e300, [], {}, [[]], [None], True, "2026-13-99T00:00:00Z", "\ud83d"]),
    st.recursive(
        LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3), max_leaves=5
    ),
)
OUR_KEYS = """
    profiles posts reels data items user success error accountDoesNotExist cursor media id pk username full_name
    biography bio_links url external_url is_private is_verified is_business_account is_professional_account
    category_name profile_pic_url follower_count following_count media_count post_count shortcode code product_type
    caption text owner taken_at taken_at_timestamp like_count comment_count video_view_count video_play_count
    play_count ig_play_count edge_media_to_caption edges node count edge_liked_by edge_media_preview_like
    edge_media_to_comment pinned_for_users edge_followed_by edge_follow edge_owner_to_timeline_media
    edge_related_profiles business_category_name overall_category_name category business_email public_email
    business_contact_method business_address_json city_name is_business account_type profile_pic_url_hd
    hd_profile_pic_url_info
"""


def load(name: str) -> Any:
    return json.loads((DATA / f"{name}.json").read_bytes())


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The paths to all that is inside, as far as we read it."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [
        found
        for key, child in inner
        if isinstance(key, int) or key in OUR_KEYS.split()
        for found in [(*path, key), *places(child, (*path, key))]
    ]


LOADED = {name: load(name) for name in [*SEARCHES, *PROFILES]}
PLACES = {name: places(value) for name, value in LOADED.items()}


@st.composite
def spoilt(draw: st.DrawFn, name: str) -> Any:
    """A sample in which a few values are dropped, nulled or something else."""
    body = copy.deepcopy(LOADED[name])
    for path in draw(st.lists(st.sampled_from(PLACES[name]), min_size=1, max_size=6, unique=True)):
        spoil(body, path, draw(VALUES))
    return body


def encoded(body: Any) -> bytes:
    return json.dumps(body).encode().replace(json.dumps(DEEP).encode(), b"[" * 90_000 + b"]" * 90_000)


@pytest.mark.parametrize("name", SEARCHES)
@given(data=st.data())
def test_every_element_of_a_spoilt_page_is_accounted_for(name: str, data: st.DataObject) -> None:
    """As an item or as unparsable; or the answer is no page."""
    kind, listed = SEARCHES[name]
    body = data.draw(spoilt(name))
    with suppress(ShapeError, NotFoundError):
        page = INSTAGRAM.searches[kind].read(encoded(body))
        assert len(page.items) == page.items_count == len(body[listed] or ())
        assert page.cursor is None or 2 <= int(page.cursor) <= 11


@pytest.mark.parametrize("name", PROFILES)
@given(data=st.data())
def test_a_spoilt_profile_is_read_or_refused_by_name(name: str, data: st.DataObject) -> None:
    """NotFoundError or ShapeError; and what is read can be kept, is counted, and leads somewhere or nowhere."""
    body = data.draw(spoilt(name))
    with suppress(ShapeError, NotFoundError):
        account = PROFILE.read(encoded(body))
        assert account.platform_id
        assert account.handle
        assert "\\u0000" not in account.model_dump_json()
        page = INSTAGRAM.searches["target"].read(encoded(body))
        assert page.target == account
        related = INSTAGRAM.searches["related"].read(encoded(body))
        assert page.items[: len(related.items)] == related.items
        if DEEP not in json.dumps(body):  # a list nested too deep is as good as none
            told = body["data"]["user"]
            expected = listed(told, "edge_owner_to_timeline_media") + listed(told, "edge_related_profiles")
            assert page.items_count == 1 + expected
        for lead in INSTAGRAM.searches["target"].leads(Trail(search=SearchInput(query="x"), page=page, target=None)):
            assert lead.query.strip()


def listed(user: Any, key: str) -> int:
    """How many edges a list of the graph has, if it is one."""
    connection = user.get(key)
    edges = connection.get("edges") if isinstance(connection, dict) else None
    return len(edges) if isinstance(edges, list) else 0


@given(body=st.binary(max_size=200) | VALUES.filter(lambda value: value is not DROPPED).map(encoded))
def test_no_bytes_raise_anything_else(body: bytes) -> None:
    """Anything may come over a wire."""
    for one in INSTAGRAM.searches.values():
        with suppress(ShapeError):
            one.read(body)


@given(text=TEXT)
def test_any_text_comes_out_fit_to_be_kept(text: str) -> None:
    """As UTF-8 without NUL, and the creator with it."""
    owner = {"id": "7", "username": "mira", "full_name": text, "category_name": text, "external_url": text}
    post = {"id": "1", "caption": text, "owner": owner, "shortcode": text, "taken_at": text}
    (item,) = INSTAGRAM.searches["hashtag"].read(encoded({"success": True, "posts": [post]})).items
    assert isinstance(item, Item)
    kept = item.model_dump_json()  # refuses half an emoji
    assert "\0" not in kept
    assert "\\u0000" not in kept
    user = {**owner, "biography": text, "business_email": text, "business_address_json": text}
    told = PROFILE.read(encoded({"success": True, "data": {"user": user}}))
    assert "\\u0000" not in told.model_dump_json()


@given(bio=st.text(max_size=60), tags=st.lists(st.text(max_size=20), max_size=5))
def test_any_words_can_be_asked_with(bio: str, tags: list[str]) -> None:
    """Few, and each says something."""
    account = Account(platform_id="7", handle="mira", bio=bio, category=bio[:20])
    queries = telling_queries(account, [Content(platform_id="1", text=bio, hashtags=tuple(tags))])
    assert len(queries) <= 4
    for query in queries:
        assert query == query.strip()
        assert any(character.isalpha() for character in query)
        assert INSTAGRAM.searches["keyword"].ask(SearchInput(query=query), None) == {"query": query}


def test_a_deeply_nested_element_is_refused_not_a_crash() -> None:
    """90,000 brackets exhaust the parser's depth wherever they stand."""
    for place in ({"profiles": [DEEP]}, {"profiles": [{"x": DEEP}]}, {"profiles": [], "x": DEEP}):
        with pytest.raises(ShapeError):
            INSTAGRAM.searches["keyword"].read(encoded({"success": True, **place}))
