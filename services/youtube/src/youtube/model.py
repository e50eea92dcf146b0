"""YouTube's objects as the vendor sends them: the fields that we read and no others.

Every field is raw JSON, to be read on its own: types vary between endpoints and years, and an odd value must not lose
the creator.
"""

from typing import Final, TypeAlias

import msgspec
from msgspec import UNSET, Raw, UnsetType

from common.reading.scalar import ABSENT

Elements: TypeAlias = list[Raw] | UnsetType | None
"""A list whose elements are read one by one later, so that a bad one costs itself only."""


class Page(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """A search's answer, or a channel's videos: one array per kind of thing. `videos` is always there; the hashtag
    search and old answers have no other. An odd array beside it costs itself only, so the others are raw."""

    success: Raw = ABSENT
    videos: Elements = UNSET
    shorts: Raw = ABSENT
    lives: Raw = ABSENT
    channels: Raw = ABSENT
    shelves: Raw = ABSENT
    continuation_token: Raw = ABSENT


class Video(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """A video, a short or a live. `publishedTime` is computed from "3 weeks ago", up to 19 days off, and is not read.
    `description`, `publishDate`, likes and comments come with `includeExtras` only."""

    type: Raw = ABSENT
    id: Raw = ABSENT
    url: Raw = ABSENT
    title: Raw = ABSENT
    description: Raw = ABSENT
    channel: Raw = ABSENT
    view_count_int: Raw = ABSENT
    view_count_text: Raw = ABSENT
    like_count_int: Raw = ABSENT
    like_count_text: Raw = ABSENT
    comment_count_int: Raw = ABSENT
    comment_count_text: Raw = ABSENT
    publish_date: Raw = ABSENT


class Uploader(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """Whose video it is. The hashtag search tells no `handle`; a channel's own videos may tell nothing at all."""

    id: Raw = ABSENT
    title: Raw = ABSENT
    handle: Raw = ABSENT
    thumbnail: Raw = ABSENT


class ChannelCard(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """A channel found by a search. `description` is a snippet that ends in "…" and is not read."""

    id: Raw = ABSENT
    channel_name: Raw = ABSENT
    handle: Raw = ABSENT
    thumbnail: Raw = ABSENT
    subscriber_count_int: Raw = ABSENT
    subscriber_count_text: Raw = ABSENT
    badges: Raw = ABSENT


class Shelf(msgspec.Struct, frozen=True, gc=False):
    """A row of things under a title of YouTube's."""

    items: Raw = ABSENT


class Typed(msgspec.Struct, frozen=True, gc=False):
    """What an element of a shelf says that it is."""

    type: Raw = ABSENT


class Channel(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """The channel endpoint's answer. The social links are keys of their own beside these, named by their titles."""

    success: Raw = ABSENT
    error: Raw = ABSENT
    account_does_not_exist: Raw = ABSENT
    channel_id: Raw = ABSENT
    channel: Raw = ABSENT
    handle: Raw = ABSENT
    is_verified: Raw = ABSENT
    name: Raw = ABSENT
    description: Raw = ABSENT
    subscriber_count: Raw = ABSENT
    subscriber_count_text: Raw = ABSENT
    video_count: Raw = ABSENT
    video_count_text: Raw = ABSENT
    view_count: Raw = ABSENT
    view_count_text: Raw = ABSENT
    joined_date_text: Raw = ABSENT
    tags: Raw = ABSENT
    keywords: Raw = ABSENT
    email: Raw = ABSENT
    country: Raw = ABSENT
    links: Raw = ABSENT
    is_family_safe: Raw = ABSENT
    avatar: Raw = ABSENT


class Avatar(msgspec.Struct, frozen=True, gc=False):
    image: Raw = ABSENT


class Image(msgspec.Struct, frozen=True, gc=False):
    sources: Raw = ABSENT


class Source(msgspec.Struct, frozen=True, gc=False):
    """One size of a picture."""

    url: Raw = ABSENT
    width: Raw = ABSENT


PAGE: Final = msgspec.json.Decoder(Page)
VIDEO: Final = msgspec.json.Decoder(Video)
UPLOADER: Final = msgspec.json.Decoder(Uploader)
CHANNEL_CARD: Final = msgspec.json.Decoder(ChannelCard)
SHELF: Final = msgspec.json.Decoder(Shelf)
TYPED: Final = msgspec.json.Decoder(Typed)
CHANNEL: Final = msgspec.json.Decoder(Channel)
AVATAR: Final = msgspec.json.Decoder(Avatar)
IMAGE: Final = msgspec.json.Decoder(Image)
SOURCE: Final = msgspec.json.Decoder(Source)
ELEMENTS: Final = msgspec.json.Decoder(list[Raw])
MEMBERS: Final = msgspec.json.Decoder(dict[str, Raw])
