"""From a post to an item of ours. What an endpoint does not really tell becomes None."""

import re
from collections.abc import Iterator
from typing import Final

from msgspec import UNSET, Raw

from common.domain.creator import Account, Content, Item
from common.domain.creator import Statistics as Counts
from common.platform import Unparsable
from common.reading.body import decoded
from common.reading.hashtag import unique_hashtags, written_hashtags
from common.reading.link import without_query
from common.reading.mention import unique_mentions, written_mentions
from common.reading.scalar import read_count, read_identifier, read_instant, read_string, read_text
from tiktok.author import AUTHOR, ELEMENTS, Telling, read_author
from tiktok.aweme import CHALLENGE, ENTRY, STATISTICS, TEXT_EXTRA, Aweme, Statistics, TextExtra
from tiktok.language import read_language

NOT_A_POST: Final = Unparsable("not a post")
NO_AUTHOR: Final = Unparsable("post without an author")
NO_IDENTITY: Final = Unparsable("author without a string id or a handle")

_HANDLE = re.compile(r"@[A-Za-z0-9_.]{1,30}")
_HASHTAG_TYPE, _MENTION_TYPE = 1, 0


def read_aweme(raw: Raw) -> Aweme | None:
    """The post that one element of a page is, wrapped in `aweme_info` or flat; None if it is none."""
    entry = decoded(ENTRY, raw)
    return entry if entry is None or entry.aweme_info is UNSET else entry.aweme_info


def read_item(raw: Raw, telling: Telling) -> Item | Unparsable:
    """The item that one element of a page tells.

    Only a post's author with a string id and a handle is required; everything else may be missing or odd.
    """
    aweme = read_aweme(raw)
    if aweme is None:
        return NOT_A_POST
    account = read_account(aweme, telling)
    if isinstance(account, Unparsable):
        return account
    content = read_content(aweme)
    item_id = account.platform_id if content is None else content.platform_id
    return Item(item_id=item_id, account=account, content=content)


def read_account(aweme: Aweme, telling: Telling) -> Account | Unparsable:
    """The account behind a post."""
    author = decoded(AUTHOR, aweme.author)
    if author is None:
        return NO_AUTHOR
    return read_author(author, telling, aweme.region) or NO_IDENTITY


def read_content(aweme: Aweme) -> Content | None:
    """The post, None without its string id. A photo post is one too; its `url` says /photo/."""
    platform_id = read_identifier(aweme.aweme_id)
    if platform_id is None:
        return None
    statistics = decoded(STATISTICS, aweme.statistics) or Statistics()
    marks = [mark for element in decoded(ELEMENTS, aweme.text_extra) or () if (mark := decoded(TEXT_EXTRA, element))]
    return Content(
        platform_id=platform_id,
        text=read_text(aweme.desc),
        url=without_query(read_string(aweme.url)) or without_query(read_string(aweme.share_url)),
        statistics=Counts(
            views=read_count(statistics.play_count),
            likes=read_count(statistics.digg_count),
            comments=read_count(statistics.comment_count),
            shares=read_count(statistics.share_count),
            saves=read_count(statistics.collect_count),
        ),
        posted_at=read_instant(aweme.create_time, aweme.create_time_utc),
        language=read_language(aweme.desc_language),
        hashtags=_hashtags(aweme, marks),
        mentions=_mentions(aweme, marks),
    )


def _hashtags(aweme: Aweme, marks: list[TextExtra]) -> tuple[str, ...]:
    """From the links of the description, else the hashtag pages, else (with `trim` there are neither) the text."""
    linked = (read_text(mark.hashtag_name) for mark in marks if read_count(mark.type) == _HASHTAG_TYPE)
    return (
        unique_hashtags(linked)
        or unique_hashtags(_page_names(aweme.cha_list))
        or unique_hashtags(written_hashtags(read_text(aweme.desc)))
    )


def _page_names(raw: Raw) -> Iterator[str | None]:
    for element in decoded(ELEMENTS, raw) or ():
        challenge = decoded(CHALLENGE, element)
        if challenge is not None:
            yield read_text(challenge.cha_name)


def _mentions(aweme: Aweme, marks: list[TextExtra]) -> tuple[str, ...]:
    """From the links of the description, else the text. A link may show a name instead of the handle: no mention."""
    places = [mark for mark in marks if read_count(mark.type) == _MENTION_TYPE]
    if not places:
        return unique_mentions(written_mentions(read_text(aweme.desc)))
    text = read_string(aweme.desc) or ""
    return unique_mentions(_handle_at(text, mark) for mark in places)


def _handle_at(text: str, mark: TextExtra) -> str | None:
    """What stands at the mark's place, which is counted in characters or, behind an emoji, in halves of UTF-16."""
    start, end = read_count(mark.start), read_count(mark.end)
    if start is None or end is None:
        return None
    units = text.encode("utf-16-le", "surrogatepass")[2 * start : 2 * end].decode("utf-16-le", "replace")
    return next((shown for shown in (text[start:end], units) if _HANDLE.fullmatch(shown)), None)
