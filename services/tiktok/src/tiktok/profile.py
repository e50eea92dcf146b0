"""The profile endpoint: what the searches do not tell of an account."""

from typing import Final

import msgspec
from msgspec import Raw
from pydantic import JsonValue

from common.domain.creator import Account
from common.domain.filter import FilterName
from common.errors import ShapeError
from common.platform import Params, ProfileKind
from common.reading.body import decoded, read_body
from common.reading.link import completed_url
from common.reading.scalar import (
    ABSENT,
    read_count,
    read_flag,
    read_identifier,
    read_instant,
    read_string,
    read_text,
)
from tiktok.author import page_of
from tiktok.avatar import choose_avatar
from tiktok.language import read_language
from tiktok.page import asked, refuse_absent


class Body(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """A 200. `statsV2` has exact counts as strings and is missing in older answers; `stats` rounds big ones."""

    success: Raw = ABSENT
    error: Raw = ABSENT
    account_does_not_exist: Raw = ABSENT
    user: Raw = ABSENT
    stats: Raw = ABSENT
    stats_v2: Raw = ABSENT


class User(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    id: Raw = ABSENT
    unique_id: Raw = ABSENT
    nickname: Raw = ABSENT
    signature: Raw = ABSENT
    avatar_larger: Raw = ABSENT
    avatar_medium: Raw = ABSENT
    avatar_thumb: Raw = ABSENT
    verified: Raw = ABSENT
    private_account: Raw = ABSENT
    bio_link: Raw = ABSENT
    language: Raw = ABSENT
    create_time: Raw = ABSENT
    sec_uid: Raw = ABSENT
    tt_seller: Raw = ABSENT
    commerce_user_info: Raw = ABSENT


class BioLink(msgspec.Struct, frozen=True, gc=False):
    """The link under the bio, often typed without a scheme; the key is absent when there is none."""

    link: Raw = ABSENT


class Commerce(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """A business account files itself under a category; the key is absent for others."""

    commerce_user: Raw = ABSENT
    category: Raw = ABSENT


class Stats(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """`heartCount` overflows 32 bits among the numbers and is not read; `heart` beside it does not."""

    follower_count: Raw = ABSENT
    following_count: Raw = ABSENT
    video_count: Raw = ABSENT
    heart: Raw = ABSENT


_BODY = msgspec.json.Decoder(Body)
_USER = msgspec.json.Decoder(User)
_BIO_LINK = msgspec.json.Decoder(BioLink)
_COMMERCE = msgspec.json.Decoder(Commerce)
_STATS = msgspec.json.Decoder(Stats)


def ask_profile(account: Account, cache_max_age: str | None) -> Params:
    return asked(handle=account.handle.removeprefix("@"), cache_max_age=cache_max_age)


def is_profile_needed(account: Account) -> bool:
    """Only the lists of a target's posts and of whom it follows tell a bio; the hashtag search tells no followers."""
    return account.bio is None or account.followers is None


def read_profile(body: bytes) -> Account:
    """The account; its country is not told any more.

    Raises NotFoundError if the body says that there is none, ShapeError if it is no profile. A body that has no user
    and does not say why is a ShapeError: "not found" is remembered, so it must be said.
    """
    answer = read_body(_BODY, body)
    refuse_absent(error=answer.error, account_does_not_exist=answer.account_does_not_exist)
    user = decoded(_USER, answer.user)
    if user is None or read_flag(answer.success) is False:
        raise ShapeError("the answer has no user")
    platform_id, handle = read_identifier(user.id), read_identifier(user.unique_id)
    if platform_id is None or handle is None:
        raise ShapeError("the user has no string id or no handle")
    commerce = decoded(_COMMERCE, user.commerce_user_info) or Commerce()
    exact = decoded(_STATS, answer.stats_v2) or Stats()
    rounded = decoded(_STATS, answer.stats) or Stats()
    return Account(
        platform_id=platform_id,
        handle=handle,
        name=read_text(user.nickname) or None,
        url=page_of(handle),
        followers=_count(exact.follower_count, rounded.follower_count),
        following=_count(exact.following_count, rounded.following_count),
        posts=_count(exact.video_count, rounded.video_count),
        verified=read_flag(user.verified),
        private=read_flag(user.private_account),
        bio=read_text(user.signature),
        avatar_url=choose_avatar(read_string(url) or "" for url in _pictures(user)),
        links=_links(user),
        language=read_language(user.language),
        category=read_text(commerce.category) or None,
        created_at=read_instant(user.create_time),
        native=_native(user, commerce, _count(exact.heart, rounded.heart)),
    )


PROFILE: Final = ProfileKind(
    path="/v1/tiktok/profile",
    ask=ask_profile,
    read=read_profile,
    is_needed=is_profile_needed,
    tells=frozenset(
        {
            FilterName.FOLLOWERS_MIN,
            FilterName.FOLLOWERS_MAX,
            FilterName.HAS_EMAIL,
            FilterName.VERIFIED,
            FilterName.LANGUAGES,
        }
    ),
)


def _count(exact: Raw, rounded: Raw) -> int | None:
    count = read_count(exact)
    return read_count(rounded) if count is None else count


def _native(user: User, commerce: Commerce, hearts: int | None) -> dict[str, JsonValue]:
    told: dict[str, JsonValue] = {
        "sec_uid": read_identifier(user.sec_uid),
        "heart_count": hearts,
        "tt_seller": read_flag(user.tt_seller),
        "commerce_user": read_flag(commerce.commerce_user),
    }
    return {name: value for name, value in told.items() if value is not None}


def _pictures(user: User) -> tuple[Raw, ...]:
    return (user.avatar_larger, user.avatar_medium, user.avatar_thumb)


def _links(user: User) -> tuple[str, ...]:
    bio_link = decoded(_BIO_LINK, user.bio_link)
    url = completed_url(read_text(bio_link.link)) if bio_link else None
    return (url,) if url else ()
