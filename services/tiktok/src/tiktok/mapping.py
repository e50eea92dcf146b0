"""From a post to an item of ours. What an endpoint does not really tell becomes None."""

from collections.abc import Iterator
from typing import Final

from msgspec import UNSET, Raw

from common.domain.creator import Account, Content, Item
from common.domain.creator import Statistics as Counts
from common.platform import Unparsable
from tiktok.avatar import choose_avatar
from tiktok.aweme import (
    AUTHOR,
    CHALLENGE,
    ELEMENTS,
    ENTRY,
    PICTURE,
    STATISTICS,
    TEXT_EXTRA,
    Author,
    Aweme,
    Statistics,
)
from common.reading.body import decoded
from common.reading.hashtag import unique_hashtags, written_hashtags
from common.reading.link import without_query
from common.reading.scalar import ABSENT, read_count, read_country, read_flag, read_identifier, read_instant, read_string, read_text

NOT_A_POST: Final = Unparsable("not a post")
NO_AUTHOR: Final = Unparsable("post without an author")
NO_IDENTITY: Final = Unparsable("author without a string id or a handle")


def read_item(raw: Raw, *, is_zero_known: bool) -> Item | Unparsable:
    """The item that one element of a page tells, wrapped in `aweme_info` or flat.

    `is_zero_known` is False for the hashtag search, which sends 0 for every counter of an author. Only a post's
    author with a string id and a handle is required; everything else may be missing or odd.
    """
    entry = decoded(ENTRY, raw)
    if entry is None:
        return NOT_A_POST
    aweme = entry if entry.aweme_info is UNSET else entry.aweme_info
    author = decoded(AUTHOR, aweme.author)
    if author is None:
        return NO_AUTHOR
    account = read_author(author, is_zero_known=is_zero_known)
    if account is None:
        return NO_IDENTITY
    content = read_content(aweme)
    item_id = account.platform_id if content is None else content.platform_id
    return Item(item_id=item_id, account=account, content=content)


def read_author(author: Author, *, is_zero_known: bool) -> Account | None:
    """The account behind a post, None without its string id and handle.

    No search tells the bio: its key is absent or holds "" for everybody, so "" is unknown here.
    """
    platform_id, handle = read_identifier(author.uid), read_identifier(author.unique_id)
    if platform_id is None or handle is None:
        return None
    followers, following = read_count(author.follower_count), read_count(author.following_count)
    return Account(
        platform_id=platform_id,
        handle=handle,
        name=read_text(author.nickname) or None,
        followers=followers if is_zero_known else followers or None,
        following=following if is_zero_known else following or None,
        verified=_is_verified(author),
        private=_is_private(author),
        bio=read_text(author.signature) or None,
        avatar_url=choose_avatar(_picture_urls(author)),
        country=read_country(author.region),
        language=read_text(author.language) or None,
    )


def read_content(aweme: Aweme) -> Content | None:
    """The post, None without its string id. A photo post is one too; its `url` says /photo/."""
    platform_id = read_identifier(aweme.aweme_id)
    if platform_id is None:
        return None
    statistics = decoded(STATISTICS, aweme.statistics) or Statistics()
    return Content(
        platform_id=platform_id,
        text=read_text(aweme.desc),
        url=without_query(read_string(aweme.url)) or without_query(read_string(aweme.share_url)),
        statistics=Counts(
            likes=read_count(statistics.digg_count),
            comments=read_count(statistics.comment_count),
            shares=read_count(statistics.share_count),
            views=read_count(statistics.play_count),
        ),
        hashtags=read_hashtags(aweme),
        posted_at=read_instant(aweme.create_time, aweme.create_time_utc),
    )


def read_hashtags(aweme: Aweme) -> tuple[str, ...]:
    """From the links of the description, else the hashtag pages, else (with `trim` there are neither) the text."""
    return (
        unique_hashtags(_linked_names(aweme.text_extra))
        or unique_hashtags(_page_names(aweme.cha_list))
        or unique_hashtags(written_hashtags(read_text(aweme.desc)))
    )


def _linked_names(raw: Raw) -> Iterator[str | None]:
    for element in decoded(ELEMENTS, raw) or ():
        extra = decoded(TEXT_EXTRA, element)
        if extra is not None and read_count(extra.type) == 1:
            yield read_text(extra.hashtag_name)


def _page_names(raw: Raw) -> Iterator[str | None]:
    for element in decoded(ELEMENTS, raw) or ():
        challenge = decoded(CHALLENGE, element)
        if challenge is not None:
            yield read_text(challenge.cha_name)


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
        picture = decoded(PICTURE, size)
        for element in decoded(ELEMENTS, picture.url_list if picture else ABSENT) or ():
            yield read_string(element) or ""
