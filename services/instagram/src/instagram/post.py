"""Posts: those that the searches list, with their owners, and those on an account's own page.

Of a search a post is flat, of a page it is a node of Instagram's graph, and older answers had the mobile app's. All
three are read by one model, the graph's edges first.
"""

from typing import Final
from urllib.parse import quote

import msgspec
from msgspec import Raw

from common.domain.creator import Account, Content, Item, Statistics
from common.platform import Unparsable
from common.reading.body import decoded
from common.reading.hashtag import unique_hashtags, written_hashtags
from common.reading.link import without_query
from common.reading.mention import unique_mentions, written_mentions
from common.reading.scalar import ABSENT, read_count, read_identifier, read_instant, read_string, read_text
from instagram.page import ELEMENTS
from instagram.person import NO_IDENTITY, PERSON, first_count, read_person

NOT_A_POST: Final = Unparsable("not a post")
NO_OWNER: Final = Unparsable("post without an owner")


class Post(msgspec.Struct, frozen=True, gc=False):
    """`pk`, `code`, `user` and the play counts without `video_` are the mobile app's; `id` is `<pk>_<owner>` there.

    `caption` is a string, or an object with a `text`, or null. `like_count` is -1 if its owner hides it.
    """

    id: Raw = ABSENT
    pk: Raw = ABSENT
    shortcode: Raw = ABSENT
    code: Raw = ABSENT
    url: Raw = ABSENT
    product_type: Raw = ABSENT
    caption: Raw = ABSENT
    owner: Raw = ABSENT
    user: Raw = ABSENT
    taken_at: Raw = ABSENT
    taken_at_timestamp: Raw = ABSENT
    like_count: Raw = ABSENT
    comment_count: Raw = ABSENT
    video_view_count: Raw = ABSENT
    video_play_count: Raw = ABSENT
    play_count: Raw = ABSENT
    ig_play_count: Raw = ABSENT
    edge_media_to_caption: Raw = ABSENT
    edge_liked_by: Raw = ABSENT
    edge_media_preview_like: Raw = ABSENT
    edge_media_to_comment: Raw = ABSENT
    pinned_for_users: Raw = ABSENT


class Wrapper(msgspec.Struct, frozen=True, gc=False):
    """An older search wrapped each post in `media`."""

    media: Raw = ABSENT


class Edges(msgspec.Struct, frozen=True, gc=False):
    """A list of Instagram's graph: `count` is of all, `edges` are the first of them."""

    count: Raw = ABSENT
    edges: Raw = ABSENT


class Edge(msgspec.Struct, frozen=True, gc=False):
    node: Raw = ABSENT


class Caption(msgspec.Struct, frozen=True, gc=False):
    text: Raw = ABSENT


POST: Final = msgspec.json.Decoder(Post)
_WRAPPER: Final = msgspec.json.Decoder(Wrapper)
_EDGES: Final = msgspec.json.Decoder(Edges)
_EDGE: Final = msgspec.json.Decoder(Edge)
_CAPTION: Final = msgspec.json.Decoder(Caption)


def read_post_item(raw: Raw) -> Item | Unparsable:
    """The item that one element of a search tells; only the owner's string id and handle are required."""
    wrapper = decoded(_WRAPPER, raw)
    post = (decoded(POST, wrapper.media) if wrapper else None) or decoded(POST, raw)
    if post is None:
        return NOT_A_POST
    account = read_owner(post)
    return account if isinstance(account, Unparsable) else post_item(account, read_content(post))


def post_item(account: Account, content: Content | None) -> Item:
    """What a post tells: it stands for its owner alone if it has no id of its own."""
    return Item(item_id=content.platform_id if content else account.platform_id, account=account, content=content)


def read_owner(post: Post) -> Account | Unparsable:
    """The account behind a post."""
    owner = decoded(PERSON, post.owner) or decoded(PERSON, post.user)
    return NO_OWNER if owner is None else read_person(owner) or NO_IDENTITY


def read_content(post: Post) -> Content | None:
    """The post, None without its string id."""
    platform_id = read_identifier(post.pk) or (read_identifier(post.id) or "").partition("_")[0]
    if not platform_id:
        return None
    text = _text(post)
    return Content(
        platform_id=platform_id,
        url=without_query(read_string(post.url)) or _address(post),
        text=text,
        statistics=Statistics(
            views=_views(post),
            likes=first_count(_count(post.edge_liked_by), _count(post.edge_media_preview_like), post.like_count),
            comments=first_count(_count(post.edge_media_to_comment), post.comment_count),
        ),
        posted_at=read_instant(post.taken_at_timestamp) or read_instant(post.taken_at),
        hashtags=unique_hashtags(written_hashtags(text)),
        mentions=unique_mentions(written_mentions(text)),
    )


def nodes_of(connection: Raw) -> list[Raw]:
    """The nodes of a list of Instagram's graph, none if there is no such list."""
    told = decoded(_EDGES, connection) or Edges()
    found = (decoded(_EDGE, edge) for edge in decoded(ELEMENTS, told.edges) or ())
    return [edge.node if edge else ABSENT for edge in found]


def count_of(connection: Raw) -> int | None:
    """How long a list of Instagram's graph is."""
    return read_count(_count(connection))


def is_pinned(post: Post) -> bool:
    return bool(decoded(ELEMENTS, post.pinned_for_users))


def _count(connection: Raw) -> Raw:
    return (decoded(_EDGES, connection) or Edges()).count


def _text(post: Post) -> str | None:
    """The caption. A node without any caption has an empty list of them: "" is known; a null elsewhere is not."""
    edges = decoded(_EDGES, post.edge_media_to_caption)
    if edges is not None and decoded(ELEMENTS, edges.edges) == []:
        return ""
    node = next(iter(nodes_of(post.edge_media_to_caption)), ABSENT)
    for raw in (node, post.caption):
        caption = decoded(_CAPTION, raw)
        text = read_text(caption.text if caption else raw)
        if text is not None:
            return text
    return None


def _views(post: Post) -> int | None:
    """The greatest of the counts; 0 stands beside real ones, so by itself it says nothing."""
    told = (post.video_play_count, post.ig_play_count, post.play_count, post.video_view_count)
    return max((read_count(raw) or 0 for raw in told), default=0) or None


def _address(post: Post) -> str | None:
    code = read_identifier(post.shortcode) or read_identifier(post.code)
    kind = "reel" if read_string(post.product_type) == "clips" else "p"
    return f"https://www.instagram.com/{kind}/{quote(code, safe='')}/" if code else None
