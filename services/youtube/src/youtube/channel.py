"""The channel endpoint's answer: all that YouTube tells of an account."""

from collections.abc import Iterator
from typing import Final

from msgspec import Raw
from pydantic import JsonValue

from common.domain.creator import Account
from common.errors import NotFoundError, ShapeError
from common.reading.body import decoded, read_body
from common.reading.link import completed_url
from common.reading.scalar import (
    ABSENT,
    read_count,
    read_country,
    read_flag,
    read_identifier,
    read_string,
    read_text,
)
from youtube.count import read_shown, read_subscribers
from youtube.country import country_code
from youtube.handle import handle_of_page, page_of, plain_handle
from youtube.joined import read_joined
from youtube.model import AVATAR, CHANNEL, ELEMENTS, IMAGE, MEMBERS, SOURCE, Channel
from youtube.topic import read_topics

PATH: Final = "/v1/youtube/channel"
LINK_COUNT_MAX: Final = 30
NATIVE_TEXT_LENGTH_MAX: Final = 100

# Members that are one word, as the social links are, and none.
_NO_LINKS: Final = """
    success error message channel handle name description tags keywords email country links avatar banner cached
    cached_at credits_remaining credits_charged
"""


def read_channel(body: bytes) -> Account:
    """The account. Raises NotFoundError if the body says that there is none, ShapeError if it is no channel.

    "Not found" comes with `success: true`; it is remembered, so it must be said.
    """
    answer = read_body(CHANNEL, body)
    if read_flag(answer.account_does_not_exist) or read_text(answer.error) == "not_found":
        raise NotFoundError("the upstream knows no such channel")
    if read_flag(answer.success) is False:
        raise ShapeError("the answer says that it failed")
    channel_id = read_identifier(answer.channel_id)
    if channel_id is None:
        raise ShapeError("the answer has no string id of a channel")
    handle = _handle(answer, channel_id)
    return Account(
        platform_id=channel_id,
        handle=handle,
        name=read_text(answer.name) or None,
        url=page_of(handle, channel_id),
        followers=read_subscribers(answer.subscriber_count, answer.subscriber_count_text),
        posts=_first_known(read_count(answer.video_count), read_shown(answer.video_count_text)),
        verified=read_flag(answer.is_verified),
        bio=read_text(answer.description),
        avatar_url=_largest_picture(answer.avatar),
        links=_links(answer.links, body),
        emails=_emails(answer.email),
        country=country_code(read_string(answer.country)) or read_country(answer.country),
        topics=read_topics(answer.tags, answer.keywords),
        created_at=read_joined(answer.joined_date_text),
        native=_native(answer),
    )


def _handle(answer: Channel, channel_id: str) -> str:
    """Newer answers have a handle; in older ones the address of the page tells it."""
    named = plain_handle(read_string(answer.handle), channel_id)
    return named if named != channel_id else handle_of_page(read_string(answer.channel), channel_id)


def _first_known(*counts: int | None) -> int | None:
    return next((count for count in counts if count is not None), None)


def _emails(raw: Raw) -> tuple[str, ...]:
    email = (read_text(raw) or "").strip()
    return (email,) if email else ()


def _largest_picture(avatar: Raw) -> str | None:
    outer = decoded(AVATAR, avatar)
    image = decoded(IMAGE, outer.image) if outer else None
    sources = [decoded(SOURCE, source) for source in decoded(ELEMENTS, image.sources if image else ABSENT) or ()]
    sized = [(read_count(one.width) or 0, completed_url(read_string(one.url))) for one in sources if one]
    urls = [(width, url) for width, url in sized if url]
    return max(urls, key=lambda sized_url: sized_url[0])[1] if urls else None


def _links(listed: Raw, body: bytes) -> tuple[str, ...]:
    """Those of the list first, then those that are members of their own: `instagram`, `tik_tok`, `my_shop`, ..."""
    texts = [read_string(link) for link in decoded(ELEMENTS, listed) or ()]
    urls = (completed_url(text) for text in (*texts, *_social_links(body)))
    return tuple(dict.fromkeys(url for url in urls if url))[:LINK_COUNT_MAX]


def _social_links(body: bytes) -> Iterator[str | None]:
    """The vendor names them by their titles in small letters; its own members are known or have capitals."""
    for name, value in read_body(MEMBERS, body).items():
        if name not in _NO_LINKS.split() and name == name.lower():
            yield read_string(value)


def _native(answer: Channel) -> dict[str, JsonValue]:
    told: dict[str, JsonValue] = {
        "viewCount": _first_known(read_count(answer.view_count), read_shown(answer.view_count_text)),
        "joinedDateText": read_text(answer.joined_date_text, NATIVE_TEXT_LENGTH_MAX) or None,
        "subscriberCountText": read_text(answer.subscriber_count_text, NATIVE_TEXT_LENGTH_MAX) or None,
        "isFamilySafe": read_flag(answer.is_family_safe),
    }
    return {name: value for name, value in told.items() if value is not None}
