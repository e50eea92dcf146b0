"""Whatever an answer holds, reading it raises nothing but what the table promises, and loses nothing."""

import copy
import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.domain.creator import Content
from common.errors import NotFoundError, ShapeError
from common.platform import SearchInput, Trail
from local.spoil import DROPPED, spoil
from youtube.lead import common_hashtags, common_phrases
from youtube.profile import PROFILE
from youtube.table import YOUTUBE

DATA = Path(__file__).parent / "data"
SEARCHES = [
    ("keyword", "search_keyword"),
    ("keyword", "search_keyword_shelves"),
    ("hashtag", "search_hashtag"),
    ("target_videos", "target_videos_shorts"),
    ("target_videos", "target_videos_old"),
]
CHANNELS = ["channel", "channel_old", "channel_links"]
DEEP = "@@deep@@"

TEXT = st.text(st.characters(codec=None), max_size=20)  # with NUL and lone surrogates
LEAVES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), TEXT, st.just(DEEP)
)
VALUES = st.one_of(
    st.just(DROPPED),
    st.sampled_from([None, "", "0", 0, -1, 2**63, 1e300, [], {}, [[]], [None], True, "2026-13-99T00:00:00Z", "\ud83d"]),
    st.sampled_from(
        ["http://[", "//a.example:0", "%", "%E5%86", "c/", "Joined Feb 31, 2020", "9" * 60, "1.9999K", '"']
    ),
    st.recursive(
        LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3), max_leaves=5
    ),
)


def load(name: str) -> Any:
    return json.loads((DATA / f"{name}.json").read_bytes())


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The paths to all that is inside."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [found for key, child in inner for found in [(*path, key), *places(child, (*path, key))]]


LOADED = {name: load(name) for name in [name for _, name in SEARCHES] + CHANNELS}
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


def listed(body: Any, *names: str) -> int:
    """How many things these arrays hold; one that is no array counts as one."""
    values = [body.get(name) for name in names]
    return sum(len(value) if isinstance(value, list) else value is not None for value in values)


def shelved(body: Any) -> int:
    shelves = body.get("shelves")
    if not isinstance(shelves, list):
        return int(shelves is not None)
    return sum(map(on_shelf, shelves))


def on_shelf(shelf: Any) -> int:
    items = shelf.get("items") if isinstance(shelf, dict) else False
    if not isinstance(items, list):
        return int(items is not None)
    kinds = ("video", "short", "live", "channel")
    return sum(isinstance(item, dict) and item.get("type") in kinds for item in map(freed, items))


def freed(item: Any) -> Any:
    """An element whose type cannot be looked up in a tuple has none."""
    return item if isinstance(item, dict) and isinstance(item.get("type"), str) else None


@pytest.mark.parametrize(("kind", "name"), SEARCHES, ids=[name for _, name in SEARCHES])
@given(data=st.data())
def test_everything_on_a_spoilt_page_is_counted(kind: str, name: str, data: st.DataObject) -> None:
    """As an item, a video of the target or unparsable; or the answer is no page."""
    body = data.draw(spoilt(name))
    with suppress(ShapeError):
        page = YOUTUBE.searches[kind].read(encoded(body))
        expected = listed(body, "videos", "shorts", "lives")
        if kind != "target_videos":
            expected += listed(body, "channels") + shelved(body)
        if DEEP not in json.dumps(body):  # an element nested too deep is as good as of no type
            assert page.items_count == expected
        assert page.cursor is None or page.cursor.strip()
        page_trail = Trail(search=SearchInput(query="x"), page=page, target=None)
        assert all(lead.query.strip() for lead in YOUTUBE.searches[kind].leads(page_trail))


@pytest.mark.parametrize("name", CHANNELS)
@given(data=st.data())
def test_a_spoilt_channel_is_read_or_refused_by_name(name: str, data: st.DataObject) -> None:
    """NotFoundError or ShapeError; and what is read can be kept and leads somewhere."""
    body = encoded(data.draw(spoilt(name)))
    with suppress(ShapeError, NotFoundError):
        account = PROFILE.read(body)
        assert account.platform_id
        assert account.handle
        assert "\\u0000" not in account.model_dump_json()
        page = YOUTUBE.searches["target"].read(body)
        first, *_ = YOUTUBE.searches["target"].leads(Trail(search=SearchInput(query="x"), page=page, target=None))
        assert first.query == account.platform_id


@given(body=st.binary(max_size=200) | VALUES.filter(lambda value: value is not DROPPED).map(encoded))
def test_no_bytes_raise_anything_else(body: bytes) -> None:
    """Anything may come over a wire."""
    for read in (*(search.read for search in YOUTUBE.searches.values()), PROFILE.read):
        with suppress(ShapeError):
            read(body)


@given(text=TEXT)
def test_any_text_comes_out_fit_to_be_kept(text: str) -> None:
    """As UTF-8 without NUL, and the creator with it."""
    uploader = {"id": "UC7", "title": text, "handle": text, "thumbnail": text}
    video = {"id": "1", "title": text, "description": text, "channel": uploader, "publishDate": text}
    (item,) = YOUTUBE.searches["keyword"].read(encoded({"success": True, "videos": [video]})).items
    assert "\0" not in item.model_dump_json()  # type: ignore[union-attr]
    assert "\\u0000" not in item.model_dump_json()  # type: ignore[union-attr]
    channel = {"channelId": "UC7", **dict.fromkeys(("name", "description", "tags", "email", "handle", "country"), text)}
    told = PROFILE.read(encoded({"success": True, **channel, "keywords": [text]})).model_dump_json()
    assert "\\u0000" not in told


@given(titles=st.lists(st.text(max_size=40), max_size=5))
def test_any_titles_can_be_compared(titles: list[str]) -> None:
    """What they have in common stands in at least two of them."""
    contents = [Content(platform_id="1", text=title) for title in titles]
    for phrase in common_phrases(contents, None):
        words = phrase.split()
        assert sum(all(word in title.casefold().replace("’", "'") for word in words) for title in titles) >= 2
    assert all(tag and "#" not in tag for tag in common_hashtags(contents))


def test_a_deeply_nested_element_is_refused_not_a_crash() -> None:
    """90,000 brackets exhaust the parser's depth wherever they stand."""
    for place in ({"videos": [DEEP]}, {"videos": [], "shorts": [DEEP]}, {"videos": [], "x": DEEP}):
        with pytest.raises(ShapeError):
            YOUTUBE.searches["keyword"].read(encoded({"success": True, **place}))
