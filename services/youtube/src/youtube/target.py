"""The channel that a job in similar mode was given, and its newest videos: what they are about is searched for."""

from collections.abc import Sequence
from typing import Final

from common.domain.creator import Content
from common.platform import Page, Params, PlannedSearch, SearchInput, SearchKind, Trail
from youtube.channel import PATH, read_channel
from youtube.handle import is_channel_id, is_old_name
from youtube.lead import common_hashtags, common_phrases, own_topics
from youtube.mapping import read_own_video
from youtube.search import NOT_A_LIST, elements, place, read_page_body

SEARCH_COUNT_MAX: Final = 4
"""How many keyword searches the channel's own words, and those of its titles, lead to."""

HASHTAG_COUNT_MAX: Final = 2


def ask_target(search: SearchInput, cursor: str | None) -> Params:
    """By id, by handle, or by the address of the page for a name from before handles."""
    aged = {"cache_max_age": search.cache_max_age} if search.cache_max_age else {}
    return {**_named(search.query.lstrip("@")), **aged, **place(cursor)}


def read_target(body: bytes) -> Page:
    """A page that holds the target alone."""
    return Page(items=(), cursor=None, target=read_channel(body))


def lead_from_target(trail: Trail) -> Sequence[PlannedSearch]:
    """Its videos at once; then, if places are left, what it says that it is about."""
    target = trail.page.target if trail.page else None
    if target is None:
        return ()
    topics = own_topics(target)[:SEARCH_COUNT_MAX]
    return (PlannedSearch(kind="target_videos", query=target.platform_id), *_keyword_searches(topics))


def ask_target_videos(search: SearchInput, cursor: str | None) -> Params:
    """`includeExtras` fails more often here and is not sent; some answers have the extras all the same."""
    return {"channelId": search.query, "sort": "latest", **place(cursor)}


def read_target_videos(body: bytes) -> Page:
    """The newest videos, shorts and lives of one channel. One page is enough to know a channel by, so no cursor."""
    answer = read_page_body(body)
    beside = [elements(raw) for raw in (answer.shorts, answer.lives)]
    listed = [*(answer.videos or ()), *(raw for one in beside for raw in one or ())]
    read = [read_own_video(raw) for raw in listed]
    contents = tuple(one for one in read if isinstance(one, Content))
    unparsable = [one for one in read if not isinstance(one, Content)]
    return Page(
        items=(*unparsable, *(NOT_A_LIST for one in beside if one is None)), cursor=None, target_contents=contents
    )


def lead_from_videos(trail: Trail) -> Sequence[PlannedSearch]:
    """What the titles have in common, and their hashtags."""
    if trail.page is None:
        return ()
    contents = trail.page.target_contents
    account = trail.target.account if trail.target else None
    tags = common_hashtags(contents)[:HASHTAG_COUNT_MAX]
    phrases = common_phrases(contents, account)[:SEARCH_COUNT_MAX]
    return (*_keyword_searches(phrases), *(PlannedSearch(kind="hashtag", query=tag, wave=1) for tag in tags))


TARGET: Final = SearchKind(path=PATH, ask=ask_target, read=read_target, leads=lead_from_target)
TARGET_VIDEOS: Final = SearchKind(
    path="/v1/youtube/channel-videos", ask=ask_target_videos, read=read_target_videos, leads=lead_from_videos
)


def _named(name: str) -> Params:
    if is_channel_id(name):
        return {"channelId": name}
    return {"url": f"https://www.youtube.com/{name}"} if is_old_name(name) else {"handle": name}


def _keyword_searches(queries: Sequence[str]) -> Sequence[PlannedSearch]:
    return tuple(PlannedSearch(kind="keyword", query=query, wave=1) for query in queries)
