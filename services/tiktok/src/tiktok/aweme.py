"""TikTok's video object ("aweme") as the search endpoints send it: the fields that we read and no others.

Every field is raw JSON, to be read on its own by `scalar`: types vary between endpoints and years, and an odd value
must not lose the creator. Numbers of 64 bits arrive rounded, so ids are read from strings only.
"""

from typing import Final

import msgspec
from msgspec import Raw

from common.reading.scalar import ABSENT


class Aweme(msgspec.Struct, frozen=True, gc=False):
    """A post. `url` and `create_time_utc` are added by the vendor; `share_url` carries tracking."""

    aweme_id: Raw = ABSENT
    desc: Raw = ABSENT
    author: Raw = ABSENT
    create_time: Raw = ABSENT
    create_time_utc: Raw = ABSENT
    url: Raw = ABSENT
    share_url: Raw = ABSENT
    statistics: Raw = ABSENT
    text_extra: Raw = ABSENT
    cha_list: Raw = ABSENT


class Entry(Aweme, frozen=True, gc=False):
    """An element of a page: it wraps the post, or is the post itself (hashtag search, and keyword with `trim`).

    Typed, not raw, so that the post's 80 KB are read once.
    """

    aweme_info: Aweme | msgspec.UnsetType = msgspec.UNSET


class Author(msgspec.Struct, frozen=True, gc=False):
    """Who posted. `aweme_count`, `total_favorited` and `verification_type` are not real here and are not read."""

    uid: Raw = ABSENT
    unique_id: Raw = ABSENT
    nickname: Raw = ABSENT
    signature: Raw = ABSENT
    follower_count: Raw = ABSENT
    following_count: Raw = ABSENT
    custom_verify: Raw = ABSENT
    enterprise_verify_reason: Raw = ABSENT
    secret: Raw = ABSENT
    is_private_account: Raw = ABSENT
    region: Raw = ABSENT
    language: Raw = ABSENT
    avatar_larger: Raw = ABSENT
    avatar_medium: Raw = ABSENT
    avatar_300x300: Raw = ABSENT
    avatar_168x168: Raw = ABSENT
    avatar_thumb: Raw = ABSENT


class Statistics(msgspec.Struct, frozen=True, gc=False):
    """Counts of a post. `digg_count` is the likes."""

    digg_count: Raw = ABSENT
    comment_count: Raw = ABSENT
    share_count: Raw = ABSENT
    play_count: Raw = ABSENT


class Picture(msgspec.Struct, frozen=True, gc=False):
    """One size of an avatar in several formats."""

    url_list: Raw = ABSENT


class TextExtra(msgspec.Struct, frozen=True, gc=False):
    """A part of the description that links somewhere: type 1 is a hashtag, 0 a mention."""

    type: Raw = ABSENT
    hashtag_name: Raw = ABSENT


class Challenge(msgspec.Struct, frozen=True, gc=False):
    """A hashtag's page."""

    cha_name: Raw = ABSENT


ENTRY: Final = msgspec.json.Decoder(Entry)
AUTHOR: Final = msgspec.json.Decoder(Author)
STATISTICS: Final = msgspec.json.Decoder(Statistics)
PICTURE: Final = msgspec.json.Decoder(Picture)
TEXT_EXTRA: Final = msgspec.json.Decoder(TextExtra)
CHALLENGE: Final = msgspec.json.Decoder(Challenge)
ELEMENTS: Final = msgspec.json.Decoder(list[Raw])
