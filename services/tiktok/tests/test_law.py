"""Whatever an answer holds, reading it raises nothing but what the table promises, and loses nothing."""

import copy
import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.domain.creator import Item
from common.errors import NotFoundError, ShapeError
from common.platform import SearchInput, Trail
from local.spoil import DROPPED, spoil
from tiktok.profile import PROFILE
from tiktok.table import TIKTOK

DATA = Path(__file__).parent / "data"
SEARCHES = {
    "keyword_last_page": ("keyword", "search_item_list"),
    "keyword_trim": ("keyword", "search_item_list"),
    "hashtag": ("hashtag", "aweme_list"),
    "hashtag_trim": ("hashtag", "aweme_list"),
    "target_videos": ("target_videos", "aweme_list"),
    "target_videos_trim": ("target_videos_us", "aweme_list"),
    "following": ("following", "followings"),
    "following_trim": ("following", "followings"),
    "users": ("users", "user_list"),
    "users_trim": ("users", "users"),
}
PROFILES = ["profile", "profile_cached"]
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
    search_item_list aweme_list success status_code cursor has_more aweme_info aweme_id desc author create_time
    create_time_utc url share_url statistics text_extra cha_list uid unique_id nickname signature follower_count
    custom_verify secret avatar_larger url_list digg_count play_count type hashtag_name cha_name user stats
    statsV2 id uniqueId followerCount bioLink link avatarLarger privateAccount verified error
    accountDoesNotExist language region desc_language is_top start end sec_uid create_time aweme_count followings
    min_time user_list users user_info createTime commerceUserInfo category ttSeller heart collect_count
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
    """As an item, as unparsable or as a post of the target; or the answer is no page. Its leads can be asked for."""
    kind, listed = SEARCHES[name]
    search, body = TIKTOK.searches[kind], data.draw(spoilt(name))
    with suppress(ShapeError, NotFoundError):
        page = search.read(encoded(body))
        assert len(page.items) + len(page.target_contents) == len(body[listed] or ())
        assert page.cursor is None or page.cursor
        for lead in search.leads(Trail(search=SearchInput(query="mira"), page=page, target=None)):
            assert lead.query
            assert lead.kind in TIKTOK.searches


@pytest.mark.parametrize("name", PROFILES)
@given(data=st.data())
def test_a_spoilt_profile_is_read_or_refused_by_name(name: str, data: st.DataObject) -> None:
    """NotFoundError or ShapeError."""
    with suppress(ShapeError, NotFoundError):
        body = encoded(data.draw(spoilt(name)))
        account = PROFILE.read(body)
        assert account.platform_id
        assert account.handle
        assert TIKTOK.searches["target"].read(body).target == account


@given(body=st.binary(max_size=200) | VALUES.filter(lambda value: value is not DROPPED).map(encoded))
def test_no_bytes_raise_anything_else(body: bytes) -> None:
    """Anything may come over a wire."""
    for one in TIKTOK.searches.values():
        with suppress(ShapeError):
            one.read(body)


@given(text=TEXT)
def test_any_text_comes_out_fit_to_be_kept(text: str) -> None:
    """As UTF-8 without NUL, and the creator with it."""
    author = {"uid": "7", "unique_id": "mira", "nickname": text, "signature": text, "region": text}
    post = {"aweme_id": "1", "desc": text, "author": author, "text_extra": [{"type": 1, "hashtag_name": text}]}
    (item,) = TIKTOK.searches["keyword"].read(encoded({"success": True, "search_item_list": [post]})).items
    assert isinstance(item, Item)
    kept = item.model_dump_json()  # refuses half an emoji
    assert "\0" not in kept
    assert "\\u0000" not in kept


def test_a_deeply_nested_element_is_refused_not_a_crash() -> None:
    """90,000 brackets exhaust the parser's depth wherever they stand."""
    for place in ({"search_item_list": [DEEP]}, {"search_item_list": [{"aweme_info": {"x": DEEP}}]}, {"x": DEEP}):
        with pytest.raises(ShapeError):
            TIKTOK.searches["keyword"].read(encoded({"success": True, **place}))
