"""What the channel endpoint tells."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from common.domain.creator import Account
from common.errors import NotFoundError, ShapeError
from youtube.profile import PROFILE
from youtube.table import YOUTUBE

Json = dict[str, Any]
Read = Callable[[Json], Account]
ID = "UCdemo00000000000000001A"


def account(**fields: Any) -> Account:
    return Account(platform_id=ID, handle="garricklowmoor", **fields)


def test_a_profile_is_asked_for_by_id() -> None:
    """An id sent as a handle would be a 404 that costs a credit."""
    assert PROFILE.ask(account(), None) == {"channelId": ID}
    assert PROFILE.ask(account(), "7d") == {"channelId": ID, "cache_max_age": "7d"}


@pytest.mark.parametrize(
    ("known", "is_needed"),
    [
        (account(), True),
        (account(bio="", followers=None), True),
        (account(bio=None, followers=5), True),
        (account(bio="", followers=0), False),
    ],
)
def test_a_profile_is_needed_for_the_bio_or_the_followers(known: Account, is_needed: bool) -> None:
    """An empty bio and 0 followers are known."""
    assert PROFILE.is_needed(known) is is_needed


def test_what_a_profile_tells_are_filters_that_the_platform_offers() -> None:
    """YouTube tells no language."""
    assert PROFILE.tells <= YOUTUBE.filters
    assert {name.value for name in YOUTUBE.filters} == {
        "followersMin",
        "followersMax",
        "hasEmail",
        "verified",
        "countries",
        "postedWithinDays",
        "excludeHandles",
        "excludeCampaigns",
    }


# --- who it is -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("handle", "address", "expected"),
    [
        ("@garricklowmoor", None, "garricklowmoor"),
        ("garricklowmoor", None, "garricklowmoor"),
        (None, "http://www.youtube.com/@garricklowmoor", "garricklowmoor"),
        (None, "http://www.youtube.com/@%C3%A9t%C3%A9/", "été"),
        (None, f"http://www.youtube.com/channel/{ID}", ID),
        (None, "http://www.youtube.com/c/lowmoor", "c/lowmoor"),
        ("", "", ID),
        (5, "http://[", ID),
        (None, None, ID),
    ],
)
def test_the_handle_comes_from_its_field_or_from_the_address(
    channel: Json, read_channel: Read, handle: object, address: object, expected: str
) -> None:
    """Older answers have the address alone; without either the id stands in."""
    channel |= {"handle": handle, "channel": address}
    assert read_channel(channel).handle == expected


@pytest.mark.parametrize("odd", [None, "", 5, [], "a b"])
def test_an_answer_without_a_string_id_is_no_channel(channel: Json, read_channel: Read, odd: object) -> None:
    """Who it is must be said."""
    channel["channelId"] = odd
    with pytest.raises(ShapeError):
        read_channel(channel)


# --- counts and dates ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("count", "text", "posts"),
    [
        (507, "507 videos", 507),
        (0, "No videos", 0),
        (None, "1,204 videos", 1204),
        (None, "1 video", 1),
        (None, "1.2K videos", 1200),
        (None, "3M videos", 3_000_000),
        (None, "1.5 videos", None),
        (None, "9999999999B videos", None),
        (None, "many", None),
        (None, "1,20 videos", None),
        (None, "9" * 40, None),
        (None, None, None),
        ("odd", 5, None),
    ],
)
def test_the_number_of_videos_comes_from_its_count_or_its_text(
    channel: Json, read_channel: Read, count: object, text: object, posts: int | None
) -> None:
    """Older answers have the text alone."""
    channel |= {"videoCount": count, "videoCountText": text}
    assert read_channel(channel).posts == posts


@pytest.mark.parametrize(
    ("count", "text", "followers"),
    [(268000, "268K subscribers", 268000), (0, "0 subscribers", 0), (0, None, None), (0, "", None), (None, "5", None)],
)
def test_hidden_subscribers_are_unknown(
    channel: Json, read_channel: Read, count: object, text: object, followers: int | None
) -> None:
    """0 only if it is shown."""
    channel |= {"subscriberCount": count, "subscriberCountText": text}
    assert read_channel(channel).followers == followers


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("Joined Mar 3, 2015", (2015, 3, 3)),
        ("Joined  March 13, 2015", (2015, 3, 13)),
        ("Mar 3, 2015", (2015, 3, 3)),
        ("Joined 3 Mar 2015", (2015, 3, 3)),
        ("Joined 3 Sept. 2015", (2015, 9, 3)),
        ("joined feb 29, 2016", (2016, 2, 29)),
    ],
)
def test_the_day_of_joining_is_read(channel: Json, read_channel: Read, text: str, day: tuple[int, int, int]) -> None:
    """As the page of the channel writes it."""
    channel["joinedDateText"] = text
    assert read_channel(channel).created_at == datetime(*day, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    ["Joined Feb 29, 2015", "Joined 2015", "Joined Foo 3, 2015", "Joined Mar 3, 1999", "am 3.3.2015", "", None, 5],
)
def test_an_unreadable_day_of_joining_is_unknown(channel: Json, read_channel: Read, text: object) -> None:
    """And what was written stays among the platform's own values if it is a text."""
    channel["joinedDateText"] = text
    told = read_channel(channel)
    assert told.created_at is None
    assert told.native.get("joinedDateText") == (text if isinstance(text, str) and text else None)


# --- texts ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("description", "bio"), [("", ""), (None, None), (5, None), ("a\r\nb", "a\nb")])
def test_the_description_is_the_bio(channel: Json, read_channel: Read, description: object, bio: str | None) -> None:
    """An empty one is known to be empty."""
    channel["description"] = description
    assert read_channel(channel).bio == bio


def test_half_an_emoji_does_not_lose_the_channel(channel: Json, read_channel: Read) -> None:
    """Nor the links that are members of their own."""
    channel["description"] = "Forge \ud83d"
    told = read_channel(channel)
    assert told.bio == "Forge "
    assert len(told.links) == 2


@pytest.mark.parametrize(
    ("email", "emails"), [("a@b.example", ("a@b.example",)), (" ", ()), ("", ()), (None, ()), (5, ())]
)
def test_the_field_for_an_email_is_handed_on_as_written(
    channel: Json, read_channel: Read, email: object, emails: tuple[str, ...]
) -> None:
    """Its source is the field, not the bio."""
    channel["email"] = email
    assert read_channel(channel).emails == emails
    del channel["email"]
    assert read_channel(channel).emails == ()


@pytest.mark.parametrize(
    ("country", "code"), [("United Kingdom", "GB"), ("gb", "GB"), ("Narnia", None), ("", None), (None, None), (5, None)]
)
def test_the_country_is_a_code(channel: Json, read_channel: Read, country: object, code: str | None) -> None:
    """A name that nobody knows is unknown."""
    channel["country"] = country
    assert read_channel(channel).country == code


@pytest.mark.parametrize(
    ("tags", "keywords", "topics"),
    [
        ("lathe, restoration", ["Lathe", "workshop"], ("lathe", "restoration", "workshop")),
        ('"slow cooking", bread', None, ("slow cooking", "bread")),
        ("", ['"slow', 'cooking"', "“bread”"], ("slow", "cooking", "bread")),
        (" , ,", ["", " ", 5, None, '""', "#"], ()),
        ("#lathe, c#", ["＃forge"], ("lathe", "c#", "forge")),
        (None, None, ()),
        (["lathe"], "lathe", ()),
        ("x" * 101, ["y"], ("y",)),
    ],
)
def test_topics_are_tags_and_keywords_once_without_quotes(
    channel: Json, read_channel: Read, tags: object, keywords: object, topics: tuple[str, ...]
) -> None:
    """The first spelling stays."""
    channel |= {"tags": tags, "keywords": keywords}
    assert read_channel(channel).topics == topics


# --- links and pictures --------------------------------------------------------------------------------------------


def test_links_are_those_of_the_list_and_of_the_social_members(channel: Json, read_channel: Read) -> None:
    """Each once, made whole."""
    channel |= {
        "tik_tok": "tiktok.com/@a",
        "my_shop": "//shop.example/x",
        "дом": "https://a.example",
        "links": ["b.example"],
    }
    assert read_channel(channel).links == (
        "https://b.example",
        "https://instagram.com/garricklowmoor.demo",
        "https://shop.lowmoor.example",
        "https://tiktok.com/@a",
        "https://shop.example/x",
        "https://a.example",
    )


def test_members_that_are_no_social_link_are_none(channel: Json, read_channel: Read) -> None:
    """The vendor's own have capitals or are known: a name like an address is no link."""
    channel |= {
        "name": "lowmoor.example",
        "message": "see https://a.example",
        "rssUrl": "https://a.example/rss",
        "cached_at": "2026-09-17T10:00:00.000Z",
        "discord": None,
        "store": 5,
        "instagram": "mailto:a@b.example",
        "twitter": "@garrick",
        "links": [5, None, {}, ""],
    }
    assert read_channel(channel).links == ()


@pytest.mark.parametrize(
    ("sources", "avatar"),
    [
        (
            [{"url": "https://a.example/1", "width": 68}, {"url": "https://a.example/2", "width": 900}, {}],
            "https://a.example/2",
        ),
        ([{"url": "javascript:a", "width": 900}, {"url": "//a.example/1"}], "https://a.example/1"),
        ([None, 5, {"width": 5}], None),
        ([], None),
        ("odd", None),
    ],
)
def test_the_largest_picture_is_kept(channel: Json, read_channel: Read, sources: object, avatar: str | None) -> None:
    """Of those that are web addresses."""
    channel["avatar"] = {"image": {"sources": sources}}
    assert read_channel(channel).avatar_url == avatar


@pytest.mark.parametrize("avatar", [None, [], {}, {"image": None}, "https://a.example/1"])
def test_an_odd_picture_costs_itself_only(channel: Json, read_channel: Read, avatar: object) -> None:
    """The channel is read."""
    channel["avatar"] = avatar
    assert read_channel(channel).avatar_url is None


# --- no channel ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        {"success": True, "accountDoesNotExist": True, "message": "Account doesn't exist", "error": "not_found"},
        {"success": True, "error": "not_found"},
        {"accountDoesNotExist": True, "channelId": ID},
    ],
)
def test_a_body_that_says_so_is_an_unknown_channel(read_channel: Read, body: Json) -> None:
    """It says `success` all the same."""
    with pytest.raises(NotFoundError):
        read_channel(body)


@pytest.mark.parametrize(
    "body",
    [{}, {"success": True}, {"success": False, "channelId": ID}, {"accountDoesNotExist": False}, [], None, "text"],
)
def test_a_body_without_a_channel_is_no_profile(body: object) -> None:
    """It does not say that there is no such channel, and that would be remembered."""
    with pytest.raises(ShapeError):
        PROFILE.read(json.dumps(body).encode())
