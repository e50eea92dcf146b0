"""The two lists of people: whom somebody follows, and who is found by name.

`following` tells everything of a person, the bio too, so that no profile is bought; `users` tells no bio.
"""

from typing import Final

import msgspec
from msgspec import UNSET, Raw

from common.domain.creator import Item
from common.platform import Page, Params, SearchInput, SearchKind, Unparsable
from common.reading.body import decoded, read_body
from common.reading.scalar import ABSENT
from tiktok.author import AUTHOR, EVERYTHING_REAL, Author, Telling, read_author
from tiktok.page import Elements, Envelope, asked, elements_of, next_cursor

FEW_FOLLOWED_UNKNOWN: Final = Telling(following_min=2, has_posts=True)
"""The search by name often tells 0 or 1 where somebody follows many."""

NOT_A_PERSON: Final = Unparsable("not a person")
NO_IDENTITY: Final = Unparsable("person without a string id or a handle")


class FollowingPage(Envelope, frozen=True, gc=False):
    """Pages are told by the time of the oldest following on them, not by a cursor."""

    followings: Elements = UNSET
    min_time: Raw = ABSENT


class UserPage(Envelope, frozen=True, gc=False):
    """`user_list` is what the upstream sends; `users` stands in older answers and with `trim`."""

    user_list: Elements = UNSET
    users: Elements = UNSET


class UserEntry(msgspec.Struct, frozen=True, gc=False):
    """An element of `user_list` wraps the person; an element of a trimmed list is the person."""

    user_info: Raw = ABSENT


_FOLLOWING_PAGE = msgspec.json.Decoder(FollowingPage)
_USER_PAGE = msgspec.json.Decoder(UserPage)
_USER_ENTRY = msgspec.json.Decoder(UserEntry)


def ask_following(search: SearchInput, cursor: str | None) -> Params:
    """The endpoint has no region."""
    return asked(handle=search.query.removeprefix("@"), min_time=cursor)


def ask_users(search: SearchInput, cursor: str | None) -> Params:
    """The endpoint documents no region."""
    return asked(query=search.query, cursor=cursor)


def read_following(body: bytes) -> Page:
    """A page of those whom somebody follows; an empty one is the last, whatever else it says."""
    page = read_body(_FOLLOWING_PAGE, body)
    people = elements_of(page, page.followings)
    items = tuple(_read_person(decoded(AUTHOR, person), EVERYTHING_REAL) for person in people)
    return Page(items=items, cursor=next_cursor(page.has_more, page.min_time) if items else None)


def read_users(body: bytes) -> Page:
    """A page of those whose name or handle is like the query; an empty one is the last."""
    page = read_body(_USER_PAGE, body)
    people = elements_of(page, page.user_list or (page.user_list if page.users is UNSET else page.users))
    items = tuple(_read_person(_unwrapped(person), FEW_FOLLOWED_UNKNOWN) for person in people)
    return Page(items=items, cursor=next_cursor(page.has_more, page.cursor) if items else None)


FOLLOWING: Final = SearchKind(path="/v1/tiktok/user/following", ask=ask_following, read=read_following)
USERS: Final = SearchKind(path="/v1/tiktok/search/users", ask=ask_users, read=read_users)


def _unwrapped(raw: Raw) -> Author | None:
    entry = decoded(_USER_ENTRY, raw)
    return decoded(AUTHOR, (entry.user_info or raw) if entry else raw)


def _read_person(author: Author | None, telling: Telling) -> Item | Unparsable:
    if author is None:
        return NOT_A_PERSON
    account = read_author(author, telling)
    return NO_IDENTITY if account is None else Item(item_id=account.platform_id, account=account)
