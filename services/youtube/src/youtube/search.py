"""The two searches: by keyword and by hashtag.

Both bill a page however little is on it. Items are videos, shorts, lives and channels, also those
on shelves. Playlists are none: they collect other people's videos, so their owner is not whom the query is about.
"""

from collections.abc import Iterator
from typing import Final

from msgspec import UNSET, Raw

from common.domain.creator import Item
from common.errors import ShapeError
from common.platform import Page, Params, SearchInput, SearchKind, Unparsable
from common.reading.body import decoded, few, read_body
from common.reading.scalar import read_flag, read_string
from youtube.mapping import read_channel_item, read_video_item
from youtube.model import ELEMENTS, PAGE, SHELF, TYPED
from youtube.model import Page as Body

TOKEN_LENGTH_MAX: Final = 16_000
"""Tokens of 500 to 1,500 characters are usual; what is longer than a request may be is none."""

NOT_A_LIST: Final = Unparsable("not a list")

_VIDEO_TYPES: Final = ("video", "short", "live")


def ask_keyword(search: SearchInput, cursor: str | None) -> Params:
    """`includeExtras` costs the same credit and is slower by two seconds; without it no video tells when it was
    published. `region` only chooses the proxy."""
    region = {"region": search.region} if search.region else {}
    return {"query": search.query, **region, "includeExtras": "true", **place(cursor)}


def ask_hashtag(search: SearchInput, cursor: str | None) -> Params:
    """One tag without `#`. The endpoint knows neither a region nor extras."""
    return {"hashtag": search.query.removeprefix("#"), **place(cursor)}


def read_search(body: bytes) -> Page:
    """A page of either search. Raises ShapeError if the answer is no page."""
    answer = read_page_body(body)
    items = (*_videos(answer), *_channels(answer.channels), *_shelved(answer.shelves))
    return Page(items=items, cursor=next_cursor(answer.continuation_token))


KEYWORD: Final = SearchKind(path="/v1/youtube/search", ask=ask_keyword, read=read_search)
HASHTAG: Final = SearchKind(path="/v1/youtube/search/hashtag", ask=ask_hashtag, read=read_search)


def read_page_body(body: bytes) -> Body:
    """The arrays of an answer. Raises ShapeError if it says that it failed, or has no list of videos: an answer that
    lost its list must not look like a search that found nothing."""
    answer = read_body(PAGE, body)
    if read_flag(answer.success) is False:
        raise ShapeError("the answer says that it failed")
    if answer.videos is UNSET:
        raise ShapeError("the answer has no list of videos")
    return answer


def place(cursor: str | None) -> Params:
    return {"continuationToken": cursor} if cursor else {}


def next_cursor(token: Raw) -> str | None:
    """The opaque token of the next page exactly as sent, None at the end."""
    text = read_string(token)
    if text is None or len(text) > TOKEN_LENGTH_MAX or not text.strip():
        return None
    return text if text.isascii() and text.isprintable() else None


def elements(raw: Raw) -> list[Raw] | None:
    """The elements of an array beside `videos`, none if it is absent or null, None if it is no array."""
    is_told = bytes(raw).strip() not in (b"", b"null")
    listed = decoded(ELEMENTS, raw) if is_told else []
    return None if listed is None else few(listed)


def _videos(answer: Body) -> Iterator[Item | Unparsable]:
    yield from map(read_video_item, few(answer.videos or []))
    for raw in (answer.shorts, answer.lives):
        listed = elements(raw)
        yield from (NOT_A_LIST,) if listed is None else map(read_video_item, listed)


def _channels(raw: Raw) -> Iterator[Item | Unparsable]:
    listed = elements(raw)
    yield from (NOT_A_LIST,) if listed is None else map(read_channel_item, listed)


def _shelved(raw: Raw) -> Iterator[Item | Unparsable]:
    """What stands on the shelves: videos and channels; of another type, or none, is nobody's."""
    shelves = elements(raw)
    if shelves is None:
        yield NOT_A_LIST
    for element in shelves or ():
        shelf = decoded(SHELF, element)
        listed = elements(shelf.items) if shelf else None
        if listed is None:
            yield NOT_A_LIST
        yield from (item for one in listed or () for item in _shelved_item(one))


def _shelved_item(raw: Raw) -> Iterator[Item | Unparsable]:
    typed = decoded(TYPED, raw)
    kind = read_string(typed.type) if typed else None
    if kind in _VIDEO_TYPES:
        yield read_video_item(raw)
    elif kind == "channel":
        yield read_channel_item(raw)
