"""TikTok's user object, as the author of a post or in a list of people, and what it really tells.

The same keys are sent everywhere, but every endpoint fills others with 0 or "" for everybody. What an endpoint tells is
written down once, as its `Telling`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

import msgspec
from msgspec import Raw

from common.domain.creator import Account
from common.reading.body import decoded
from common.reading.scalar import (
    ABSENT,
    read_count,
    read_country,
    read_flag,
    read_identifier,
    read_instant,
    read_string,
    read_text,
)
from tiktok.avatar import choose_avatar
from tiktok.language import read_language

ELEMENTS: Final = msgspec.json.Decoder(list[Raw])


class Author(msgspec.Struct, frozen=True, gc=False):
    """`verification_type` is not real anywhere and not read. `create_time` is the account's, 0 in posts."""

    uid: Raw = ABSENT
    unique_id: Raw = ABSENT
    nickname: Raw = ABSENT
    signature: Raw = ABSENT
    follower_count: Raw = ABSENT
    following_count: Raw = ABSENT
    aweme_count: Raw = ABSENT
    custom_verify: Raw = ABSENT
    enterprise_verify_reason: Raw = ABSENT
    secret: Raw = ABSENT
    is_private_account: Raw = ABSENT
    region: Raw = ABSENT
    language: Raw = ABSENT
    sec_uid: Raw = ABSENT
    create_time: Raw = ABSENT
    avatar_larger: Raw = ABSENT
    avatar_medium: Raw = ABSENT
    avatar_300x300: Raw = ABSENT
    avatar_168x168: Raw = ABSENT
    avatar_thumb: Raw = ABSENT


class Picture(msgspec.Struct, frozen=True, gc=False):
    """One size of an avatar in several formats."""

    url_list: Raw = ABSENT


@dataclass(frozen=True, slots=True, kw_only=True)
class Telling:
    """What an endpoint tells of a person. A count below its `_min` is how the endpoint says that it does not know.

    `has_posts`: the number of posts is real. `has_bio`: the bio is real too, so an empty one is known to be none.
    """

    followers_min: int = 0
    following_min: int = 0
    has_posts: bool = False
    has_bio: bool = False


EVERYTHING_REAL: Final = Telling(has_posts=True, has_bio=True)

AUTHOR: Final = msgspec.json.Decoder(Author)
_PICTURE: Final = msgspec.json.Decoder(Picture)


def read_author(author: Author, telling: Telling, upload_region: Raw = ABSENT) -> Account | None:
    """The account, None without its string id and handle.

    The country is that of the account if it is told, else the one from which the post was uploaded.
    """
    platform_id, handle = read_identifier(author.uid), read_identifier(author.unique_id)
    if platform_id is None or handle is None:
        return None
    bio, sec_uid = read_text(author.signature), read_identifier(author.sec_uid)
    return Account(
        platform_id=platform_id,
        handle=handle,
        name=read_text(author.nickname) or None,
        url=page_of(handle),
        followers=_count_from(telling.followers_min, author.follower_count),
        following=_count_from(telling.following_min, author.following_count),
        posts=read_count(author.aweme_count) if telling.has_posts else None,
        verified=_is_verified(author),
        private=_is_private(author),
        bio=bio if telling.has_bio else bio or None,
        avatar_url=choose_avatar(_picture_urls(author)),
        country=read_country(author.region) or read_country(upload_region),
        language=read_language(author.language),
        created_at=read_instant(author.create_time),
        native={"sec_uid": sec_uid} if sec_uid else {},
    )


def page_of(handle: str) -> str:
    """The address of an account's page."""
    return f"https://www.tiktok.com/@{quote(handle, safe='')}"


def _count_from(least: int, raw: Raw) -> int | None:
    count = read_count(raw)
    return None if count is None or count < least else count


def _is_verified(author: Author) -> bool | None:
    """By the reasons given for a badge: `verification_type` was 1 on plain accounts in 2025."""
    reasons = (read_text(author.custom_verify), read_text(author.enterprise_verify_reason))
    if any(reasons):
        return True
    return None if None in reasons else False


def _is_private(author: Author) -> bool | None:
    """True if said, never False: both flags are 0 also for accounts whose profile says that they are private."""
    is_said = read_flag(author.secret) or read_flag(author.is_private_account)
    return True if is_said else None


def _picture_urls(author: Author) -> Iterator[str]:
    """Largest first; read one by one, because the first size nearly always has a JPEG."""
    for size in (
        author.avatar_larger,
        author.avatar_medium,
        author.avatar_300x300,
        author.avatar_168x168,
        author.avatar_thumb,
    ):
        picture = decoded(_PICTURE, size)
        for element in decoded(ELEMENTS, picture.url_list if picture else ABSENT) or ():
            yield read_string(element) or ""
