"""The profile endpoint: what the searches do not tell of an account, with its newest posts and related profiles.

Two shapes are in production: Instagram's graph alone, and the same merged with the mobile app's flat keys. The graph's
paths are read first.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import msgspec
from msgspec import Raw
from pydantic import JsonValue

from common.domain.creator import Account, Content, Item
from common.domain.filter import FilterName
from common.errors import ShapeError
from common.platform import Params, ProfileKind, Unparsable
from common.reading.body import decoded, read_body
from common.reading.frequency import most_used, most_used_spellings
from common.reading.hashtag import HASHTAG_COUNT_MAX
from common.reading.link import web_url
from common.reading.mention import MENTION_COUNT_MAX
from common.reading.rhythm import posts_per_week
from common.reading.scalar import ABSENT, read_count, read_flag, read_string, read_text
from instagram.page import Envelope, asked, refuse_failed
from instagram.person import Person, known_only, read_category, read_person, read_person_item
from instagram.post import NOT_A_POST, POST, count_of, is_pinned, nodes_of, post_item, read_content, read_owner

PINNED_COUNT_MAX: Final = 3
NO_POST_ID: Final = Unparsable("post without a string id")
UNKNOWN_METHOD: Final = "UNKNOWN"
LINE_LENGTH_MAX: Final = 200


class Body(Envelope, frozen=True, gc=False):
    data: Raw = ABSENT


class Data(msgspec.Struct, frozen=True, gc=False):
    user: Raw = ABSENT


class User(Person, frozen=True, gc=False):
    """`media_count` is null in the merged shape. `business_address_json` is an object, or one written as a string."""

    edge_followed_by: Raw = ABSENT
    edge_follow: Raw = ABSENT
    edge_owner_to_timeline_media: Raw = ABSENT
    edge_related_profiles: Raw = ABSENT
    business_category_name: Raw = ABSENT
    overall_category_name: Raw = ABSENT
    category: Raw = ABSENT
    business_email: Raw = ABSENT
    public_email: Raw = ABSENT
    business_contact_method: Raw = ABSENT
    business_address_json: Raw = ABSENT
    is_business: Raw = ABSENT
    account_type: Raw = ABSENT
    profile_pic_url_hd: Raw = ABSENT
    hd_profile_pic_url_info: Raw = ABSENT


class Picture(msgspec.Struct, frozen=True, gc=False):
    url: Raw = ABSENT


class Address(msgspec.Struct, frozen=True, gc=False):
    """What a business says of its place."""

    city_name: Raw = ABSENT


_BODY = msgspec.json.Decoder(Body)
_DATA = msgspec.json.Decoder(Data)
_USER = msgspec.json.Decoder(User)
_PICTURE = msgspec.json.Decoder(Picture)
_ADDRESS = msgspec.json.Decoder(Address)


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """Everything that one answer says: of the account, its own posts, those that others made with it, and whom
    Instagram shows beside it."""

    account: Account
    contents: tuple[Content, ...]
    others: tuple[Item | Unparsable, ...]
    related: tuple[Item | Unparsable, ...]


@dataclass(frozen=True, slots=True)
class OwnPost:
    content: Content
    is_pinned: bool


def ask_profile(account: Account, cache_max_age: str | None) -> Params:
    return asked(handle=account.handle.removeprefix("@"), cache_max_age=cache_max_age)


def is_profile_needed(account: Account) -> bool:
    """Only the search for profiles tells a bio and followers."""
    return account.bio is None or account.followers is None


def read_answer(body: bytes) -> Told:
    """Raises NotFoundError if the body says that there is no such account, ShapeError if it is no profile. A body that
    has no user and does not say why is a ShapeError: "not found" is remembered, so it must be said."""
    answer = read_body(_BODY, body)
    refuse_failed(answer)
    data = decoded(_DATA, answer.data)
    user = decoded(_USER, data.user) if data else None
    account = read_person(user) if user else None
    if user is None or account is None:
        raise ShapeError("the answer has no user with a string id and a handle")
    listed = [_read_post(node, account) for node in nodes_of(user.edge_owner_to_timeline_media)]
    own = [one for one in listed if isinstance(one, OwnPost)]
    return Told(
        account=account.model_copy(update=_told_by_user(user, account) | _told_by_posts(own)),
        contents=tuple(post.content for post in own),
        others=tuple(one for one in listed if not isinstance(one, OwnPost)),
        related=tuple(map(read_person_item, nodes_of(user.edge_related_profiles))),
    )


def read_profile(body: bytes) -> Account:
    """The account alone. Raises as `read_answer`."""
    return read_answer(body).account


PROFILE: Final = ProfileKind(
    path="/v1/instagram/profile",
    ask=ask_profile,
    read=read_profile,
    is_needed=is_profile_needed,
    tells=frozenset(
        {
            FilterName.FOLLOWERS_MIN,
            FilterName.FOLLOWERS_MAX,
            FilterName.HAS_EMAIL,
            FilterName.VERIFIED,
            FilterName.POSTED_WITHIN,
        }
    ),
)


def _read_post(node: Raw, account: Account) -> OwnPost | Item | Unparsable:
    """A post on the account's page: its own, or made with somebody else who owns it."""
    post = decoded(POST, node)
    if post is None:
        return NOT_A_POST
    owner, content = read_owner(post), read_content(post)
    if isinstance(owner, Account) and owner.platform_id != account.platform_id:
        return post_item(owner, content)
    return NO_POST_ID if content is None else OwnPost(content, is_pinned(post))


def _told_by_user(user: User, account: Account) -> dict[str, object]:
    """What the profile tells beyond what any list of people does, laid over the flat keys."""
    followers, following = count_of(user.edge_followed_by), count_of(user.edge_follow)
    posts = count_of(user.edge_owner_to_timeline_media)
    return {
        "followers": account.followers if followers is None else followers,
        "following": account.following if following is None else following,
        "posts": account.posts if posts is None else posts,
        "avatar_url": next(_pictures(user), account.avatar_url),
        "emails": tuple(
            dict.fromkeys(text for raw in (user.business_email, user.public_email) if (text := _line(raw)))
        ),
        "category": read_category(
            user.category_name, user.business_category_name, user.overall_category_name, user.category
        ),
        "native": account.native | _native(user),
    }


def _told_by_posts(own: Sequence[OwnPost]) -> dict[str, object]:
    contents = [post.content for post in own]
    return {
        "hashtags": most_used_spellings(tag for content in contents for tag in content.hashtags)[:HASHTAG_COUNT_MAX],
        "mentions": most_used(handle for content in contents for handle in content.mentions)[:MENTION_COUNT_MAX],
        "last_posted_at": max((one.posted_at for one in contents if one.posted_at), default=None),
        "posts_per_week": posts_per_week(_recent(own)),
    }


def _recent(own: Sequence[OwnPost]) -> Iterator[datetime]:
    """When the posts were made without the pinned ones. These come first, whatever their age, and not all are marked:
    of the first few, one that is older than a later one is pinned."""
    times = [post.content.posted_at for post in own]
    for place, (post, time) in enumerate(zip(own, times, strict=True)):
        is_out_of_order = place < PINNED_COUNT_MAX and time and any(later and later > time for later in times[place:])
        if time and not post.is_pinned and not is_out_of_order:
            yield time


def _pictures(user: User) -> Iterator[str]:
    """The large ones; the addresses are signed and end after some days."""
    info = decoded(_PICTURE, user.hd_profile_pic_url_info)
    for raw in (user.profile_pic_url_hd, info.url if info else ABSENT):
        url = web_url(read_string(raw))
        if url:
            yield url


def _native(user: User) -> dict[str, JsonValue]:
    method = _line(user.business_contact_method)
    business = [read_flag(user.is_business_account), read_flag(user.is_business)]
    return known_only(
        is_business_account=next((flag for flag in business if flag is not None), None),
        account_type=read_count(user.account_type),
        business_contact_method=None if method == UNKNOWN_METHOD else method,
        city_name=_city(user.business_address_json),
    )


def _city(raw: Raw) -> str | None:
    text = read_string(raw)
    address = decoded(_ADDRESS, raw if text is None else text.encode("utf-8", "ignore"))
    return _line(address.city_name) if address else None


def _line(raw: Raw) -> str | None:
    return (read_text(raw, LINE_LENGTH_MAX) or "").strip() or None
