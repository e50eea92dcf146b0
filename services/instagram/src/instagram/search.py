"""The three searches: for profiles, for posts with a hashtag, and for reels. All ask Google's index.

The search for profiles tells bio, followers and links, so that its people cost no profile call; that is why it is the
keyword search, and the reels of the same words are looked at later, if places are left. A 404 from the other two means
that nothing matches or that they are down, as for days in August 2026.
"""

from collections.abc import Sequence
from typing import Final

import msgspec
from msgspec import UNSET, Raw

from common.platform import Page, Params, PlannedSearch, SearchInput, SearchKind, Trail
from common.reading.body import decoded, read_body
from common.reading.scalar import ABSENT
from instagram.page import PAGE_NUMBER_MAX, Elements, Envelope, asked, elements_of, next_cursor
from instagram.person import read_person_item
from instagram.post import read_post_item


class ProfilePage(Envelope, frozen=True, gc=False):
    profiles: Elements = UNSET


class HashtagPage(Envelope, frozen=True, gc=False):
    posts: Elements = UNSET


class ReelPage(Envelope, frozen=True, gc=False):
    """Older answers had their list in `data.items`."""

    reels: Elements = UNSET
    data: Raw = ABSENT


class OlderReels(msgspec.Struct, frozen=True, gc=False):
    items: Elements = UNSET


_PROFILE_PAGE = msgspec.json.Decoder(ProfilePage)
_HASHTAG_PAGE = msgspec.json.Decoder(HashtagPage)
_REEL_PAGE = msgspec.json.Decoder(ReelPage)
_OLDER_REELS = msgspec.json.Decoder(OlderReels)


def ask_keyword(search: SearchInput, cursor: str | None) -> Params:
    """Words of bios and captions; the endpoint has no region."""
    return asked(query=search.query, cursor=cursor)


def ask_hashtag(search: SearchInput, cursor: str | None) -> Params:
    """Posts of all kinds, of any age."""
    return asked(hashtag=search.query.removeprefix("#"), cursor=cursor)


def ask_reels(search: SearchInput, cursor: str | None) -> Params:
    """Only `page` is understood: with another name the first page would be bought again."""
    return asked(query=search.query, page=cursor)


def read_keyword(body: bytes) -> Page:
    page = read_body(_PROFILE_PAGE, body)
    return Page(items=tuple(map(read_person_item, elements_of(page, page.profiles))), cursor=next_cursor(page.cursor))


def read_hashtag(body: bytes) -> Page:
    page = read_body(_HASHTAG_PAGE, body)
    return Page(items=tuple(map(read_post_item, elements_of(page, page.posts))), cursor=next_cursor(page.cursor))


def read_reels(body: bytes) -> Page:
    """The answer tells no cursor: pages are counted, and beyond the last is a 404."""
    page = read_body(_REEL_PAGE, body)
    older = decoded(_OLDER_REELS, page.data) if page.reels is UNSET else None
    listed = elements_of(page, older.items if older else page.reels)
    return Page(items=tuple(map(read_post_item, listed)), cursor=None)


def leads_of_keyword(trail: Trail) -> Sequence[PlannedSearch]:
    """The reels of the same words, when no profile is left and places are: each of their people costs a profile call.

    In similar mode these searches are of wave 1 themselves, so that their reels are of the next.
    """
    return (PlannedSearch(kind="reels", query=trail.search.query, wave=1 if trail.target is None else 2),)


def leads_of_hashtag(trail: Trail) -> Sequence[PlannedSearch]:
    """If it ended without a page, the profiles that speak of the same: that search works when this one is down."""
    return () if trail.page else (PlannedSearch(kind="keyword", query=trail.search.query.removeprefix("#")),)


KEYWORD: Final = SearchKind(
    path="/v1/instagram/search/profiles", ask=ask_keyword, read=read_keyword, leads=leads_of_keyword
)
HASHTAG: Final = SearchKind(
    path="/v1/instagram/search/hashtag", ask=ask_hashtag, read=read_hashtag, leads=leads_of_hashtag
)
REELS: Final = SearchKind(
    path="/v2/instagram/reels/search", ask=ask_reels, read=read_reels, numbered_pages_max=PAGE_NUMBER_MAX
)
