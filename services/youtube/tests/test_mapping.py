"""What a video and a channel of a search tell."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from common.domain.creator import Content, Item
from common.platform import Unparsable

Json = dict[str, Any]
ReadItems = Callable[..., list[Item | Unparsable]]
ID = "UCdemo00000000000000001A"


@pytest.fixture
def read_video(read_items: ReadItems) -> Callable[[Json], Item]:
    def read(video: Json) -> Item:
        (item,) = read_items(videos=[video])
        assert isinstance(item, Item)
        return item

    return read


@pytest.fixture
def read_content(read_video: Callable[[Json], Item]) -> Callable[[Json], Content]:
    def read(video: Json) -> Content:
        content = read_video(video).content
        assert content is not None
        return content

    return read


@pytest.fixture
def read_card(read_items: ReadItems) -> Callable[[Json], Item]:
    def read(card: Json) -> Item:
        (item,) = read_items(channels=[card])
        assert isinstance(item, Item)
        return item

    return read


# --- whose it is ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "handle"),
    [
        ("garricklowmoor", "garricklowmoor"),
        ("@garricklowmoor", "garricklowmoor"),
        ("%E5%86%B7%E3%81%9F%E3%81%84-9", "冷たい-9"),
        ("@%C3%A9t%C3%A9", "été"),
        (f"channel/{ID}", ID),
        ("channel/UCsomebodyelse0000000000", ID),
        ("c/lowmoor", "c/lowmoor"),
        ("user/lowmoor", "user/lowmoor"),
        ("%E5%86", ID),
        ("a%20b", ID),
        ("watch?v=a/b", ID),
        ("", ID),
        ("@", ID),
        (None, ID),
        (5, ID),
        ("x" * 129, ID),
    ],
)
def test_a_handle_is_read_in_its_own_letters_or_is_the_id(
    read_video: Callable[[Json], Item], video: Json, written: object, handle: str
) -> None:
    """Channels without a handle come as `channel/UC…`."""
    video["channel"]["handle"] = written
    account = read_video(video).account
    assert (account.platform_id, account.handle) == (ID, handle)


def test_without_a_handle_the_id_stands_in_for_it(read_video: Callable[[Json], Item], video: Json) -> None:
    """As in the hashtag search; the address is that of the id."""
    del video["channel"]["handle"]
    account = read_video(video).account
    assert (account.handle, account.url) == (ID, f"https://www.youtube.com/channel/{ID}")


def test_an_address_is_written_in_ascii(read_video: Callable[[Json], Item], video: Json) -> None:
    """Whatever script the handle has."""
    video["channel"]["handle"] = "%C3%A9t%C3%A9"
    assert read_video(video).account.url == "https://www.youtube.com/@%C3%A9t%C3%A9"
    video["channel"]["handle"] = "c/lowmoor"
    assert read_video(video).account.url == "https://www.youtube.com/c/lowmoor"


@pytest.mark.parametrize("uploader", [None, [], "x", {}, {"title": "a"}, {"id": ""}, {"id": 5}, {"id": "a b"}])
def test_a_video_without_a_channels_string_id_is_unparsable(
    read_items: ReadItems, video: Json, uploader: object
) -> None:
    """Nobody could be asked about."""
    video["channel"] = uploader
    assert read_items(videos=[video]) == [Unparsable("video without a channel")]


def test_what_a_video_does_not_tell_of_its_channel_is_unknown(read_video: Callable[[Json], Item], video: Json) -> None:
    """Neither subscribers nor bio nor badge: the video's own badges are not the channel's."""
    video["badges"] = ["Verified", "4K"]
    account = read_video(video).account
    assert (account.followers, account.bio, account.verified, account.posts) == (None, None, None, None)


# --- the video -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("title", "description", "text"),
    [
        ("Title", "Line\nline", "Title\n\nLine\nline"),
        ("Title", "", "Title"),
        ("Title", None, "Title"),
        ("", "Line", "Line"),
        ("", "", ""),
        (None, None, None),
        (5, [], None),
        ("a" * 6000, "b" * 6000, "a" * 6000 + "\n\n" + "b" * 3998),
    ],
)
def test_the_text_is_title_blank_line_and_description(
    read_content: Callable[[Json], Content], video: Json, title: object, description: object, text: str | None
) -> None:
    """Of bounded length; unknown if neither is told."""
    video |= {"title": title, "description": description}
    assert read_content(video).text == text


def test_hashtags_and_mentions_are_those_of_the_text(read_content: Callable[[Json], Content], video: Json) -> None:
    """Of title and description."""
    video |= {"title": "Forge #Forge", "description": "With @Mira.Ovens #forge #anvil, mail a@b.example"}
    content = read_content(video)
    assert (content.hashtags, content.mentions) == (("Forge", "anvil"), ("mira.ovens",))


def test_only_the_date_of_publishing_is_trusted(read_content: Callable[[Json], Content], video: Json) -> None:
    """`publishedTime` is computed from "9 days ago"."""
    assert read_content(video).posted_at == datetime(2026, 9, 7, 13, 0, 22, tzinfo=UTC)
    del video["publishDate"]
    assert video["publishedTime"]
    assert read_content(video).posted_at is None


@pytest.mark.parametrize("odd", [None, "", "9 days ago", "2026-13-01T00:00:00Z", 5e300, [], "0001-01-01T00:00:00Z"])
def test_an_odd_date_is_unknown(read_content: Callable[[Json], Content], video: Json, odd: object) -> None:
    """And costs itself only."""
    video["publishDate"] = odd
    assert read_content(video).posted_at is None


@pytest.mark.parametrize(
    ("text", "views"),
    [
        ("110,447 views", 750000),
        ("110,447", 750000),
        (None, 750000),
        ("750K", None),
        ("1.2M views", None),
        ("3B", None),
        ("1,204 watching", None),
    ],
)
def test_a_count_that_is_shown_rounded_is_unknown(
    read_content: Callable[[Json], Content], video: Json, text: object, views: int | None
) -> None:
    """A post's counts are exact or unknown; who watches a live is no view."""
    video |= {"viewCountText": text, "viewCountInt": 750000}
    assert read_content(video).statistics.views == views


@pytest.mark.parametrize("odd", [None, "", "many", -1, 2**60, [], 1.5])
def test_an_odd_count_is_unknown(read_content: Callable[[Json], Content], video: Json, odd: object) -> None:
    """Not 0."""
    video |= {"viewCountInt": odd, "likeCountInt": odd, "commentCountInt": odd}
    statistics = read_content(video).statistics
    assert (statistics.views, statistics.likes, statistics.comments) == (None, None, None)


def test_a_video_without_an_id_still_leads_to_its_channel(read_video: Callable[[Json], Item], video: Json) -> None:
    """The item is then known by the channel."""
    video["id"] = 5
    item = read_video(video)
    assert (item.item_id, item.content) == (ID, None)


# --- a channel of a search -----------------------------------------------------------------------------------------


def test_a_found_channel_tells_its_subscribers(read_card: Callable[[Json], Item], card: Json) -> None:
    """Rounded as the channel itself shows them; the snippet is not its bio."""
    account = read_card(card).account
    assert (account.followers, account.bio, account.verified) == (268000, None, True)


@pytest.mark.parametrize(
    ("fields", "followers"),
    [
        ({"subscriberCountInt": 0, "subscriberCountText": "0"}, 0),
        ({"subscriberCountInt": 0, "subscriberCountText": None}, None),
        ({"subscriberCountInt": None, "subscriberCountText": "54.5K"}, None),
        ({"subscriberCountInt": "54500"}, 54500),
        ({"subscriberCountInt": -1}, None),
    ],
)
def test_a_hidden_count_of_subscribers_is_unknown(
    read_card: Callable[[Json], Item], card: Json, fields: Json, followers: int | None
) -> None:
    """0 only if it is shown."""
    assert read_card(card | fields).account.followers == followers


@pytest.mark.parametrize("badges", [None, [], ["Official Artist Channel"], "Verified", [5], {}])
def test_without_its_badge_a_channel_may_be_verified_or_not(
    read_card: Callable[[Json], Item], card: Json, badges: object
) -> None:
    """The profile knows."""
    card["badges"] = badges
    assert read_card(card).account.verified is None


@pytest.mark.parametrize("odd", [None, 5, "text", {}, {"id": None}, {"id": 5, "channelName": "a"}])
def test_a_channel_without_a_string_id_is_unparsable(read_items: ReadItems, odd: object) -> None:
    """It costs itself only."""
    assert read_items(channels=[odd]) == [Unparsable("not a channel with a string id")]


@pytest.mark.parametrize(
    ("thumbnail", "avatar"),
    [
        ("//yt3.example/a=s88", "https://yt3.example/a=s88"),
        ("http://yt3.example/a", "http://yt3.example/a"),
        ("javascript:alert(1)", None),
        ("", None),
        (None, None),
    ],
)
def test_a_picture_is_a_whole_web_address(
    read_card: Callable[[Json], Item], card: Json, thumbnail: object, avatar: str | None
) -> None:
    """Some lack the scheme."""
    card["thumbnail"] = thumbnail
    assert read_card(card).account.avatar_url == avatar
