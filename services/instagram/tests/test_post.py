"""What a post of a search tells of itself and of its owner."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from common.domain.creator import Item, Statistics

Json = dict[str, Any]
Read = Callable[[object], Item]
INSTANT = datetime(2026, 9, 14, 19, 20, tzinfo=UTC)


@pytest.mark.parametrize(
    ("caption", "text"),
    [
        ("rye #bread", "rye #bread"),
        ({"text": "rye #bread"}, "rye #bread"),
        ("", ""),
        ({"text": ""}, ""),
        ({}, None),
        (None, None),
        (5, None),
        ([], None),
    ],
)
def test_a_caption_is_a_string_or_holds_one(post: Json, read_post: Read, caption: object, text: str | None) -> None:
    """Null is unknown: some answers have no captions at all."""
    post["caption"] = caption
    content = read_post(post).content
    assert content is not None
    assert content.text == text
    assert content.hashtags == (("bread",) if text else ())


def test_hashtags_and_mentions_come_from_the_caption(post: Json, read_post: Read) -> None:
    """Each once; an address is no mention."""
    post["caption"] = "#Rye with @wren.hallowmere #rye #sourdough sol@brackenvale.example @Wren.Hallowmere."
    content = read_post(post).content
    assert content is not None
    assert content.hashtags == ("Rye", "sourdough")
    assert content.mentions == ("wren.hallowmere",)


@pytest.mark.parametrize(("sent", "likes"), [(-1, None), (0, 0), (12, 12), ("12", 12), (None, None), (True, None)])
def test_hidden_likes_are_unknown(post: Json, read_post: Read, sent: object, likes: int | None) -> None:
    """-1 is how they are hidden."""
    post["like_count"] = sent
    content = read_post(post).content
    assert content is not None
    assert content.statistics.likes == likes


@pytest.mark.parametrize(
    ("counts", "views"),
    [
        ({"video_view_count": 0, "video_play_count": 116333}, 116333),
        ({"video_view_count": 9, "video_play_count": 0}, 9),
        ({"video_view_count": 9}, 9),
        ({"play_count": 7, "ig_play_count": 6}, 7),
        ({"ig_play_count": 6}, 6),
        ({"video_view_count": 0}, None),
        ({"video_view_count": 0, "video_play_count": None}, None),
        ({}, None),
    ],
)
def test_views_are_the_plays(post: Json, read_post: Read, counts: Json, views: int | None) -> None:
    """A count of views is 0 beside real plays, so 0 alone is unknown."""
    del post["video_view_count"], post["video_play_count"]
    content = read_post({**post, **counts}).content
    assert content is not None
    assert content.statistics.views == views


@pytest.mark.parametrize(
    ("sent", "instant"),
    [
        ("2026-09-14T19:20:00.000Z", INSTANT),
        ("2026-09-14T19:20:00", INSTANT),
        ("2026-09-14T21:20:00+02:00", INSTANT),
        (1789413600, INSTANT),
        ("1789413600", INSTANT),
        (0, None),
        ("yesterday", None),
        (None, None),
    ],
)
def test_the_time_is_iso_or_unix(post: Json, read_post: Read, sent: object, instant: datetime | None) -> None:
    """It was both."""
    post["taken_at"] = sent
    content = read_post(post).content
    assert content is not None
    assert content.posted_at == instant


@pytest.mark.parametrize(
    ("changes", "url"),
    [
        ({}, "https://www.instagram.com/reel/DEMOxdt001/"),
        ({"url": "https://www.instagram.com/p/x/?igsh=1"}, "https://www.instagram.com/p/x/"),
        ({"url": "javascript:alert(1)"}, "https://www.instagram.com/reel/DEMOxdt001/"),
        ({"url": None, "product_type": "feed"}, "https://www.instagram.com/p/DEMOxdt001/"),
        ({"url": None, "product_type": None, "shortcode": "a/b"}, "https://www.instagram.com/p/a%2Fb/"),
        ({"url": None, "shortcode": None}, None),
    ],
)
def test_the_address_is_told_or_made(post: Json, read_post: Read, changes: Json, url: str | None) -> None:
    """From the short code, as Instagram does."""
    content = read_post({**post, **changes}).content
    assert content is not None
    assert content.url == url


def test_the_mobile_apps_id_is_cut_before_its_owner(post: Json, read_post: Read) -> None:
    """So that a post has one id in all shapes."""
    for ids in ({"id": "37_91"}, {"pk": "37", "id": "37_91"}, {"pk": "37"}, {"pk": None, "id": "37"}):
        bare = {name: value for name, value in post.items() if name != "id"}
        assert read_post({**bare, **ids}).item_id == "37"


def test_a_post_without_an_id_stands_for_its_owner(post: Json, read_post: Read) -> None:
    """A number is no id: it may be rounded."""
    post["id"] = 3714900000000000001
    item = read_post(post)
    assert (item.item_id, item.content, item.account.handle) == ("91000000001", None, "sol.brackenvale")


def test_followers_of_an_owner_are_told_sometimes(post: Json, read_post: Read) -> None:
    """They came and went; a bio is never told."""
    account = read_post(post).account
    assert (account.followers, account.posts, account.bio) == (41233, 388, None)
    del post["owner"]["follower_count"], post["owner"]["post_count"], post["owner"]["is_private"]
    account = read_post(post).account
    assert (account.followers, account.posts, account.private, account.verified) == (None, None, None, False)


def test_an_owner_may_be_called_user(post: Json, read_post: Read) -> None:
    """In the mobile app's shape, with `pk`."""
    owner = post.pop("owner")
    post["user"] = {"pk": owner["id"], "username": owner["username"]}
    account = read_post(post).account
    assert (account.platform_id, account.handle) == ("91000000001", "sol.brackenvale")


def test_odd_counts_cost_themselves_only(post: Json, read_post: Read) -> None:
    """The creator lives."""
    post |= {"comment_count": "many", "like_count": [], "taken_at": {}, "caption": 1e300, "product_type": 5}
    content = read_post(post).content
    assert content is not None
    assert content.statistics == Statistics(views=116333)
    assert content.text is None
