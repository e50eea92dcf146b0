"""The posts of a job's target, what they tell of it, and the hashtags that they lead to."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

import msgspec
from msgspec import UNSET, Raw

from common.domain.creator import Account, Content, Item
from common.platform import Page, Params, PlannedSearch, SearchInput, SearchKind, Trail, Unparsable
from common.reading.body import read_body
from common.reading.frequency import most_used, most_used_spellings
from common.reading.rhythm import posts_per_week
from common.reading.scalar import read_flag
from tiktok.author import EVERYTHING_REAL
from tiktok.mapping import NOT_A_POST, read_account, read_aweme, read_content
from tiktok.page import Elements, Envelope, asked, elements_of

T = TypeVar("T", bound=Hashable)


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


NO_POST_ID: Final = Unparsable("post without a string id")
LEAD_COUNT_MAX: Final = 6
SECOND_REGION: Final = "US"

# Everybody writes these to be seen; they say nothing of who does. Folded; see `is_generic`.
GENERIC_HASHTAGS: Final = _words(
    "fy pourtoi pourtoipage parati paratii paratipagina perte neiperte fürdich fuerdich fürdichseite goviral trend "
    "trends trending trendingvideo tiktok tiktokviral tiktoktrend xyz explore explorepage reels video videos new love "
    "like likes follow followme blowthisup ad ads advert sponsored gifted collab werbung anzeige publi publicidad"
)
_GENERIC_STARTS: Final = ("fyp", "foryou", "viral", "xyzbca")  # fypシ, fyppppp, foryoupageofficial, viral_video


class PostPage(Envelope, frozen=True, gc=False):
    aweme_list: Elements = UNSET


_POST_PAGE = msgspec.json.Decoder(PostPage)


@dataclass(frozen=True, slots=True)
class Post:
    """One element of the list: by whom and what, as far as either could be read."""

    account: Account | None
    content: Content | None
    is_pinned: bool


def ask_videos(search: SearchInput, cursor: str | None) -> Params:
    """`region` chooses the proxy; the upstream's own choice is GB."""
    return asked(handle=search.query.removeprefix("@"), region=search.region, max_cursor=cursor)


def ask_videos_again(search: SearchInput, cursor: str | None) -> Params:
    """From the US, whatever the job asks for."""
    return {**ask_videos(search, cursor), "region": SECOND_REGION}


def read_videos(body: bytes) -> Page:
    """The target's newest posts and the pinned ones, and what they tell of it; one page is enough.

    The target is who made the most of them. A post of somebody else, with whom the target made it, is an item; a post
    whose author cannot be read stands in the target's list and so is the target's.
    """
    page = read_body(_POST_PAGE, body)
    posts = [_read_post(element) for element in elements_of(page, page.aweme_list)]
    accounts = [post.account for post in posts if isinstance(post, Post) and post.account]
    (target_id,) = most_used((account.platform_id for account in accounts), 1) or (None,)
    items: list[Item | Unparsable] = []
    own: list[Post] = []
    for post in posts:
        if isinstance(post, Unparsable):
            items.append(post)
        elif post.account and post.account.platform_id != target_id:
            items.append(_item(post.account, post.content))
        else:
            own.append(post)
    contents = tuple(post.content for post in own if post.content)
    items += [NO_POST_ID] * (len(own) - len(contents))
    return Page(items=tuple(items), cursor=None, target=_target(own), target_contents=contents)


def leads_of_videos(trail: Trail) -> Sequence[PlannedSearch]:
    """The hashtags that the target really uses; if there is no post at all, the same list as seen from the US."""
    if trail.page is None:
        return ()
    if trail.page.items_count == 0 and _may_have_posts(trail):
        return (PlannedSearch(kind="target_videos_us", query=trail.search.query),)
    return leads_of_posts(trail)


def leads_of_posts(trail: Trail) -> Sequence[PlannedSearch]:
    """Those hashtags, the most used first, without the ones that everybody writes."""
    contents = trail.page.target_contents if trail.page else ()
    used = (tag.casefold() for content in contents for tag in content.hashtags)
    telling = most_used((tag for tag in used if not is_generic(tag)), LEAD_COUNT_MAX)
    return tuple(PlannedSearch(kind="hashtag", query=tag, wave=1) for tag in telling)


def is_generic(tag: str) -> bool:
    """Whether a hashtag says nothing of who uses it."""
    folded = tag.casefold()
    return folded in GENERIC_HASHTAGS or folded.startswith(_GENERIC_STARTS) or folded.isdigit()


TARGET_VIDEOS: Final = SearchKind(
    path="/v3/tiktok/profile/videos", ask=ask_videos, read=read_videos, leads=leads_of_videos
)
TARGET_VIDEOS_US: Final = SearchKind(
    path="/v3/tiktok/profile/videos", ask=ask_videos_again, read=read_videos, leads=leads_of_posts
)


def _may_have_posts(trail: Trail) -> bool:
    is_known_to_have_none = trail.target is not None and trail.target.account.posts == 0
    return not is_known_to_have_none and trail.search.region != SECOND_REGION


def _read_post(raw: Raw) -> Post | Unparsable:
    aweme = read_aweme(raw)
    if aweme is None:
        return NOT_A_POST
    account = read_account(aweme, EVERYTHING_REAL)
    is_read = isinstance(account, Account)
    return Post(account if is_read else None, read_content(aweme), read_flag(aweme.is_top) is True)


def _item(account: Account, content: Content | None) -> Item:
    return Item(item_id=content.platform_id if content else account.platform_id, account=account, content=content)


def _target(own: Sequence[Post]) -> Account | None:
    """The target as its first readable post has it, and what all of them together tell."""
    accounts = [post.account for post in own if post.account]
    if not accounts:
        return None
    contents = [post.content for post in own if post.content]
    times = [content.posted_at for content in contents if content.posted_at]
    recent = [post.content.posted_at for post in own if post.content and post.content.posted_at and not post.is_pinned]
    countries = most_used((account.country for account in accounts if account.country), 1)
    told = {
        "country": countries[0] if countries else None,
        "hashtags": most_used_spellings(tag for content in contents for tag in content.hashtags),
        "mentions": most_used(handle for content in contents for handle in content.mentions),
        "last_posted_at": max(times, default=None),
        "posts_per_week": posts_per_week(recent),
    }
    return accounts[0].model_copy(update=told)
