"""TikTok's video object ("aweme") as every endpoint sends it: the fields that we read and no others.

Every field is raw JSON, to be read on its own: types vary between endpoints and years, and an odd value
must not lose the creator. Numbers of 64 bits arrive rounded, so ids are read from strings only.
"""

from typing import Final

import msgspec
from msgspec import Raw

from common.reading.scalar import ABSENT


class Aweme(msgspec.Struct, frozen=True, gc=False):
    """A post. `url` and `create_time_utc` are added by the vendor; `share_url` carries tracking.

    `region` is where it was uploaded, `is_top` that its author pinned it.
    """

    aweme_id: Raw = ABSENT
    desc: Raw = ABSENT
    desc_language: Raw = ABSENT
    region: Raw = ABSENT
    author: Raw = ABSENT
    create_time: Raw = ABSENT
    create_time_utc: Raw = ABSENT
    url: Raw = ABSENT
    share_url: Raw = ABSENT
    statistics: Raw = ABSENT
    text_extra: Raw = ABSENT
    cha_list: Raw = ABSENT
    is_top: Raw = ABSENT


class Entry(Aweme, frozen=True, gc=False):
    """An element of a page: it wraps the post, or is the post itself (everywhere but in the keyword search).

    Typed, not raw, so that the post's 80 KB are read once.
    """

    aweme_info: Aweme | msgspec.UnsetType = msgspec.UNSET


class Statistics(msgspec.Struct, frozen=True, gc=False):
    """Counts of a post. `digg_count` is the likes, `collect_count` the saves."""

    digg_count: Raw = ABSENT
    comment_count: Raw = ABSENT
    share_count: Raw = ABSENT
    play_count: Raw = ABSENT
    collect_count: Raw = ABSENT


class TextExtra(msgspec.Struct, frozen=True, gc=False):
    """A part of the description that links somewhere: type 1 is a hashtag, 0 a mention, told by its place only."""

    type: Raw = ABSENT
    hashtag_name: Raw = ABSENT
    start: Raw = ABSENT
    end: Raw = ABSENT


class Challenge(msgspec.Struct, frozen=True, gc=False):
    """A hashtag's page."""

    cha_name: Raw = ABSENT


ENTRY: Final = msgspec.json.Decoder(Entry)
STATISTICS: Final = msgspec.json.Decoder(Statistics)
TEXT_EXTRA: Final = msgspec.json.Decoder(TextExtra)
CHALLENGE: Final = msgspec.json.Decoder(Challenge)
