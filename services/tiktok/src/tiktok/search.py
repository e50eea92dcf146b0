"""The two searches for posts: by keyword and by hashtag.

Both bill a page however little is on it. `trim` is not sent: it costs the same and drops `text_extra` (the hashtags),
`share_url` and `has_more`; its flat items are read all the same.
"""

from typing import Final, TypeAlias

import msgspec
from msgspec import UNSET, Raw, UnsetType

from common.errors import ShapeError
from common.platform import Page, Params, SearchInput, SearchKind
from common.reading.body import read_body
from tiktok.mapping import read_item
from common.reading.scalar import ABSENT, read_count, read_flag, read_text

CURSOR_LENGTH_MAX: Final = 1000


Elements: TypeAlias = list[Raw] | UnsetType | None
"""A list whose elements are read one by one later, so that a bad one costs itself only."""


class Envelope(msgspec.Struct, frozen=True, gc=False):
    """What surrounds the list of either search. `status_code` is TikTok's own, 0 is fine."""

    success: Raw = ABSENT
    status_code: Raw = ABSENT
    cursor: Raw = ABSENT
    has_more: Raw = ABSENT


class KeywordPage(Envelope, frozen=True, gc=False):
    search_item_list: Elements = UNSET


class HashtagPage(Envelope, frozen=True, gc=False):
    aweme_list: Elements = UNSET


_KEYWORD_PAGE = msgspec.json.Decoder(KeywordPage)
_HASHTAG_PAGE = msgspec.json.Decoder(HashtagPage)


def ask_keyword(search: SearchInput, cursor: str | None) -> Params:
    """`region` only chooses the proxy; it filters nothing."""
    return {"query": search.query, **_place(search, cursor)}


def ask_hashtag(search: SearchInput, cursor: str | None) -> Params:
    """One tag without `#`; a list with commas would match something else without an error."""
    return {"hashtag": search.query.removeprefix("#"), **_place(search, cursor)}


def read_keyword(body: bytes) -> Page:
    """A page of the keyword search; an author's counters are real, 0 too."""
    page = read_body(_KEYWORD_PAGE, body)
    return _page(page, page.search_item_list, is_zero_known=True)


def read_hashtag(body: bytes) -> Page:
    """A page of the hashtag search; every counter of an author is 0, which means unknown."""
    page = read_body(_HASHTAG_PAGE, body)
    return _page(page, page.aweme_list, is_zero_known=False)


KEYWORD: Final = SearchKind(path="/v1/tiktok/search/keyword", ask=ask_keyword, read=read_keyword)
HASHTAG: Final = SearchKind(path="/v1/tiktok/search/hashtag", ask=ask_hashtag, read=read_hashtag)


def _place(search: SearchInput, cursor: str | None) -> Params:
    place = {"region": search.region, "cursor": cursor}
    return {name: value for name, value in place.items() if value}


def _page(envelope: Envelope, listed: Elements, *, is_zero_known: bool) -> Page:
    elements = _elements(envelope, listed)
    items = tuple(read_item(element, is_zero_known=is_zero_known) for element in elements)
    return Page(items=items, cursor=_next_cursor(envelope))


def _elements(envelope: Envelope, listed: Elements) -> list[Raw]:
    """The elements of the list. Raises ShapeError if the answer is not a page.

    `null` in place of the list is an empty page: it is how TikTok's services write an empty list. A missing key is
    not: an answer that lost its list must not look like a search that found nothing.
    """
    if read_flag(envelope.success) is False:
        raise ShapeError("the answer says that it failed")
    if listed is UNSET or (listed is None and read_count(envelope.status_code)):
        raise ShapeError("the answer has no list of posts")
    return listed or []


def _next_cursor(envelope: Envelope) -> str | None:
    """Where the next page starts: a count of posts so far, None at the end.

    `has_more` may be a number, a boolean or absent (then the cursor decides). A cursor of 0 would buy the first
    page again, so it is the end.
    """
    if read_flag(envelope.has_more) is False:
        return None
    count = read_count(envelope.cursor)
    if count is not None:
        return str(count) if count else None
    return read_text(envelope.cursor, CURSOR_LENGTH_MAX) or None
