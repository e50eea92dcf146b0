"""From what a search lists to items of ours. What an endpoint does not really tell becomes None."""

from typing import Final

from msgspec import Raw

from common.domain.creator import Account, Content, Item, Statistics
from common.domain.text import clean_text
from common.platform import Unparsable
from common.reading.body import decoded
from common.reading.hashtag import unique_hashtags, written_hashtags
from common.reading.link import completed_url, web_url
from common.reading.mention import unique_mentions, written_mentions
from common.reading.scalar import read_identifier, read_instant, read_string, read_text
from youtube.count import read_exact, read_subscribers
from youtube.handle import page_of, plain_handle
from youtube.model import CHANNEL_CARD, ELEMENTS, UPLOADER, VIDEO, Video

NOT_A_VIDEO: Final = Unparsable("not a video")
NO_CHANNEL: Final = Unparsable("video without a channel")
NOT_A_CHANNEL: Final = Unparsable("not a channel with a string id")
NO_VIDEO_ID: Final = Unparsable("video without a string id")

_VERIFIED: Final = "verified"


def read_video_item(raw: Raw) -> Item | Unparsable:
    """The item that a video, a short or a live tells. Many shorts are bare, without a channel: they lead to nobody."""
    video = decoded(VIDEO, raw)
    if video is None:
        return NOT_A_VIDEO
    account = read_uploader(video.channel)
    if account is None:
        return NO_CHANNEL
    content = read_content(video)
    return Item(
        item_id=account.platform_id if content is None else content.platform_id, account=account, content=content
    )


def read_channel_item(raw: Raw) -> Item | Unparsable:
    """The item of a channel that a search found. Its bio is unknown: what it tells is a snippet."""
    card = decoded(CHANNEL_CARD, raw)
    channel_id = read_identifier(card.id) if card else None
    if card is None or channel_id is None:
        return NOT_A_CHANNEL
    handle = plain_handle(read_string(card.handle), channel_id)
    account = Account(
        platform_id=channel_id,
        handle=handle,
        name=read_text(card.channel_name) or None,
        url=page_of(handle, channel_id),
        followers=read_subscribers(card.subscriber_count_int, card.subscriber_count_text),
        verified=_is_verified(card.badges),
        avatar_url=completed_url(read_string(card.thumbnail)),
    )
    return Item(item_id=channel_id, account=account)


def read_own_video(raw: Raw) -> Content | Unparsable:
    """A video of a channel whose videos were asked for; whose it is need not be said again."""
    video = decoded(VIDEO, raw)
    if video is None:
        return NOT_A_VIDEO
    return read_content(video) or NO_VIDEO_ID


def read_uploader(raw: Raw) -> Account | None:
    """The channel of a video, None without its string id. No handle (hashtag search): the id stands in for it."""
    uploader = decoded(UPLOADER, raw)
    channel_id = read_identifier(uploader.id) if uploader else None
    if uploader is None or channel_id is None:
        return None
    handle = plain_handle(read_string(uploader.handle), channel_id)
    return Account(
        platform_id=channel_id,
        handle=handle,
        name=read_text(uploader.title) or None,
        url=page_of(handle, channel_id),
        avatar_url=completed_url(read_string(uploader.thumbnail)),
    )


def read_content(video: Video) -> Content | None:
    """The video, None without its string id. Its time is `publishDate` or unknown."""
    platform_id = read_identifier(video.id)
    if platform_id is None:
        return None
    text = _text(video)
    return Content(
        platform_id=platform_id,
        url=web_url(read_string(video.url)),
        text=text,
        statistics=Statistics(
            views=read_exact(video.view_count_int, video.view_count_text),
            likes=read_exact(video.like_count_int, video.like_count_text),
            comments=read_exact(video.comment_count_int, video.comment_count_text),
        ),
        posted_at=read_instant(video.publish_date),
        hashtags=unique_hashtags(written_hashtags(text)),
        mentions=unique_mentions(written_mentions(text)),
    )


def _text(video: Video) -> str | None:
    title, description = read_text(video.title), read_text(video.description)
    if title is None and description is None:
        return None
    return clean_text("\n\n".join(part for part in (title, description) if part))


def _is_verified(badges: Raw) -> bool | None:
    """True if said, never False: answers without any badge are seen for channels of every kind."""
    told = (read_string(badge) or "" for badge in decoded(ELEMENTS, badges) or ())
    return True if any(badge.casefold() == _VERIFIED for badge in told) else None
