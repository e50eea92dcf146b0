"""The two searches for posts: by keyword and by hashtag.

Both bill a page however little is on it. `trim` is not sent: it costs the same and drops `text_extra` (the hashtags),
`share_url` and `has_more`; its flat items are read all the same.
"""

from typing import Final

import msgspec
from msgspec import UNSET

from common.platform import Page, Params, SearchInput, SearchKind
from common.reading.body import read_body
from tiktok.author import Telling
from tiktok.mapping import read_item
from tiktok.page import Elements, Envelope, asked, elements_of, next_cursor

REAL_COUNTERS: Final = Telling()
ZERO_FOR_EVERYBODY: Final = Telling(followers_min=1, following_min=1)


class KeywordPage(Envelope, frozen=True, gc=False):
    search_item_list: Elements = UNSET


class HashtagPage(Envelope, frozen=True, gc=False):
    aweme_list: Elements = UNSET


_KEYWORD_PAGE = msgspec.json.Decoder(KeywordPage)
_HASHTAG_PAGE = msgspec.json.Decoder(HashtagPage)


def ask_keyword(search: SearchInput, cursor: str | None) -> Params:
    """`region` only chooses the proxy; it filters nothing."""
    return asked(query=search.query, region=search.region, cursor=cursor)


def ask_hashtag(search: SearchInput, cursor: str | None) -> Params:
    """One tag without `#`; a list with commas would match something else without an error."""
    return asked(hashtag=search.query.removeprefix("#"), region=search.region, cursor=cursor)


def read_keyword(body: bytes) -> Page:
    """A page of the keyword search; an author's followers are real, 0 too, the bio is absent or "" for everybody."""
    page = read_body(_KEYWORD_PAGE, body)
    return _page(page, page.search_item_list, REAL_COUNTERS)


def read_hashtag(body: bytes) -> Page:
    """A page of the hashtag search; every counter of an author is 0, which means unknown."""
    page = read_body(_HASHTAG_PAGE, body)
    return _page(page, page.aweme_list, ZERO_FOR_EVERYBODY)


KEYWORD: Final = SearchKind(path="/v1/tiktok/search/keyword", ask=ask_keyword, read=read_keyword)
HASHTAG: Final = SearchKind(path="/v1/tiktok/search/hashtag", ask=ask_hashtag, read=read_hashtag)


def _page(envelope: Envelope, listed: Elements, telling: Telling) -> Page:
    items = tuple(read_item(element, telling) for element in elements_of(envelope, listed))
    return Page(items=items, cursor=next_cursor(envelope.has_more, envelope.cursor))
